//! Istio's `WasmPlugin`.

use super::Kind;
use super::about::About;
use super::yaml::Object;

/// The WasmPlugin.
pub fn render(about: &About<'_>) -> Object {
    let plugin = &about.plugin;
    let spec = Object::new()
        .with(|spec| plugin.attached(spec, Kind::WasmPlugin, "selector", "matchLabels"))
        .with(|spec| plugin.placed(spec, "UNSPECIFIED_PHASE"))
        .with(|spec| plugin.module(spec));
    about
        .resource("extensions.istio.io/v1alpha1", "WasmPlugin", &plugin.name)
        .object("spec", spec)
}
