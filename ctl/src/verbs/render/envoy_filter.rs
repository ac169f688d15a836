//! Istio's `EnvoyFilter`: the filter for a mesh without the WasmPlugin API, and the labels of its metrics.

use super::Kind;
use super::about::About;
use super::wasm_filter::{filter, stats_config};
use super::yaml::Object;
use crate::outcome::Failure;

/// The contexts in which a request leaves for the service: sidecars and gateways.
const CONTEXTS: [&str; 2] = ["SIDECAR_OUTBOUND", "GATEWAY"];

/// The EnvoyFilter.
pub fn render(about: &About<'_>) -> Result<Object, Failure> {
    let plugin = &about.plugin;
    let name = format!("{}.{}", plugin.namespace, plugin.name);
    let mut patches = Vec::new();
    for context in CONTEXTS {
        let patch = Object::new()
            .field("operation", "INSERT_BEFORE")
            .object("value", filter(plugin, &name)?);
        patches.push(
            Object::new()
                .field("applyTo", "HTTP_FILTER")
                .object("match", before_router(context))
                .object("patch", patch),
        );
    }
    let patch = Object::new().field("operation", "MERGE").object(
        "value",
        Object::new().object("stats_config", stats_config()),
    );
    patches.push(
        Object::new()
            .comment("The labels of the metrics. A proxy reads them when it starts: restart the workloads once.")
            .field("applyTo", "BOOTSTRAP")
            .object("patch", patch),
    );
    let spec = Object::new()
        .with(|spec| {
            // This selector has no matchLabels.
            plugin.attached(spec, Kind::EnvoyFilter, "workloadSelector", "labels")
        })
        .comment("The filter appears twice, for sidecars and for gateways. Each workload is one of the two.")
        .list("configPatches", patches);
    Ok(about
        .resource("networking.istio.io/v1alpha3", "EnvoyFilter", &plugin.name)
        .object("spec", spec))
}

fn before_router(context: &str) -> Object {
    let router = Object::new().field("name", "envoy.filters.http.router");
    let manager = Object::new()
        .field("name", "envoy.filters.network.http_connection_manager")
        .object("subFilter", router);
    let chain = Object::new().object("filter", manager);
    Object::new()
        .field("context", context)
        .object("listener", Object::new().object("filterChain", chain))
}
