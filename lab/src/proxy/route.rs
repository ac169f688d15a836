//! A route: a match and the cluster of the requests that match.

use serde_json::{Map, Value};

/// A route. A request must meet all its conditions.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) authority: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cluster: Option<String>,
    pub(crate) overrides: Value,
}

impl Route {
    /// Matches every request.
    #[must_use]
    pub fn any() -> Self {
        Self {
            authority: None,
            headers: Vec::new(),
            cluster: None,
            overrides: Value::Object(Map::new()),
        }
    }

    /// Matches requests whose header `name` has exactly this value.
    #[must_use]
    pub fn header(name: &str, value: &str) -> Self {
        Self::any().and_header(name, value)
    }

    /// Matches requests to this host, with any port.
    #[must_use]
    pub fn authority(host: &str) -> Self {
        Self {
            authority: Some(host.to_owned()),
            ..Self::any()
        }
    }

    /// Adds a condition on a header.
    #[must_use]
    pub fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the requests to `cluster`.
    #[must_use]
    pub fn to(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }

    /// Merges fields of Envoy's `Route`, in JSON, into those of the lab: weighted clusters, retries, a path to match.
    /// Objects are merged, all other values are replaced.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        self.overrides = fields;
        self
    }
}
