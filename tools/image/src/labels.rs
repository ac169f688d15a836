//! The labels and annotations of the image.

use serde_json::{Map, Value};

/// Labels that every tool knows. They are in the image's configuration, where daemons read them, and among the annotations of
/// its manifest, where registries read them.
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

/// The version. It is also the name of the image in the layout's index.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Tells hosts which of the two forms of a wasm image this is.
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
