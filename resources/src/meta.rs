//! The metadata of a resource: its name and namespace.

use serde::Deserialize;

/// The namespace of a resource without one.
const DEFAULT_NAMESPACE: &str = "default";

/// A resource's name and namespace.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Meta {
    /// The name, unique among the resources of its kind in the namespace.
    #[serde(default)]
    pub name: String,
    /// The namespace. Absent: `default`, as with `kubectl`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: default_namespace(),
        }
    }
}

fn default_namespace() -> String {
    DEFAULT_NAMESPACE.into()
}
