//! Translates a [`Proxy`] into Envoy's bootstrap.

mod filters;
mod routes;
mod tags;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::proxy::{Cluster, Proxy};

pub(crate) use filters::resource;
pub use filters::{extension, subscription};

/// The name of the one listener, and the prefix of its statistics.
pub(crate) const LISTENER: &str = "http";

/// The whole bootstrap.
///
/// `module` is the wasm file that the plugins run. `subscriptions` is the directory of the files that [`subscription`]
/// names. A port that `proxy` does not set is 0, so the kernel chooses one.
///
/// # Errors
///
/// If the tag rules in `manifests/` cannot be read.
pub fn bootstrap(
    proxy: &Proxy,
    module: &Path,
    subscriptions: &Path,
    access_log: &Path,
) -> anyhow::Result<Value> {
    let clusters: Vec<Value> = proxy.clusters.iter().map(cluster).collect();
    let mut metadata = Map::new();
    if let Some(namespace) = &proxy.namespace {
        metadata.insert("NAMESPACE".into(), namespace.as_str().into());
    }
    if !proxy.labels.is_empty() {
        metadata.insert("LABELS".into(), proxy.labels.clone().into());
    }
    Ok(json!({
        "node": {"id": "halftone-lab", "cluster": "halftone-lab", "metadata": metadata},
        "admin": {"address": socket("127.0.0.1", proxy.admin_port.unwrap_or_default())},
        // Histograms appear at the next flush. Envoy's default of 5 s is long for a test.
        "stats_flush_interval": "0.2s",
        "stats_config": tags::shipped()?,
        "dynamic_resources": {"lds_config": {
            "resource_api_version": "V3",
            "path_config_source": filters::watched(&listeners(subscriptions)),
        }},
        "static_resources": {
            "listeners": [listener(LISTENER, proxy, module, subscriptions, access_log)],
            "clusters": clusters,
        },
    }))
}

/// The listener `name`, with the plugins and routes of `proxy`.
#[must_use]
pub fn listener(
    name: &str,
    proxy: &Proxy,
    module: &Path,
    subscriptions: &Path,
    access_log: &Path,
) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "codec_type": "AUTO",
        "route_config": routes::table(proxy),
        "http_filters": filters::chain(proxy, module, subscriptions),
        "upgrade_configs": if proxy.upgrades {
            json!([{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}])
        } else {
            json!([])
        },
        "http2_protocol_options": {"allow_connect": proxy.upgrades},
        // Envoy's largest value, so that a test reaches the limits of the filter and not of the proxy.
        "max_request_headers_kb": 8192,
        "common_http_protocol_options": {"max_headers_count": 20_000},
        "access_log": [{
            "name": "file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": access_log,
                "log_format": {"text_format_source": {"inline_string": format!("{}\n", proxy.access_log)}},
            },
        }],
    });
    merge(&mut manager, &proxy.manager);
    let manager = json!({"name": "http_connection_manager", "typed_config": manager});
    let mut written = json!({
        "name": name,
        "address": socket("127.0.0.1", proxy.port.unwrap_or_default()),
        // If it is on, two Envoys on one port share the port without an error.
        "enable_reuse_port": false,
        "filter_chains": [{"filters": [manager]}],
    });
    merge(&mut written, &proxy.listener);
    written
}

/// The file of the listeners that are added and removed while Envoy runs.
#[must_use]
pub fn listeners(subscriptions: &Path) -> PathBuf {
    subscriptions.join("listeners").join("listeners.json")
}

fn cluster(cluster: &Cluster) -> Value {
    let endpoints: Vec<Value> = cluster.endpoints.iter().map(endpoint).collect();
    let mut written = json!({
        "name": cluster.name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]},
    });
    if cluster.http2 {
        let options = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        });
        merge(
            &mut written,
            &json!({"typed_extension_protocol_options": options}),
        );
    }
    merge(&mut written, &cluster.overrides);
    written
}

pub(crate) fn endpoint(address: &SocketAddr) -> Value {
    json!({"endpoint": {"address": socket(&address.ip().to_string(), address.port())}})
}

pub(crate) fn socket(ip: &str, port: u16) -> Value {
    json!({"socket_address": {"address": ip, "port_value": port}})
}

/// Merges `over` into `base`: objects are merged, all other values are replaced.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => base.clone_from(over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_combines_objects_and_replaces_all_other_values() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2]}, "d": 4});
        merge(&mut base, &json!({"a": {"c": [3]}, "e": 5}));
        assert_eq!(base, json!({"a": {"b": 1, "c": [3]}, "d": 4, "e": 5}));
    }
}
