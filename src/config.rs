//! The plugin configuration as users write it, and its way to what runs.

mod compile;
mod duration;
mod hints;
mod json;
mod known;
mod named;
mod outline;
mod path;
mod punycode;
mod quoted;
mod read;
mod services;
mod size;
pub mod time;
mod violation;
mod wire;

use serde::Deserialize;
use serde_json::Value;

pub use hints::similar;
pub use known::Known;
pub use path::step as path_step;
pub use services::Proxy;
pub use violation::{Violation, Violations};
pub use wire::*;

use crate::config::json::Json;
use crate::release::Releases;

/// Compiles the JSON text of a plugin configuration, as Istio delivers it. An empty text has no
/// releases.
///
/// ```
/// let refused = halftone::config::load(br#"{"releases": [{"name": "reviews", "hosts": ["reviews:9080"], "principal": 1,
///     "canary": {"splt": [{"version": "v2", "weight": 10}]}}]}"#);
///
/// assert_eq!(refused.map(|_| ()).map_err(|violations| violations.to_string()), Err([
///     r#"releases[0].principal: expected a string, got the number 1; write principal: "1""#,
///     "releases[0].canary.splt: unknown field; did you mean `split`? The fields here are takeOver, rules, split, ramp, session",
///     r#"releases[0].hosts[0]: "reviews:9080" has a port; omit it: "reviews""#,
/// ].join("\n")));
/// ```
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(text: &[u8]) -> Result<Releases, Violations> {
    load_for(text, Proxy::default())
}

/// Like [`load`], for `proxy`. Whether a configuration has violations does not depend on the proxy.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_for(text: &[u8], proxy: Proxy<'_>) -> Result<Releases, Violations> {
    if text.trim_ascii().is_empty() {
        return Ok(Releases::default());
    }
    match serde_json::from_slice(text) {
        Ok(json) => load_json(&json, proxy),
        Err(error) => Err(read::not_json(&error)),
    }
}

/// Compiles a configuration that is parsed already, for example from YAML. `null` has no releases.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_value(value: &Value) -> Result<Releases, Violations> {
    load_value_for(value, Proxy::default())
}

/// Like [`load_value`], for `proxy`.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_value_for(value: &Value, proxy: Proxy<'_>) -> Result<Releases, Violations> {
    match Json::deserialize(value) {
        Ok(json) => load_json(&json, proxy),
        Err(error) => Err(read::not_json(&error)),
    }
}

fn load_json(json: &Json<'_>, proxy: Proxy<'_>) -> Result<Releases, Violations> {
    if matches!(json, Json::Null) {
        return Ok(Releases::default());
    }
    let mut violations = Violations::default();
    let config: PluginConfig = read::read(json, &mut violations);
    let identity = |index: usize| match json.get("releases") {
        Some(Json::Array(releases)) => releases.get(index).map_or(0, Json::canonical_hash),
        _ => 0,
    };
    compile::compile(&config, proxy, identity, violations)
}
