//! The fields of plugins in the mesh, and the words that some of them take. The API server drops an unknown field, and
//! refuses an unknown word.

use halftone::config::similar;
use serde_json::Value;

use crate::plugin::PluginKind;

/// The fields of `spec` of a WasmPlugin.
pub const WASM_PLUGIN: [&str; 16] = [
    "selector",
    "targetRefs",
    "match",
    "url",
    "failStrategy",
    "phase",
    "priority",
    "pluginConfig",
    "pluginName",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "vmConfig",
    "type",
    "targetRef",
    "verificationKey",
];

/// The fields of `spec` of a TrafficExtension.
pub const TRAFFIC_EXTENSION: [&str; 7] = [
    "selector",
    "targetRefs",
    "match",
    "phase",
    "priority",
    "wasm",
    "lua",
];

/// The fields of `spec.wasm` of a TrafficExtension.
pub const MODULE: [&str; 10] = [
    "url",
    "failStrategy",
    "pluginConfig",
    "pluginName",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "vmConfig",
    "type",
    "verificationKey",
];

/// The fields that take only some words.
pub const WORDS: [(&str, &[&str]); 3] = [
    ("failStrategy", &["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"]),
    ("type", &["HTTP", "NETWORK", "UNSPECIFIED_PLUGIN_TYPE"]),
    (
        "imagePullPolicy",
        &["IfNotPresent", "Always", "UNSPECIFIED_POLICY"],
    ),
];

/// The words of `phase` of a WasmPlugin.
pub const PHASES: [&str; 4] = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"];

/// The words of `phase` of a TrafficExtension.
pub const EXTENSION_PHASES: [&str; 4] = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED"];

/// The fields of a plugin configuration.
const CONFIGURATION: [&str; 5] = [
    "releases",
    "signing",
    "accessLog",
    "explain",
    "mirrorBudget",
];

/// The most findings of a plugin.
const MOST: usize = 100;

/// A field or a word that the cluster does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// The path in the resource.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// What is misspelt in the `spec` of a plugin.
pub(crate) fn misspelt(kind: PluginKind, spec: &Value) -> Vec<Misspelt> {
    let mut found = Vec::new();
    let (module, at, phases) = match kind {
        PluginKind::WasmPlugin => {
            fields("spec", spec, &WASM_PLUGIN, &mut found);
            (Some(spec), "spec", &PHASES)
        }
        PluginKind::TrafficExtension => {
            fields("spec", spec, &TRAFFIC_EXTENSION, &mut found);
            (spec.get("wasm"), "spec.wasm", &EXTENSION_PHASES)
        }
    };
    word("spec", spec, "phase", phases, &mut found);
    if let Some(selector) = spec.get("selector") {
        fields("spec.selector", selector, &["matchLabels"], &mut found);
    }
    let traffic = spec.get("match").and_then(Value::as_array);
    for (index, one) in traffic.into_iter().flatten().enumerate() {
        fields(
            &format!("spec.match[{index}]"),
            one,
            &["mode", "ports"],
            &mut found,
        );
    }
    let Some(module) = module else {
        return found;
    };
    if kind == PluginKind::TrafficExtension {
        fields(at, module, &MODULE, &mut found);
    }
    for (field, words) in WORDS {
        word(at, module, field, words, &mut found);
    }
    found
}

fn fields(at: &str, value: &Value, known: &[&'static str], found: &mut Vec<Misspelt>) {
    let names = value.as_object().into_iter().flat_map(|all| all.keys());
    let room = MOST.saturating_sub(found.len());
    let unknown = names.filter(|name| !known.contains(&name.as_str()));
    for name in unknown.take(room) {
        let hint = match similar(name, known) {
            _ if CONFIGURATION.contains(&name.as_str()) => {
                format!("`{name}` belongs under `pluginConfig`; the")
            }
            Some(similar) => format!("did you mean `{similar}`? The"),
            None => "the".into(),
        };
        found.push(Misspelt {
            path: format!("{at}.{name}"),
            message: format!("unknown field; {hint} fields here are {}", known.join(", ")),
        });
    }
}

fn word(at: &str, value: &Value, field: &str, words: &[&'static str], found: &mut Vec<Misspelt>) {
    let Some(text) = value.get(field).and_then(Value::as_str) else {
        return;
    };
    if words.contains(&text) {
        return;
    }
    let hint = match similar(text, words) {
        Some(similar) => format!("did you mean {similar}? The"),
        None => "the".into(),
    };
    found.push(Misspelt {
        path: format!("{at}.{field}"),
        message: format!(
            "unknown value \"{text}\"; {hint} values are {}",
            words.join(", ")
        ),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_findings_of_a_plugin_are_limited() {
        let names = (0..10 * MOST).map(|number| (format!("x{number}"), json!(1)));
        let spec = Value::Object(names.collect());
        let module = json!({ "wasm": spec, "match": vec![&spec; 20] });
        for (kind, spec) in [
            (PluginKind::WasmPlugin, &spec),
            (PluginKind::TrafficExtension, &module),
        ] {
            assert_eq!(misspelt(kind, spec).len(), MOST, "{kind:?}");
        }
    }
}
