//! Translates the resources that an operator applies to a mesh into the configuration of one proxy.
//!
//! Istio's control plane turns resources into Envoy's configuration. [`Mesh`] does the same for the resources that
//! Halftone uses: plugins, the HTTP routes of a VirtualService, the subsets of a DestinationRule. A field that it does
//! not translate is an error, unless the field changes no decision: retries, load balancing, mTLS.
//!
//! Differences from a mesh:
//!
//! - The proxy has one listener for all ports, so the port of a request has no effect. A service has the port that routes
//!   and mirrors name.
//! - There is no registry of services. A service exists if a route, a subset or a mirror names it.
//! - All selectors select the proxy: see [`Workload`].
//!
//! # Example
//!
//! ```no_run
//! use halftone_lab::envoy::Envoy;
//! use halftone_lab::istio::{Mesh, Workload};
//!
//! # async fn example(text: &str) -> anyhow::Result<()> {
//! let resources = halftone_resources::read(text)?;
//! let mesh = Mesh::new(&resources, &Workload::of(&resources))?;
//! let upstreams = mesh.upstreams().await?;
//! let envoy = Envoy::start(mesh.proxy(&upstreams)).await?;
//! # Ok(())
//! # }
//! ```

mod plugins;
mod routes;
mod services;

use std::collections::BTreeMap;

use anyhow::ensure;
use halftone_resources::{Resource, VirtualService};
use serde_json::json;

use crate::proxy::{Cluster, Plugin, Proxy, Route};
use crate::upstream::Upstream;
use services::Services;

pub use services::cluster;

/// Istio's name for the cluster of requests to hosts outside the mesh.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// The name of all sidecars in the field `gateways` of a VirtualService.
const MESH: &str = "mesh";

/// The proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace. It ignores plugins of other namespaces. Short names are names of services in this namespace.
    pub namespace: String,
    /// Whether it is a gateway, which has only the routes of VirtualServices, or a sidecar.
    pub is_gateway: bool,
}

impl Workload {
    /// A workload that fits the resources: in the namespace of the first plugin, and a gateway if every VirtualService
    /// is for gateways only.
    #[must_use]
    pub fn of(resources: &[Resource]) -> Self {
        let namespace = resources.iter().find_map(Resource::plugin);
        let mut services = virtual_services(resources).peekable();
        Self {
            namespace: namespace.map_or_else(
                || halftone_resources::Meta::default().namespace,
                |plugin| plugin.meta.namespace.clone(),
            ),
            is_gateway: services.peek().is_some() && services.all(|service| !is_for_mesh(service)),
        }
    }

    fn takes(&self, service: &VirtualService) -> bool {
        if self.is_gateway {
            service.gateways.iter().any(|gateway| gateway != MESH)
        } else {
            is_for_mesh(service)
        }
    }
}

/// The configuration of a proxy.
#[derive(Clone, Debug)]
pub struct Mesh {
    namespace: String,
    plugins: Vec<Plugin>,
    clusters: Vec<String>,
    routes: Vec<Route>,
}

impl Mesh {
    /// The configuration that Istio makes for `workload`.
    ///
    /// # Errors
    ///
    /// All problems, one per line: resource, field, problem.
    pub fn new(resources: &[Resource], workload: &Workload) -> anyhow::Result<Self> {
        let mut problems = Vec::new();
        let plugins = plugins::chain(resources, workload, &mut problems);
        let services = Services::named_by(resources, &mut problems);
        let routes = routes::table(resources, workload, &services, &mut problems);
        ensure!(problems.is_empty(), problems.join("\n"));
        let mut clusters = services.clusters();
        if !workload.is_gateway {
            clusters.push(PASSTHROUGH.to_owned());
        }
        Ok(Self {
            namespace: workload.namespace.clone(),
            plugins,
            clusters,
            routes,
        })
    }

    /// The names of its clusters.
    #[must_use]
    pub fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Starts an upstream for each cluster, with the name of the cluster, so that an answer names its cluster.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn upstreams(&self) -> anyhow::Result<BTreeMap<String, Upstream>> {
        let mut upstreams = BTreeMap::new();
        for name in &self.clusters {
            upstreams.insert(name.clone(), Upstream::start(name).await?);
        }
        Ok(upstreams)
    }

    /// The description of the proxy. A cluster without an upstream has no endpoint.
    #[must_use]
    pub fn proxy(&self, upstreams: &BTreeMap<String, Upstream>) -> Proxy {
        let mut proxy = Proxy::new().namespace(&self.namespace);
        for name in &self.clusters {
            let cluster = match upstreams.get(name) {
                Some(upstream) => Cluster::new(name, upstream.address()),
                None => Cluster::empty(name),
            };
            proxy = proxy.cluster(unlimited(cluster));
        }
        for plugin in &self.plugins {
            proxy = proxy.plugin(plugin.clone());
        }
        for route in &self.routes {
            proxy = proxy.route(route.clone());
        }
        proxy
    }
}

/// Sets the circuit breakers that Istio sets if a DestinationRule has none.
fn unlimited(cluster: Cluster) -> Cluster {
    let most = u32::MAX;
    cluster.with(json!({"circuit_breakers": {"thresholds": [
        {"max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": most},
    ]}}))
}

fn virtual_services(resources: &[Resource]) -> impl Iterator<Item = &VirtualService> {
    resources.iter().filter_map(|resource| match resource {
        Resource::VirtualService(service) => Some(service),
        _ => None,
    })
}

fn is_for_mesh(service: &VirtualService) -> bool {
    service.gateways.is_empty() || service.gateways.iter().any(|gateway| gateway == MESH)
}
