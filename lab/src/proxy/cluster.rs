//! A cluster: a name that routes and plugins can send to.

use std::net::SocketAddr;

use serde_json::{Map, Value};

/// A cluster of any number of endpoints, served in turn.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) name: String,
    pub(crate) endpoints: Vec<SocketAddr>,
    pub(crate) http2: bool,
    pub(crate) overrides: Value,
}

impl Cluster {
    /// A cluster with one endpoint, spoken to in HTTP/1.1. `name` may be one of Istio's, `outbound|80|v2|reviews`.
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

    /// Speaks HTTP/2 to the endpoints.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Lays fields of Envoy's `Cluster`, in JSON, over what the lab writes: circuit breakers, timeouts and the like.
    /// Objects are merged, everything else is replaced.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        self.overrides = fields;
        self
    }
}
