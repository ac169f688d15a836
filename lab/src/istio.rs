//! Translates the resources that an operator applies to a mesh into the configuration of one proxy.
//!
//! Istio's control plane turns resources into Envoy's configuration. [`Mesh`] does the same for the resources that
//! Halftone uses: plugins, the HTTP routes of a VirtualService, the subsets of a DestinationRule. A field that it does
//! not translate is an error, unless the field changes no decision: retries, load balancing, mTLS.
//!
//! Differences from a mesh:
//!
//! - The proxy has one listener for all ports, so the port of a request has no effect. A service has the port that routes
//!   and mirrors name. A waypoint has the filter chain of one service.
//! - There is no registry of services. A service exists if a route, a subset or a mirror names it. It has no ClusterIP.
//! - All selectors select the proxy: see [`Workload`].
//! - Istio's own Envoy filters are absent.
//!
//! The test `recorded` compares the translation with what a real istiod sent, and lists every difference.
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

mod http_routes;
mod model;
mod plugins;
mod routes;
mod services;

use std::collections::BTreeMap;

use anyhow::ensure;
use halftone_resources::{Resource, VirtualService};
use serde_json::{Value, json};

use crate::bootstrap::merge;
use crate::proxy::{Cluster, Plugin, Proxy, Route};
use crate::upstream::Upstream;
use plugins::Chain;
use services::Services;

pub use http_routes::HttpRoutes;
pub use model::Asked;
pub use services::{cluster, waypoint_cluster};

/// Istio's name for the cluster of requests to hosts outside the mesh.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// The name of all sidecars in the field `gateways` of a VirtualService.
const MESH: &str = "mesh";

/// The name that `istioctl` gives a waypoint.
const WAYPOINT: &str = "waypoint";

/// The proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace. It ignores plugins of other namespaces. Short names are names of services in this namespace.
    pub namespace: String,
    /// What kind of proxy it is.
    pub role: Role,
    /// The port of the listener, by which `match.ports` of a plugin selects: the port of a service, and the container's
    /// port at a gateway. `None`: a plugin that selects by port is an error.
    pub port: Option<u16>,
}

/// A kind of proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A sidecar, for the requests that its workload sends.
    Sidecar,
    /// A gateway, which has only the routes of VirtualServices for gateways.
    Gateway,
    /// A waypoint, for the requests to one service.
    Waypoint {
        /// The name of its `Gateway`.
        gateway: String,
        /// The full name of the service.
        service: String,
    },
}

impl Role {
    /// The name of the cluster of a service, or of one of its subsets.
    #[must_use]
    pub fn cluster(&self, host: &str, port: u16, subset: &str) -> String {
        match self {
            Self::Waypoint { .. } => waypoint_cluster(host, port, subset),
            Self::Sidecar | Self::Gateway => cluster(host, port, subset),
        }
    }
}

impl Workload {
    /// A workload that fits the resources, in the namespace of the first plugin: a waypoint if a plugin is attached to a
    /// service, a gateway if every VirtualService is for gateways only, and a sidecar otherwise.
    #[must_use]
    pub fn of(resources: &[Resource]) -> Self {
        let mut plugins = resources.iter().filter_map(Resource::plugin);
        let namespace = plugins.clone().next().map_or_else(
            || halftone_resources::Meta::default().namespace,
            |plugin| plugin.meta.namespace.clone(),
        );
        let mut services = virtual_services(resources).peekable();
        let role = if let Some(service) = plugins.find_map(plugins::service) {
            Role::Waypoint {
                gateway: WAYPOINT.to_owned(),
                service,
            }
        } else if services.peek().is_some() && services.all(|service| !is_for_mesh(service)) {
            Role::Gateway
        } else {
            Role::Sidecar
        };
        Self {
            namespace,
            role,
            port: None,
        }
    }

    fn takes(&self, service: &VirtualService) -> bool {
        match self.role {
            Role::Gateway => service.gateways.iter().any(|gateway| gateway != MESH),
            Role::Sidecar | Role::Waypoint { .. } => is_for_mesh(service),
        }
    }
}

/// The configuration of a proxy.
#[derive(Clone, Debug)]
pub struct Mesh {
    workload: Workload,
    chain: Chain,
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
        let chain = plugins::chain(resources, workload, &mut problems);
        let services = Services::named_by(resources, &workload.role, &mut problems);
        let routes = routes::table(resources, workload, &services, &mut problems);
        ensure!(problems.is_empty(), problems.join("\n"));
        let mut clusters = services.clusters();
        if workload.role == Role::Sidecar {
            clusters.push(PASSTHROUGH.to_owned());
        }
        Ok(Self {
            workload: workload.clone(),
            chain,
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
        let mut proxy = Proxy::new()
            .namespace(&self.workload.namespace)
            .manager(manager(&self.workload.role));
        for name in &self.clusters {
            let cluster = match upstreams.get(name) {
                Some(upstream) => Cluster::new(name, upstream.address()),
                None => Cluster::empty(name),
            };
            proxy = proxy.cluster(cluster.with(settings()));
        }
        proxy = self.filters(proxy);
        for route in &self.routes {
            proxy = proxy.route(route.clone());
        }
        proxy
    }

    /// A waypoint runs the plugins of the last two phases after the native filters, and all others before them.
    fn filters(&self, proxy: Proxy) -> Proxy {
        let plugins =
            |proxy: Proxy, plugins: &[Plugin]| plugins.iter().cloned().fold(proxy, Proxy::plugin);
        let natives = |proxy: Proxy| natives().into_iter().fold(proxy, Proxy::filter);
        let Chain { policies, others } = &self.chain;
        let proxy = plugins(proxy, policies);
        if matches!(self.workload.role, Role::Waypoint { .. }) {
            plugins(natives(proxy), others)
        } else {
            natives(plugins(proxy, others))
        }
    }
}

/// The settings of Istio's clusters without a DestinationRule that changes them.
fn settings() -> Value {
    let most = u32::MAX;
    json!({
        "connect_timeout": "10s",
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {"healthy_panic_threshold": {}},
        "circuit_breakers": {"thresholds": [
            {"max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": most},
        ]},
    })
}

/// The settings of Istio's HTTP connection managers.
fn manager(role: &Role) -> Value {
    let mut fields = json!({
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "proxy_100_continue": true,
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "use_remote_address": *role == Role::Gateway,
    });
    if *role == Role::Gateway {
        let certificate = json!({
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"cert": true, "dns": true, "subject": true, "uri": true},
        });
        merge(&mut fields, &certificate);
    }
    fields
}

/// The filters of upstream Envoy in Istio's chains.
fn natives() -> [Value; 3] {
    let kind = |name| format!("type.googleapis.com/envoy.extensions.filters.http.{name}");
    [
        json!({"name": "envoy.filters.http.grpc_stats", "typed_config": {
            "@type": kind("grpc_stats.v3.FilterConfig"), "emit_filter_state": true, "stats_for_all_methods": false,
        }}),
        json!({"name": "envoy.filters.http.fault", "typed_config": {"@type": kind("fault.v3.HTTPFault")}}),
        json!({"name": "envoy.filters.http.cors", "typed_config": {"@type": kind("cors.v3.Cors")}}),
    ]
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
