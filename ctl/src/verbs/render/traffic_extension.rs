//! Istio's `TrafficExtension`: what a `WasmPlugin` says, with the module in a place of its own.

use super::Kind;
use super::about::About;
use super::yaml::Object;

/// The plugin.
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
