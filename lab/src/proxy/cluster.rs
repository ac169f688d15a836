//! A cluster: a name to which routes and plugins send requests.

use std::net::SocketAddr;

use serde_json::{Map, Value};

/// A cluster of any number of endpoints, with round-robin balancing.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) name: String,
    pub(crate) endpoints: Vec<SocketAddr>,
    pub(crate) http2: bool,
    pub(crate) overrides: Value,
}

impl Cluster {
    /// A cluster with one endpoint and HTTP/1.1. `name` can have Istio's form, `outbound|80|v2|reviews`.
    #[must_use]
    pub fn new(name: &str, endpoint: SocketAddr) -> Self {
        Self {
            endpoints: vec![endpoint],
            ..Self::empty(name)
        }
    }

    /// A cluster without endpoints.
    #[must_use]
    pub fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            endpoints: Vec::new(),
            http2: false,
            overrides: Value::Object(Map::new()),
        }
    }

    /// Uses HTTP/2 with the endpoints.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Merges fields of Envoy's `Cluster`, in JSON, into those of the lab: circuit breakers, timeouts and the like.
    /// Objects are merged, all other values are replaced.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        self.overrides = fields;
        self
    }
}
