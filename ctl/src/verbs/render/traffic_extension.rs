//! Istio's `TrafficExtension`: the fields of a `WasmPlugin`, with those of the module in `wasm`.

use super::Kind;
use super::about::About;
use super::yaml::Object;

/// The TrafficExtension.
pub fn render(about: &About<'_>) -> Object {
    let plugin = &about.plugin;
    let spec = Object::new()
        .with(|spec| plugin.attached(spec, Kind::TrafficExtension, "selector", "matchLabels"))
        .with(|spec| plugin.placed(spec, "UNSPECIFIED"))
        .object("wasm", plugin.module(Object::new()));
    about
        .resource(
            "extensions.istio.io/v1alpha1",
            "TrafficExtension",
            &plugin.name,
        )
        .object("spec", spec)
}
