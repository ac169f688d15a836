//! The parts of Envoy's own configuration: the filter, and the rules that extract labels from the names of
//! its metrics.

use super::plugin::Rendered;
use super::yaml::{Object, json_text, literal};
use crate::outcome::Failure;

/// The type of the configuration of Envoy's filter.
pub const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const TEXT: &str = "type.googleapis.com/google.protobuf.StringValue";

/// The default path of the module.
const MODULE: &str = "/etc/halftone/halftone.wasm";

/// The labels of Halftone's metrics.
const LABELS: [&str; 8] = [
    "release", "version", "reason", "class", "mirror", "outcome", "result", "kind",
];

/// The filter, for the plugin with this `name` in Envoy.
pub fn filter(plugin: &Rendered<'_>, name: &str) -> Result<Object, Failure> {
    Ok(Object::new()
        .field("name", "halftone")
        .object("typed_config", typed(plugin, name)?))
}

/// The configuration of the filter, with its type.
pub fn typed(plugin: &Rendered<'_>, name: &str) -> Result<Object, Failure> {
    let configuration = match plugin.config {
        Some(config) => Some(json_text(config)?),
        None => None,
    };
    let root_id = plugin
        .written
        .and_then(|plugin| plugin.plugin_name.as_deref());
    let config = Object::new()
        .field("name", name)
        .optional("root_id", root_id);
    let (comment, policy) = match plugin.fail_strategy {
        "FAIL_OPEN" => (
            "Traffic passes without a decision if the module fails.",
            "FAIL_OPEN",
        ),
        "FAIL_RELOAD" => ("Envoy loads the module again if it fails.", "FAIL_RELOAD"),
        _ => ("Traffic gets 503 if the module fails.", "FAIL_CLOSED"),
    };
    let config = config
        .comment(&format!(
            "{comment} An older Envoy without this field has fail_open: true or false."
        ))
        .field("failure_policy", policy);
    let (comment, file) = match plugin.url.strip_prefix("file://") {
        Some(file) => (None, file),
        None => (Some(of_image(plugin)), MODULE),
    };
    let local = Object::new();
    let local = match comment {
        Some(comment) => local.comment(&comment),
        None => local,
    };
    let code = Object::new().object("local", local.field("filename", file));
    let config = config.object(
        "vm_config",
        Object::new()
            .field("runtime", "envoy.wasm.runtime.v8")
            .object("code", code),
    );
    let config = match configuration {
        Some(text) => config.object(
            "configuration",
            Object::new()
                .comment(
                    "JSON as a string. A Struct would reach the filter as protobuf, which it rejects.",
                )
                .field("@type", TEXT)
                .field("value", literal(&text)),
        ),
        None => config,
    };
    Ok(Object::new().field("@type", WASM).object("config", config))
}

fn of_image(plugin: &Rendered<'_>) -> String {
    let choose =
        "Choose: the path of the module in Envoy's file system. Set it with --url file:///path.";
    if plugin.is_placeholder {
        choose.into()
    } else {
        format!(
            "{choose} Envoy does not fetch images. The module is plugin.wasm in {}.",
            plugin.url
        )
    }
}

/// A part of Envoy's bootstrap. Each rule extracts a label from the names of the metrics.
pub fn stats_config() -> Object {
    let rules = LABELS.iter().map(|label| {
        Object::new()
            .field("tag_name", label)
            .field("regex", format!(r"({label}=\.=(.*?);\.;)"))
    });
    Object::new().list("stats_tags", rules)
}
