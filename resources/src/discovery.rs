//! The discovery resource of a filter: a file with its configuration, which Envoy reads again when another file is moved
//! in its place.
//!
//! A configuration of Envoy with `path_config_source` names the file. A change is live as soon as Envoy has read it, and
//! a configuration that the filter rejects leaves the one before it in place.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::file;

const RESOURCE: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const TEXT: &str = "type.googleapis.com/google.protobuf.StringValue";

/// The reason for which the configuration in a discovery resource cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub enum NotReplaced {
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The file is not JSON.
    #[error("is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The file is JSON without a filter of WebAssembly.
    #[error(
        "has no resources[0].typed_config.config; write it with halftonectl render --kind envoy --live"
    )]
    NoFilter,
}

/// The discovery resource of the filter `name`. `typed_config` is the configuration of Envoy's filter, and `config` the
/// plugin configuration.
///
/// # Errors
///
/// `typed_config` is not that of a filter of WebAssembly.
pub fn resource(name: &str, typed_config: Value, config: &Value) -> Result<Value, NotReplaced> {
    let resource = json!({"@type": RESOURCE, "name": name, "typed_config": typed_config});
    let mut resource = json!({"resources": [resource]});
    set(&mut resource, config)?;
    Ok(resource)
}

fn set(resource: &mut Value, config: &Value) -> Result<(), NotReplaced> {
    let filter = resource
        .pointer_mut("/resources/0/typed_config/config")
        .and_then(Value::as_object_mut)
        .ok_or(NotReplaced::NoFilter)?;
    // Envoy passes a Struct to a filter as protobuf, and a string as it is.
    let configuration = json!({"@type": TEXT, "value": config.to_string()});
    filter.insert("configuration".into(), configuration);
    Ok(())
}

/// The text of a discovery resource.
///
/// # Errors
///
/// The value cannot be written as JSON.
pub fn text(resource: &Value) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(resource)? + "\n")
}

/// Replaces the plugin configuration in the discovery resource `file`, and keeps the rest: the name of the filter, its
/// module and its policy. Returns whether the file changed.
///
/// ```no_run
/// # use std::path::Path;
/// let config = serde_json::json!({"releases": []});
/// halftone_resources::discovery::configure(Path::new("/etc/envoy/live/releases.json"), &config).unwrap();
/// ```
///
/// # Errors
///
/// The file cannot be read or written, or contains no filter.
pub fn configure(file: &Path, config: &Value) -> Result<bool, NotReplaced> {
    let mut resource: Value = serde_json::from_slice(&fs::read(file)?)?;
    set(&mut resource, config)?;
    Ok(file::replace(file, &text(&resource)?)?)
}
