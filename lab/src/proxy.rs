//! The description of an Envoy.

mod cluster;
mod plugin;
mod route;

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};

pub use cluster::Cluster;
pub use plugin::{Delivery, FailurePolicy, Plugin};
pub use route::Route;

/// The host for which every Envoy of the lab answers 200 itself.
pub const HEALTH_HOST: &str = "health.check";

/// The description of an Envoy with one HTTP listener on 127.0.0.1, for HTTP/1.1 and HTTP/2 without TLS on one port.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub(crate) port: Option<u16>,
    pub(crate) admin_port: Option<u16>,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: Map<String, Value>,
    pub(crate) launcher: Vec<OsString>,
    pub(crate) hot_restart: bool,
    pub(crate) concurrency: u32,
    pub(crate) upgrades: bool,
    pub(crate) listener: Value,
    pub(crate) manager: Value,
    pub(crate) access_log: String,
    pub(crate) module: Option<PathBuf>,
    pub(crate) delivery: Delivery,
    /// Native filters, each with the number of plugins before it.
    pub(crate) filters: Vec<(usize, Value)>,
    pub(crate) plugins: Vec<Plugin>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) routes: Vec<Route>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            port: None,
            admin_port: None,
            namespace: None,
            labels: Map::new(),
            launcher: Vec::new(),
            hot_restart: false,
            concurrency: 2,
            upgrades: false,
            listener: Value::Object(Map::new()),
            manager: Value::Object(Map::new()),
            access_log: "%REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_CLUSTER%"
                .to_owned(),
            module: None,
            delivery: Delivery::default(),
            filters: Vec::new(),
            plugins: Vec::new(),
            clusters: Vec::new(),
            routes: Vec::new(),
        }
    }
}

impl Proxy {
    /// An Envoy that answers 200 for [`HEALTH_HOST`] and 404 for all other hosts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plugin after those added before.
    #[must_use]
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// Sets how plugins get their configuration. Defaults to [`Delivery::Ecds`].
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sets the module that the plugins run. Defaults to [`crate::tools::module`].
    #[must_use]
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.module = Some(path.into());
        self
    }

    /// Adds a native HTTP filter, as Envoy's `HttpFilter` in JSON, before the plugins and after those added before.
    #[must_use]
    pub fn before(mut self, filter: Value) -> Self {
        self.filters.push((0, filter));
        self
    }

    /// Adds a native HTTP filter, as Envoy's `HttpFilter` in JSON, after the plugins and filters added before.
    #[must_use]
    pub fn filter(mut self, filter: Value) -> Self {
        self.filters.push((self.plugins.len(), filter));
        self
    }

    /// Merges fields of Envoy's `HttpConnectionManager`, in JSON, into those of the lab. Objects are merged, all other
    /// values are replaced.
    #[must_use]
    pub fn manager(mut self, fields: Value) -> Self {
        self.manager = fields;
        self
    }

    /// Adds a cluster.
    #[must_use]
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// Adds a route. The first that matches wins.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Sends the requests that match no route added before to `cluster`.
    #[must_use]
    pub fn fallback(self, cluster: &str) -> Self {
        self.route(Route::any().to(cluster))
    }

    /// Sets the port of the HTTP listener. Defaults to a free one, so parallel tests do not collide; see
    /// [`crate::ports`].
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the port of the admin interface. Defaults to a free one.
    #[must_use]
    pub fn admin_port(mut self, port: u16) -> Self {
        self.admin_port = Some(port);
        self
    }

    /// Sets the namespace in the metadata of the node, where Istio writes that of the workload. Defaults to none.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Adds a label to the metadata of the node, where Istio writes those of the workload.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a command that runs Envoy, such as `valgrind --tool=callgrind`. Envoy's command line is appended to it.
    /// Envoy may then take ten times as long to start.
    #[must_use]
    pub fn launcher(mut self, command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.launcher = command.into_iter().map(Into::into).collect();
        self
    }

    /// Allows [`Envoy::restart`](crate::envoy::Envoy::restart).
    #[must_use]
    pub fn hot_restart(mut self) -> Self {
        self.hot_restart = true;
        self
    }

    /// Sets the number of worker threads. Defaults to 2.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Forwards websocket upgrades and CONNECT to the upstreams. Without it Envoy answers 403 and 404.
    #[must_use]
    pub fn upgrades(mut self) -> Self {
        self.upgrades = true;
        self
    }

    /// Merges fields of Envoy's `Listener`, in JSON, into those of the lab. Objects are merged, all other values are
    /// replaced.
    #[must_use]
    pub fn listener(mut self, fields: Value) -> Self {
        self.listener = fields;
        self
    }

    /// Sets the line of the access log for each request, as Envoy's format string without the line end.
    #[must_use]
    pub fn access_log(mut self, format: &str) -> Self {
        format.clone_into(&mut self.access_log);
        self
    }
}
