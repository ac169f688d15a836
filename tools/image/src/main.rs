//! Puts the filter into the image that Istio pulls: `halftone-image FILTER LAYOUT`.
//!
//! There are two forms of a wasm image. The one that is made here is *compat*: an image as any other, with one layer that
//! holds `plugin.wasm`. Every registry keeps it, every tool pushes, copies, signs and scans it, a container engine can mount
//! it, and Istio's agent tries it first. The other form, an *artifact* with media types of its own, would win nothing, and
//! some registries refuse it.
//!
//! Its platform is `linux/amd64` although it runs on any: that is what `FROM scratch` gives on most machines, and what
//! Istio's agent asks for, on every machine, should the image come to stand in an index.
//!
//! JSON is written here by hand since types for it (`oci-spec`) keep annotations in no order, and the same filter must give
//! the same digest. The tests read it with those types.

mod labels;
mod layer;
mod layout;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use labels::VERSION;
use layout::Layout;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(filter), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        bail!("usage: halftone-image FILTER LAYOUT");
    };
    let bytes = fs::read(&filter).with_context(|| format!("cannot read {}", filter.display()))?;
    ensure!(
        bytes.starts_with(b"\0asm"),
        "{} is no WebAssembly module; build the filter with `make build`",
        filter.display()
    );
    let digest =
        write(&bytes, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    println!("{}", advice(&folder.display().to_string(), &digest));
    Ok(())
}

/// Writes the image, and gives the digest of its manifest in hexadecimal.
fn write(filter: &[u8], folder: &Path) -> Result<String> {
    let layout = Layout::begin(folder)?;
    let archive = layer::archive(filter)?;
    let layer = layout.add(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        &layer::compress(&archive)?,
    )?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Labels": labels::labels() },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", layout::hex(&archive))] },
        "history": [{ "created_by": "halftone-image" }],
    });
    let config = layout.add(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    )?;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config,
        "layers": [layer],
        "annotations": labels::annotations(),
    });
    let manifest = manifest.to_string();
    let mut image = layout.add(media_type, manifest.as_bytes())?;
    if let Value::Object(image) = &mut image {
        let name = json!({ "org.opencontainers.image.ref.name": VERSION });
        image.insert("annotations".into(), name);
    }
    layout.end(&image)?;
    Ok(layout::hex(manifest.as_bytes()))
}

/// What to do with the image.
fn advice(folder: &str, digest: &str) -> String {
    let image = format!("registry.example.com/halftone:{VERSION}");
    format!(
        "{folder}: halftone {VERSION}, sha256:{digest}

Push it with one of
  skopeo copy --preserve-digests oci:{folder}:{VERSION} docker://{image}
  crane push {folder} {image}
  oras cp --from-oci-layout {folder}:{VERSION} {image}

and name it in the WasmPlugin:
  url: oci://{image}
  sha256: {digest}"
    )
}
