//! What every resource has: a name, in a namespace.

use serde::Deserialize;

/// The namespace of a resource that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// A resource's name and namespace.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Meta {
    /// Unique in the namespace and the kind.
    #[serde(default)]
    pub name: String,
    /// Absent: `default`, as for `kubectl`.
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

/// The full name of the service that a resource of `namespace` calls `host`, in lower case. A name
/// without a dot is a service of that namespace (Istio's rule, which takes the namespace of the
/// resource and not of the client).
///
/// ```
/// use halftone_resources::qualified;
///
/// assert_eq!(qualified("reviews", "bookinfo"), "reviews.bookinfo.svc.cluster.local");
/// assert_eq!(qualified("reviews.example.com", "bookinfo"), "reviews.example.com");
/// assert_eq!(qualified("*", "bookinfo"), "*");
/// ```
#[must_use]
pub fn qualified(host: &str, namespace: &str) -> String {
    let host = host.to_ascii_lowercase();
    if host.contains('.') || host == "*" {
        host
    } else {
        format!("{host}.{namespace}.svc.cluster.local")
    }
}
