//! A complete configuration for an Envoy without a control plane.

mod clusters;
mod routes;

use super::about::About;
use super::wasm_filter::{filter, stats_config};
use super::yaml::Object;
use crate::outcome::Failure;

const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const STDOUT: &str =
    "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";

/// The port of Envoy's admin interface.
const ADMIN_PORT: u16 = 9901;

/// The format of the access log, if the configuration writes decisions to it.
const ACCESS_LOG: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
                          %DURATION% %REQ(:AUTHORITY)% %FILTER_STATE(wasm.halftone:PLAIN)%\n";

/// The configuration of Envoy.
pub fn render(about: &About<'_>) -> Result<Object, Failure> {
    let clusters = clusters::render(about)?;
    let resources = Object::new()
        .list("listeners", [listener(about)?])
        .list("clusters", clusters);
    Ok(Object::new()
        .comment("A configuration for Envoy. Start it with: envoy --config-path FILE")
        .comment(
            "Only this machine can reach it. Prometheus finds the metrics at /stats/prometheus.",
        )
        .object(
            "admin",
            Object::new().object("address", socket("127.0.0.1", ADMIN_PORT)),
        )
        .comment("The labels of the metrics.")
        .object("stats_config", stats_config())
        .with(|config| node(about, config))
        .object("static_resources", resources))
}

fn listener(about: &About<'_>) -> Result<Object, Failure> {
    let router = Object::new()
        .field("name", "envoy.filters.http.router")
        .object("typed_config", Object::new().field("@type", ROUTER));
    let manager = Object::new()
        .field("@type", MANAGER)
        .field("stat_prefix", "http")
        .comment("Choose: true if clients connect to Envoy directly, false if another proxy is in front of it.")
        .field("use_remote_address", true)
        .with(|manager| access_log(about, manager))
        .object("route_config", routes::table(about)?)
        .list("http_filters", [filter(&about.plugin, &about.plugin.name)?, router]);
    let manager = Object::new()
        .field("name", "envoy.filters.network.http_connection_manager")
        .object("typed_config", manager);
    Ok(Object::new()
        .field("name", "http")
        .object("address", socket("0.0.0.0", about.args.listen))
        .list("filter_chains", [Object::new().list("filters", [manager])]))
}

fn node(about: &About<'_>, config: Object) -> Object {
    if !about.has_services {
        return config;
    }
    let metadata = Object::new().field("NAMESPACE", &about.plugin.namespace);
    let node = Object::new()
        .field("id", &about.plugin.name)
        .field("cluster", &about.plugin.name)
        .comment("Halftone takes the short names of the services of this namespace.")
        .object("metadata", metadata);
    config.object("node", node)
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

fn socket(host: &str, port: u16) -> Object {
    let address = Object::new()
        .field("address", host)
        .field("port_value", port);
    Object::new().object("socket_address", address)
}
