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
    /// The time when the cluster created it, in RFC 3339 with seconds in UTC. Absent in files.
    #[serde(rename = "creationTimestamp")]
    pub created: Option<String>,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: default_namespace(),
            created: None,
        }
    }
}

fn default_namespace() -> String {
    DEFAULT_NAMESPACE.into()
}
