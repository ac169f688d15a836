//! Envoy Gateway's `EnvoyExtensionPolicy`.
//!
//! Envoy Gateway passes `config` to the filter as the JSON text of a `StringValue`, as Istio does. It writes
//! Envoy's older field `fail_open`: a crash lets the request pass. It fetches the module itself. Its
//! clusters have other names than Istio's.

use halftone::destination::Destination;

use super::Kind;
use super::about::About;
use super::yaml::{Object, Ordered};
use crate::outcome::Failure;

/// The EnvoyExtensionPolicy.
pub fn render(about: &About<'_>) -> Result<Object, Failure> {
    let plugin = &about.plugin;
    let wasm = Object::new().field("name", &plugin.name).optional(
        "rootID",
        plugin
            .written
            .and_then(|plugin| plugin.plugin_name.as_deref()),
    );
    let wasm = code(about, wasm)?;
    let wasm = match plugin.fail_strategy {
        "FAIL_OPEN" => wasm
            .comment("Traffic passes without a decision if the module fails or cannot be fetched.")
            .field("failOpen", true),
        _ => wasm.field("failOpen", false),
    };
    let wasm = if names_clusters_of_istio(about) {
        wasm.comment(
            "Choose: a mirror's destination names a cluster of Istio, which Envoy Gateway does not have. Write cluster \
             with a cluster of Envoy Gateway: httproute/NAMESPACE/NAME/rule/INDEX. Until then no copy is sent, and each \
             counts as no_cluster.",
        )
    } else {
        wasm
    };
    let wasm = wasm.optional("config", plugin.config.map(Ordered));
    let choose = "Choose: your Gateway. Set it with --target-ref Gateway/NAME.";
    let spec = plugin
        .targets(Object::new(), "targetRefs", Kind::EnvoyGateway, choose)
        .comment(
            "The labels of the metrics need the stats_tags of manifests/envoy-stats-tags.yaml in the bootstrap of the \
             EnvoyProxy.",
        )
        .list("wasm", [wasm]);
    Ok(about
        .resource(
            "gateway.envoyproxy.io/v1alpha1",
            "EnvoyExtensionPolicy",
            &plugin.name,
        )
        .object("spec", spec))
}

fn code(about: &About<'_>, wasm: Object) -> Result<Object, Failure> {
    let plugin = &about.plugin;
    let (kind, field) = match plugin.url.split_once("://") {
        Some(("http" | "https", _)) => ("HTTP", "http"),
        Some(("file", _)) => {
            return Err(Failure::Usage(format!(
                "{}: Envoy Gateway fetches the module itself and cannot read files; write --url oci://… or https://…",
                plugin.url
            )));
        }
        _ => ("Image", "image"),
    };
    let place = Object::new();
    let place = if plugin.is_placeholder {
        place.comment("Choose: the URL of your Halftone image. Add sha256 to pin it.")
    } else {
        place
    };
    let url = plugin.url.strip_prefix("oci://").unwrap_or(plugin.url);
    let place = place.field("url", url).optional("sha256", plugin.sha256);
    Ok(wasm.object(
        "code",
        Object::new().field("type", kind).object(field, place),
    ))
}

fn names_clusters_of_istio(about: &About<'_>) -> bool {
    let mut mirrors = about
        .releases
        .iter()
        .flat_map(|subject| &subject.release.mirrors);
    mirrors.any(|mirror| Destination::of_cluster(&mirror.cluster).is_some())
}
