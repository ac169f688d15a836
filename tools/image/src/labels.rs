//! What the image says of itself.

use serde_json::{Map, Value};

/// The labels that every tool knows: in the image's configuration, where daemons look, and among the annotations of its
/// manifest, where registries do.
pub const LABELS: [(&str, &str); 4] = [
    ("org.opencontainers.image.title", "halftone"),
    (
        "org.opencontainers.image.description",
        "Grayscale releases decided per request inside Envoy",
    ),
    ("org.opencontainers.image.version", VERSION),
    (
        "org.opencontainers.image.licenses",
        env!("CARGO_PKG_LICENSE"),
    ),
];

/// The version, under which the layout's index has the image too.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Tells hosts which of the two forms of a wasm image it is.
const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");

/// [`LABELS`] as JSON.
pub fn labels() -> Map<String, Value> {
    LABELS
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// The annotations of the manifest.
pub fn annotations() -> Map<String, Value> {
    let mut annotations = labels();
    annotations.insert(VARIANT.0.into(), VARIANT.1.into());
    annotations
}
