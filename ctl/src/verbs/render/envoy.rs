//! A complete configuration for an Envoy without a control plane.

mod clusters;
mod routes;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::about::About;
use super::live::{CLUSTERS, RELEASES, ROUTES};
use super::wasm_filter::{self, WASM, filter, stats_config};
use super::yaml::Object;
use crate::outcome::Failure;

const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const STDOUT: &str =
    "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const ROUTE_TABLE: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/// The name of the filter in the chain, and of its discovery resource.
pub const FILTER: &str = "halftone";

/// The name of the route table.
const TABLE: &str = "halftone";

/// The default address of Envoy's admin interface.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

/// The format of the access log, if the configuration writes decisions to it.
const ACCESS_LOG: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
                          %DURATION% %REQ(:AUTHORITY)% %FILTER_STATE(wasm.halftone:PLAIN)%\n";

/// The configuration of Envoy.
///
/// # Errors
///
/// A flag names no cluster, or two releases would have the same domain.
pub fn render(about: &About<'_>) -> Result<Object, Failure> {
    let clusters = clusters::all(about)?;
    let table = routes::table(about, &clusters)?;
    let filter = filter(&about.plugin, &about.plugin.name)?;
    let listener = listener(
        about,
        |manager| manager.object("route_config", table),
        filter,
    );
    let resources = Object::new().list("listeners", [listener]).list(
        "clusters",
        clusters.iter().map(|cluster| cluster.render(Object::new())),
    );
    let start = "A configuration for Envoy. Start it with: envoy --config-path FILE";
    let config = bootstrap(about, start);
    let config = if about.has_services {
        config.object("node", node(about))
    } else {
        config
    };
    Ok(config.object("static_resources", resources))
}

/// The discovery resources of a configuration that Envoy reads from files.
pub struct Parts {
    /// The name of each cluster, and the cluster.
    pub clusters: Vec<(String, Object)>,
    /// The route table.
    pub routes: Object,
    /// The configuration of the filter.
    pub filter: Object,
}

/// The parts of the configuration that are discovery resources.
///
/// # Errors
///
/// Those of [`render`].
pub fn parts(about: &About<'_>) -> Result<Parts, Failure> {
    let clusters = clusters::all(about)?;
    let typed = |kind| Object::new().field("@type", kind);
    let table = typed(ROUTE_TABLE).then(routes::table(about, &clusters)?);
    let rendered = clusters
        .iter()
        .map(|cluster| (cluster.name.clone(), cluster.render(typed(CLUSTER))));
    Ok(Parts {
        clusters: rendered.collect(),
        routes: Object::new().list("resources", [table]),
        filter: wasm_filter::typed(&about.plugin, &about.plugin.name)?,
    })
}

/// The configuration of Envoy that reads these parts from files in `folder`.
///
/// # Errors
///
/// The path of the folder is not UTF-8.
pub fn live(about: &About<'_>, folder: &Path) -> Result<Object, Failure> {
    let source = |name: &str| {
        let file = folder.join(name);
        let path = file.to_str().ok_or_else(|| {
            Failure::Usage(format!(
                "{}: is not UTF-8; write to another folder",
                folder.display()
            ))
        })?;
        Ok::<_, Failure>(
            Object::new()
                .field("resource_api_version", "V3")
                .object("path_config_source", Object::new().field("path", path)),
        )
    };
    let discovery = Object::new()
        .object("config_source", source(RELEASES)?)
        .field("type_urls", [WASM]);
    let filter = Object::new()
        .field("name", FILTER)
        .object("config_discovery", discovery);
    let routes = Object::new()
        .field("route_config_name", TABLE)
        .object("config_source", source(ROUTES)?);
    let listener = listener(about, |manager| manager.object("rds", routes), filter);
    let dynamic = Object::new().object("cds_config", source(CLUSTERS)?);
    let start = format!(
        "A configuration for Envoy. Start it with: envoy --config-path {}",
        folder.join("envoy.yaml").display()
    );
    Ok(bootstrap(about, &start)
        .object("node", node(about))
        .comment("Envoy reads a file below `path_config_source` again when another file is moved in its place.")
        .object("dynamic_resources", dynamic)
        .object(
            "static_resources",
            Object::new().list("listeners", [listener]),
        ))
}

/// The part of the configuration that is the same for all.
fn bootstrap(about: &About<'_>, start: &str) -> Object {
    let admin = about.args.admin.unwrap_or(ADMIN);
    let reach = if admin.ip().is_loopback() {
        "Only this machine can reach it."
    } else {
        "Choose: an address that only administrators can reach. This interface can stop Envoy, and asks for no password."
    };
    Object::new()
        .comment(start)
        .comment(&format!(
            "{reach} Prometheus finds the metrics at /stats/prometheus."
        ))
        .object("admin", Object::new().object("address", socket_of(admin)))
        .comment("The labels of the metrics.")
        .object("stats_config", stats_config())
}

fn listener(about: &About<'_>, routes: impl FnOnce(Object) -> Object, filter: Object) -> Object {
    let router = Object::new()
        .field("name", "envoy.filters.http.router")
        .object("typed_config", Object::new().field("@type", ROUTER));
    let manager = Object::new()
        .field("@type", MANAGER)
        .field("stat_prefix", "http")
        .comment("Choose: true if clients connect to Envoy directly, false if another proxy is in front of it.")
        .field("use_remote_address", true)
        .list("upgrade_configs", [Object::new().field("upgrade_type", "websocket")])
        .with(|manager| access_log(about, manager))
        .with(routes)
        .list("http_filters", [filter, router]);
    let manager = Object::new()
        .field("name", "envoy.filters.network.http_connection_manager")
        .object("typed_config", manager);
    Object::new()
        .field("name", "http")
        .object("address", socket_of(about.args.listen))
        .list("filter_chains", [Object::new().list("filters", [manager])])
}

fn node(about: &About<'_>) -> Object {
    let node = Object::new()
        .field("id", &about.plugin.name)
        .field("cluster", &about.plugin.name);
    if !about.has_services {
        return node;
    }
    let metadata = Object::new().field("NAMESPACE", &about.plugin.namespace);
    node.comment("Halftone takes the short names of the services of this namespace.")
        .object("metadata", metadata)
}

fn access_log(about: &About<'_>, manager: Object) -> Object {
    if !about.is_access_logged() {
        return manager;
    }
    let format = Object::new().field("inline_string", ACCESS_LOG);
    let log = Object::new().field("@type", STDOUT).object(
        "log_format",
        Object::new().object("text_format_source", format),
    );
    let log = Object::new()
        .field("name", "envoy.access_loggers.stdout")
        .object("typed_config", log);
    manager.list("access_log", [log])
}

fn socket_of(address: SocketAddr) -> Object {
    socket(&address.ip().to_string(), address.port())
}

fn socket(host: &str, port: u16) -> Object {
    let address = Object::new()
        .field("address", host)
        .field("port_value", port);
    Object::new().object("socket_address", address)
}
