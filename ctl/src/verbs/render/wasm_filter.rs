//! What Envoy itself must be told, with a control plane or without: the filter, and the rules that
//! make labels of its metrics' names.

use super::plugin::Rendered;
use super::yaml::{Object, json_text, literal};
use crate::outcome::Failure;

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const TEXT: &str = "type.googleapis.com/google.protobuf.StringValue";

/// Where the module is, where nobody has named a file.
const MODULE: &str = "/etc/halftone/halftone.wasm";

/// The labels of Halftone's metrics.
const LABELS: [&str; 7] = [
    "release", "version", "reason", "class", "mirror", "outcome", "result",
];

/// The filter, for the plugin that Envoy calls `name`.
pub fn filter(plugin: &Rendered<'_>, name: &str) -> Result<Object, Failure> {
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
            "Traffic passes undecided where the module fails.",
            "FAIL_OPEN",
        ),
        "FAIL_RELOAD" => ("The module is loaded anew where it fails.", "FAIL_RELOAD"),
        _ => ("Traffic gets 503 where the module fails.", "FAIL_CLOSED"),
    };
    let config = config
        .comment(&format!(
            "{comment} An Envoy that does not know the field has fail_open, true or false."
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
                    "JSON in a text: a Struct would reach the filter as protobuf, and be refused.",
                )
                .field("@type", TEXT)
                .field("value", literal(&text)),
        ),
        None => config,
    };
    let typed = Object::new().field("@type", WASM).object("config", config);
    Ok(Object::new()
        .field("name", "halftone")
        .object("typed_config", typed))
}

fn of_image(plugin: &Rendered<'_>) -> String {
    let choose =
        "Choose: where the module is in Envoy's file system; --url file:///path says where.";
    if plugin.is_placeholder {
        choose.into()
    } else {
        format!(
            "{choose} Envoy fetches no image: it is plugin.wasm in {}.",
            plugin.url
        )
    }
}

/// Part of Envoy's bootstrap: each rule cuts a label out of the names of the metrics.
pub fn stats_config() -> Object {
    let rules = LABELS.iter().map(|label| {
        Object::new()
            .field("tag_name", label)
            .field("regex", format!(r"({label}=\.=(.*?);\.;)"))
    });
    Object::new().list("stats_tags", rules)
}
