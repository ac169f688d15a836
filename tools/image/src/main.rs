//! Puts the filter into the image that Istio pulls: `halftone-image FILTER LAYOUT`.
//!
//! A wasm image has one of two forms. This program writes the form *compat*: an ordinary image with one layer, which holds
//! `plugin.wasm`. All registries store it, all tools push, copy, sign and scan it, container engines can mount it, and Istio's
//! agent tries it first. The other form, an *artifact* with its own media types, has no advantage, and some registries reject
//! it.
//!
//! The platform of the image is `linux/amd64`, although the filter runs on any. It is what `FROM scratch` gives on most
//! machines, and what Istio's agent asks for on all machines if the image is in an index.
//!
//! The program builds its JSON without the types of `oci-spec`, because those keep annotations in no order, and the same filter
//! must give the same digest. The tests read the JSON with those types.

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
        "{} is not a WebAssembly module; build the filter with `make build`",
        filter.display()
    );
    let digest =
        write(&bytes, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    println!("{}", advice(&folder.display().to_string(), &digest));
    Ok(())
}

/// Writes the image. Returns the digest of its manifest in hexadecimal.
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

/// How to push the image and use it.
fn advice(folder: &str, digest: &str) -> String {
    let image = format!("registry.example.com/halftone:{VERSION}");
    format!(
        "{folder}: halftone {VERSION}, sha256:{digest}

Push it with one of these commands:
  skopeo copy --preserve-digests oci:{folder}:{VERSION} docker://{image}
  crane push {folder} {image}
  oras cp --from-oci-layout {folder}:{VERSION} {image}

Use it in the WasmPlugin:
  url: oci://{image}
  sha256: {digest}"
    )
}
