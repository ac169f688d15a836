//! The image, read with the types of the OCI specification.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use oci_spec::image::{
    Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const NAME: &str = "org.opencontainers.image.ref.name";
const VARIANT: &str = "module.wasm.image/variant";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The filter that `make build` writes.
fn filter() -> PathBuf {
    let path = root().join("target/halftone.wasm");
    assert!(path.is_file(), "run `make build` first");
    path
}

fn run(filter: &Path, layout: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftone-image"));
    command.args([filter, layout]).output().unwrap()
}

/// A layout of the filter, and the output of the program.
fn image() -> (TempDir, String) {
    let layout = tempfile::tempdir().unwrap();
    let output = run(&filter(), &layout.path().join("image"));
    assert!(output.status.success(), "{output:?}");
    (layout, String::from_utf8(output.stdout).unwrap())
}

/// The blob of a descriptor, after a check of its size and its digest.
fn blob(layout: &TempDir, descriptor: &Descriptor) -> Vec<u8> {
    let digest = descriptor.digest();
    let path = layout
        .path()
        .join("image/blobs")
        .join(digest.to_string().replace(':', "/"));
    let bytes = fs::read(path).unwrap();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), descriptor.size());
    assert_eq!(hex(&bytes), digest.digest());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The only image of a layout: its descriptor, its manifest.
fn manifest(layout: &TempDir) -> (Descriptor, ImageManifest) {
    let index = ImageIndex::from_file(layout.path().join("image/index.json")).unwrap();
    let [image] = index.manifests().as_slice() else {
        panic!("{index:?}");
    };
    assert_eq!(*image.media_type(), MediaType::ImageManifest);
    let manifest = ImageManifest::from_reader(blob(layout, image).as_slice()).unwrap();
    (image.clone(), manifest)
}

/// All files of a layout, by path.
fn files(layout: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![layout.path().join("image")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(layout.path()).unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The steps of Istio's agent for an image that is no Docker image.
#[test]
fn istio_finds_the_filter_in_the_last_layer() {
    let (layout, _) = image();
    let (_, manifest) = manifest(&layout);
    let layer = manifest.layers().last().unwrap();
    assert_eq!(
        layer.media_type().to_string(),
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    let compressed = blob(&layout, layer);
    let mut archive = tar::Archive::new(GzDecoder::new(compressed.as_slice()));
    let mut entries = archive.entries().unwrap();
    let mut entry = entries.next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap(), Path::new("plugin.wasm"));
    let mut found = Vec::new();
    entry.read_to_end(&mut found).unwrap();
    assert!(
        found == fs::read(filter()).unwrap(),
        "it is not target/halftone.wasm"
    );
    assert!(entries.next().is_none(), "there is another file");
}

#[test]
fn the_configuration_is_that_of_the_layer() {
    let (layout, _) = image();
    let (_, manifest) = manifest(&layout);
    assert_eq!(*manifest.config().media_type(), MediaType::ImageConfig);
    let config = blob(&layout, manifest.config());
    let config = ImageConfiguration::from_reader(config.as_slice()).unwrap();
    assert_eq!(
        (config.os().to_string(), config.architecture().to_string()),
        ("linux".into(), "amd64".into())
    );
    let mut archive = Vec::new();
    let [layer] = manifest.layers().as_slice() else {
        panic!("{manifest:?}");
    };
    GzDecoder::new(blob(&layout, layer).as_slice())
        .read_to_end(&mut archive)
        .unwrap();
    assert_eq!(
        *config.rootfs().diff_ids(),
        [format!("sha256:{}", hex(&archive))]
    );
}

/// Labels are the manifest's annotations but for the variant, which no daemon knows. A Dockerfile gives labels alone.
#[test]
fn manifest_configuration_and_dockerfile_say_the_same() {
    let (layout, _) = image();
    let (image, manifest) = manifest(&layout);
    let mut annotations = manifest.annotations().clone().unwrap();
    assert_eq!(annotations.remove(VARIANT).as_deref(), Some("compat"));

    let config = blob(&layout, manifest.config());
    let config = ImageConfiguration::from_reader(config.as_slice()).unwrap();
    assert_eq!(config.labels_of_config(), Some(&annotations));

    let dockerfile = fs::read_to_string(root().join("tools/image/Dockerfile")).unwrap();
    let labels = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("LABEL "));
    let labels = labels.map(|label| label.split_once('=').unwrap());
    let labels: HashMap<_, _> = labels
        .map(|(name, value)| (name.into(), value.trim_matches('"').into()))
        .collect();
    assert_eq!(labels, annotations);

    let package = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let description = &annotations["org.opencontainers.image.description"];
    assert!(
        package.contains(&format!("description = \"{description}\"")),
        "{description}"
    );
    let name = &image.annotations().clone().unwrap()[NAME];
    assert_eq!(*name, annotations["org.opencontainers.image.version"]);
    assert!(
        dockerfile.contains(&format!("halftone:{name} .")),
        "the command's tag is not {name}"
    );
}

#[test]
fn the_layout_is_valid() {
    let (layout, _) = image();
    let mark = OciLayout::from_file(layout.path().join("image/oci-layout")).unwrap();
    assert_eq!(mark.image_layout_version(), "1.0.0");
    let blobs = files(&layout)
        .into_keys()
        .filter(|path| path.starts_with("image/blobs/sha256"));
    assert_eq!(blobs.count(), 3, "manifest, configuration, layer");
}

#[test]
fn the_same_filter_gives_the_same_image() {
    let (first, second) = (image().0, image().0);
    assert_eq!(files(&first), files(&second));
}

#[test]
fn only_a_layout_is_replaced() {
    let (layout, _) = image();
    let before = files(&layout);
    let folder = layout.path().join("image");
    fs::write(folder.join("blobs/sha256/old"), "").unwrap();
    assert!(run(&filter(), &folder).status.success());
    assert_eq!(files(&layout), before);

    fs::remove_file(folder.join("oci-layout")).unwrap();
    let output = run(&filter(), &folder);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        error.contains("the folder exists and is no OCI layout; choose another folder"),
        "{error}"
    );
    assert!(folder.join("index.json").is_file());
}

#[test]
fn a_file_that_is_no_module_is_rejected() {
    let layout = tempfile::tempdir().unwrap();
    let output = run(&root().join("Cargo.toml"), &layout.path().join("image"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        error.contains("is not a WebAssembly module; build the filter with `make build`"),
        "{error}"
    );
    assert!(!layout.path().join("image").exists());
}

/// A WasmPlugin needs the digest of the manifest, in hexadecimal.
#[test]
fn the_advice_names_the_manifests_digest() {
    let (layout, advice) = image();
    let (image, _) = manifest(&layout);
    let digest = image.digest().digest();
    assert!(
        advice.contains(&format!("\n  sha256: {digest}")),
        "{advice}"
    );
    assert!(
        advice.contains(&format!(
            "oci:{}:{} docker://",
            layout.path().join("image").display(),
            env!("CARGO_PKG_VERSION")
        )),
        "{advice}"
    );
}
