//! A route: which requests go to which cluster.

use serde_json::{Map, Value};

/// One route. All that it names must match.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) authority: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cluster: Option<String>,
    pub(crate) overrides: Value,
}

impl Route {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self {
            authority: None,
            headers: Vec::new(),
            cluster: None,
            overrides: Value::Object(Map::new()),
        }
    }

    /// Requests that carry the header `name` with exactly this value.
    #[must_use]
    pub fn header(name: &str, value: &str) -> Self {
        Self::any().and_header(name, value)
    }

    /// Requests to this host, whatever the port.
    #[must_use]
    pub fn authority(host: &str) -> Self {
        Self {
            authority: Some(host.to_owned()),
            ..Self::any()
        }
    }

    /// Asks for one header more.
    #[must_use]
    pub fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends them to `cluster`.
    #[must_use]
    pub fn to(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }

    /// Lays fields of Envoy's `Route`, in JSON, over what the lab writes: weighted clusters, retries, a path to match.
    /// Objects are merged, everything else is replaced.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        self.overrides = fields;
        self
    }
}
