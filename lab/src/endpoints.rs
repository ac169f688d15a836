//! The endpoints of a cluster, which can come and go.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::proxy::Cluster;

/// The name of the file.
const FILE: &str = "endpoints.json";

/// The endpoints of one cluster, in a file that Envoy watches.
#[derive(Debug)]
pub struct Endpoints {
    cluster: String,
    directory: TempDir,
}

impl Endpoints {
    /// The endpoints of the cluster `cluster`: one, at `address`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn new(cluster: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let endpoints = Self {
            cluster: cluster.to_owned(),
            directory: TempDir::with_prefix("halftone-lab-endpoints-")?,
        };
        endpoints.set(&[address])?;
        Ok(endpoints)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> Cluster {
        let directory = self.directory.path();
        let source = json!({
            "resource_api_version": "V3",
            "path_config_source": {
                "path": directory.join(FILE),
                "watched_directory": {"path": directory},
            },
        });
        Cluster::empty(&self.cluster).with(json!({
            "type": "EDS",
            "eds_cluster_config": {"eds_config": source},
            "load_assignment": null,
        }))
    }

    /// Replaces the endpoints by those at `addresses`. Envoy sees it a moment later.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn set(&self, addresses: &[SocketAddr]) -> anyhow::Result<()> {
        let endpoint = |address: &SocketAddr| {
            let address = json!({"address": address.ip(), "port_value": address.port()});
            json!({"endpoint": {"address": {"socket_address": address}}})
        };
        let endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
        let assignment = json!({
            "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": self.cluster,
            "endpoints": [{"lb_endpoints": endpoints}],
        });
        let text = json!({"version_info": "1", "resources": [assignment]}).to_string();
        let directory = self.directory.path();
        let beside = directory.join("next");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, directory.join(FILE)))
            .with_context(|| format!("writing the endpoints of {}", self.cluster))
    }
}
