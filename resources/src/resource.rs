//! Documents by kind.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::destination_rule::DestinationRule;
use crate::document::{Unreadable, documents};
use crate::meta::Meta;
use crate::plugin::{Plugin, PluginKind};
use crate::spelling::misspelt;
use crate::virtual_service::VirtualService;

/// The content of a document.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A plugin configuration.
    Configuration(Value),
    /// A plugin of the mesh.
    Plugin(Box<Plugin>),
    /// Routes.
    VirtualService(VirtualService),
    /// Subsets.
    DestinationRule(DestinationRule),
    /// Any other resource.
    Other {
        /// The kind.
        kind: String,
        /// The name and namespace.
        meta: Meta,
    },
}

/// Reads every document of a file.
///
/// # Errors
///
/// The first document that cannot be read.
pub fn read(text: &str) -> Result<Vec<Resource>, Unreadable> {
    read_each(text)?.into_iter().collect()
}

/// Reads every document of a file by itself. An error in one does not affect the others.
///
/// # Errors
///
/// The file is neither YAML nor JSON, or contains nothing.
pub fn read_each(text: &str) -> Result<Vec<Result<Resource, Unreadable>>, Unreadable> {
    let each = documents(text)?.into_iter();
    Ok(each
        .map(|document| document.and_then(Resource::of))
        .collect())
}

impl Resource {
    pub(crate) fn of(document: Value) -> Result<Self, Unreadable> {
        let text = |name| document.get(name).and_then(Value::as_str);
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            return Ok(Self::Configuration(document));
        };
        let group = version.split('/').next().unwrap_or_default();
        let kind = kind.to_owned();
        let meta = Part::named(&kind, &document).read("metadata")?;
        let part = Part {
            resource: described(&kind, &meta),
            document: &document,
        };
        Ok(match (group, kind.as_str()) {
            ("extensions.istio.io", "WasmPlugin") => {
                plugin(Plugin::of_wasm_plugin(meta, part.read("spec")?), &document)
            }
            ("extensions.istio.io", "TrafficExtension") if is_wasm(&document) => plugin(
                Plugin::of_traffic_extension(meta, part.read("spec")?),
                &document,
            ),
            ("networking.istio.io", "VirtualService") => {
                Self::VirtualService(VirtualService::new(meta, part.read("spec")?))
            }
            ("networking.istio.io", "DestinationRule") => {
                Self::DestinationRule(DestinationRule::new(meta, part.read("spec")?))
            }
            _ => Self::Other { kind, meta },
        })
    }

    /// The plugin configuration, and its path in the resource. None: it has none.
    #[must_use]
    pub fn configuration(&self) -> Option<(&'static str, &Value)> {
        match self {
            Self::Configuration(value) => Some(("", value)),
            Self::Plugin(plugin) => Some((plugin.config_path(), plugin.config.as_ref()?)),
            _ => None,
        }
    }

    /// The plugin, if it is one.
    #[must_use]
    pub fn plugin(&self) -> Option<&Plugin> {
        match self {
            Self::Plugin(plugin) => Some(plugin),
            _ => None,
        }
    }

    /// The VirtualService, if it is one.
    #[must_use]
    pub fn virtual_service(&self) -> Option<&VirtualService> {
        match self {
            Self::VirtualService(service) => Some(service),
            _ => None,
        }
    }

    /// The DestinationRule, if it is one.
    #[must_use]
    pub fn destination_rule(&self) -> Option<&DestinationRule> {
        match self {
            Self::DestinationRule(rule) => Some(rule),
            _ => None,
        }
    }
}

fn plugin(mut plugin: Plugin, document: &Value) -> Resource {
    if let Some(spec) = document.get("spec") {
        plugin.misspelt = misspelt(plugin.kind, spec);
    }
    Resource::Plugin(plugin.into())
}

/// Whether a TrafficExtension has a wasm module. It can have a Lua script instead.
fn is_wasm(document: &Value) -> bool {
    document.pointer("/spec/wasm").is_some()
}

/// Prints the kind, namespace and name.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, meta) = match self {
            Self::Configuration(_) => return f.write_str("plugin configuration"),
            Self::Plugin(plugin) => match plugin.kind {
                PluginKind::WasmPlugin => ("WasmPlugin", &plugin.meta),
                PluginKind::TrafficExtension => ("TrafficExtension", &plugin.meta),
            },
            Self::VirtualService(service) => ("VirtualService", &service.meta),
            Self::DestinationRule(rule) => ("DestinationRule", &rule.meta),
            Self::Other { kind, meta } => (kind.as_str(), meta),
        };
        f.write_str(&described(kind, meta))
    }
}

fn described(kind: &str, meta: &Meta) -> String {
    format!("{kind} {}/{}", meta.namespace, meta.name)
}

/// A document whose fields are read one by one.
struct Part<'d> {
    resource: String,
    document: &'d Value,
}

impl<'d> Part<'d> {
    /// A document whose metadata is not read yet.
    fn named(kind: &str, document: &'d Value) -> Self {
        let name = document.pointer("/metadata/name").and_then(Value::as_str);
        Self {
            resource: format!("{kind} {}", name.unwrap_or("without a name")),
            document,
        }
    }

    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Unreadable> {
        let Some(value) = self.document.get(name).filter(|value| !value.is_null()) else {
            return Ok(T::default());
        };
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = match error.path().to_string() {
                all if all == "." => name.into(),
                within => format!("{name}.{within}"),
            };
            Unreadable::Field {
                resource: self.resource.clone(),
                path,
                problem: problem(&error.into_inner().to_string()),
            }
        })
    }
}

/// The words of the library, ``invalid type: integer `3`, expected a sequence``, in the words of users:
/// `expected an array, got the number 3`.
fn problem(words: &str) -> String {
    let Some((wrong, expected)) = words.rsplit_once(", expected ") else {
        return words.into();
    };
    if let Some(value) = wrong.strip_prefix("unknown variant ") {
        return format!("unknown value {value}; write {expected}");
    }
    let expected = match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        "u16" => "a whole number up to 65535",
        "u32" | "i32" => "a whole number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let got = wrong.split_once(": ").map_or(wrong, |(_, got)| got);
    let got = match got.split_once(' ') {
        Some(("integer", number)) => format!("the number {}", number.trim_matches('`')),
        Some(("floating", number)) => {
            let number = number.strip_prefix("point ").unwrap_or(number);
            format!("the number {}", number.trim_matches('`'))
        }
        Some(("boolean", value)) => value.trim_matches('`').into(),
        Some(("string", text)) => format!("the string {text}"),
        _ if got == "map" => "an object".into(),
        _ if got == "sequence" => "an array".into(),
        _ => got.into(),
    };
    format!("expected {expected}, got {got}")
}
