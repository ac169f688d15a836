//! Istio's `EnvoyFilter`: the filter for a mesh without the WasmPlugin API.
//!
//! It cannot set the labels of the metrics: Istio has ignored patches of the bootstrap since January 2024.

use super::Kind;
use super::about::About;
use super::wasm_filter::filter;
use super::yaml::Object;
use crate::outcome::Failure;

/// The contexts in which a request leaves for the service: sidecars and gateways.
const CONTEXTS: [&str; 2] = ["SIDECAR_OUTBOUND", "GATEWAY"];

/// The order among EnvoyFilters. Those with a higher priority come later.
const PRIORITY: i32 = 10;

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
    let spec = Object::new()
        .with(|spec| {
            // This selector has no matchLabels.
            plugin.attached(spec, Kind::EnvoyFilter, "workloadSelector", "labels")
        })
        .comment(
            "This resource does not reach waypoints, and it cannot set the labels of the metrics: apply \
             manifests/istio-extra-stat-tags.yaml or manifests/workload-extra-stat-tags.yaml.",
        )
        .comment(
            "EnvoyFilters apply in the order of their priorities. With a positive one, the filter comes after those of \
             EnvoyFilters without a priority.",
        )
        .field("priority", PRIORITY)
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
