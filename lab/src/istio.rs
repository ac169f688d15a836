//! What an operator applies to a mesh, as Istio tells it to one proxy.
//!
//! Istio's control plane turns resources into Envoy's configuration; [`Mesh`] does so here, for what Halftone's own
//! resources use: plugins, the HTTP routes of a VirtualService, the subsets of a DestinationRule. What it would have to leave
//! out is an error that names the field, except for what changes no decision: retries, load balancing, mTLS.
//!
//! It differs from a mesh in this:
//!
//! - The proxy has one listener for all ports, so a request's port says nothing. A service has the port by which routes and
//!   mirrors name it.
//! - There is no registry of services. A service exists when a route, a subset or a mirror names it.
//! - Selectors are taken to select the proxy: see [`Workload`].
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

/// Where a sidecar sends what no service of the mesh is named by, as Istio calls it.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// What a VirtualService calls the sidecars, among its gateways.
const MESH: &str = "mesh";

/// The proxy that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The namespace that it runs in: plugins of other namespaces are not for it, and short names mean its services.
    pub namespace: String,
    /// Whether it is a gateway, which has no routes but those of VirtualServices, or a sidecar.
    pub is_gateway: bool,
}

impl Workload {
    /// One that the resources can be for: it is in the namespace of the first plugin, and a gateway if every
    /// VirtualService is for gateways alone.
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

/// What a proxy is told.
#[derive(Clone, Debug)]
pub struct Mesh {
    plugins: Vec<Plugin>,
    clusters: Vec<String>,
    routes: Vec<Route>,
}

impl Mesh {
    /// What Istio tells `workload`.
    ///
    /// # Errors
    ///
    /// All that cannot be translated, a line each: resource, field, what is wrong.
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
            plugins,
            clusters,
            routes,
        })
    }

    /// The names of the clusters that it has.
    #[must_use]
    pub fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Starts an upstream for each cluster, called like it, so that whoever asks can tell who answered.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn upstreams(&self) -> anyhow::Result<BTreeMap<String, Upstream>> {
        let mut upstreams = BTreeMap::new();
        for name in &self.clusters {
            upstreams.insert(name.clone(), Upstream::start(name).await?);
        }
        Ok(upstreams)
    }

    /// The proxy. A cluster that has no upstream has no endpoint.
    #[must_use]
    pub fn proxy(&self, upstreams: &BTreeMap<String, Upstream>) -> Proxy {
        let mut proxy = Proxy::new();
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

/// With the circuit breakers that Istio sets where a DestinationRule sets none.
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
