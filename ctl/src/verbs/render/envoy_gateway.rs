//! Envoy Gateway's `EnvoyExtensionPolicy`.
//!
//! Envoy Gateway passes `config` to the filter as the JSON text of a `StringValue`, as Istio does. It writes
//! Envoy's older field `fail_open`: a crash lets the request pass. It fetches the module itself. Its
//! clusters have other names than Istio's: the mirrors get those of the rules that `--kind httproute` writes.

use halftone::destination::Destination;
use serde_json::Value;

use super::Kind;
use super::about::About;
use super::http_route::{self, MirrorCluster};
use super::yaml::{Object, Ordered};
use crate::outcome::Failure;

/// Where the policy may be attached.
const TARGET: &str = "Attach it to a Gateway, or to a whole HTTPRoute that has the rules of all versions. If it is attached \
                      to one rule by sectionName, or a version's rule is in another HTTPRoute, Envoy obeys the routing \
                      header of any client. Another EnvoyExtensionPolicy of an HTTPRoute replaces that of the Gateway, \
                      unless it has mergeType: StrategicMerge.";

/// What a change does.
const CHANGES: &str = "Each change drains the listener: each open connection gets one more response by the old configuration, \
                       and requests that take longer than the drain time (60 s) are cut.";

/// What the labels of the metrics need.
const LABELS: &str = "The labels of the metrics need spec.bootstrap of the EnvoyProxy, with type: Merge and the stats_tags of \
                      manifests/envoy-stats-tags.yaml as its value.";

/// What a comparison of answers needs.
const ORDER: &str = "Answers are compared: if the Gateway compresses responses, write spec.filterOrder: [ { name: \
                     envoy.filters.http.wasm, after: envoy.filters.http.compressor } ] in the EnvoyProxy. Otherwise \
                     Halftone compares compressed bytes.";

/// The EnvoyExtensionPolicy.
pub fn render(about: &About<'_>) -> Result<Object, Failure> {
    let plugin = &about.plugin;
    let name = format!("{}.{}", plugin.namespace, plugin.name);
    let wasm = Object::new().field("name", name).optional(
        "rootID",
        plugin
            .written
            .and_then(|plugin| plugin.plugin_name.as_deref()),
    );
    let wasm = code(about, wasm)?;
    let wasm = match plugin.fail_strategy {
        "FAIL_OPEN" => wasm
            .comment(
                "If the module fails or cannot be fetched, requests pass without a decision, and Envoy obeys the routing \
                 header of any client.",
            )
            .field("failOpen", true),
        _ => wasm
            .comment(
                "If Envoy Gateway cannot fetch the module, every route of the target answers 500.",
            )
            .field("failOpen", false),
    };
    let clusters = http_route::mirror_clusters(about)?;
    let wasm = if lacks_a_cluster(about, &clusters) {
        wasm.comment(
            "Choose: a mirror's destination names a cluster of Istio, which Envoy Gateway does not have. Give its address \
             with --upstream MIRROR=SERVICE.NAMESPACE:PORT, here and with --kind httproute, or write cluster. Until then \
             no copy is sent, and each counts as no_cluster.",
        )
    } else {
        wasm
    };
    let config = plugin.config.map(|config| {
        let mut config = config.clone();
        for one in &clusters {
            lead(&mut config, one);
        }
        config
    });
    let wasm = if clusters.is_empty() {
        wasm
    } else {
        wasm.comment(
            "The cluster of a mirror is that of a rule of the HTTPRoute. Apply both documents together. A service \
             without ready endpoints has no cluster: its copies count as no_cluster.",
        )
    };
    let wasm = wasm.optional("config", config.as_ref().map(Ordered));
    let choose = "Choose: your Gateway. Set it with --target-ref Gateway/NAME.";
    let spec = Object::new()
        .comment(TARGET)
        .with(|spec| plugin.targets(spec, "targetRefs", Kind::EnvoyGateway, choose))
        .comment(CHANGES)
        .comment(LABELS)
        .with(|spec| {
            if compares(about) {
                spec.comment(ORDER)
            } else {
                spec
            }
        })
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

/// Writes the cluster of a mirror in place of its destination.
fn lead(config: &mut Value, to: &MirrorCluster) {
    let mirror = format!("/releases/{}/mirrors/{}", to.release, to.mirror);
    if let Some(mirror) = config.pointer_mut(&mirror).and_then(Value::as_object_mut) {
        mirror.remove("destination");
        mirror.insert("cluster".into(), to.cluster.as_str().into());
    }
}

/// Whether a mirror leads to a cluster of Istio's, and to none of `clusters`.
fn lacks_a_cluster(about: &About<'_>, clusters: &[MirrorCluster]) -> bool {
    about.releases.iter().any(|subject| {
        let mirrors = subject.release.mirrors.iter().enumerate();
        let mut of_istio =
            mirrors.filter(|(_, mirror)| Destination::of_cluster(&mirror.cluster).is_some());
        of_istio.any(|(index, _)| {
            let is_it = |one: &MirrorCluster| (one.release, one.mirror) == (subject.index, index);
            !clusters.iter().any(is_it)
        })
    })
}

fn compares(about: &About<'_>) -> bool {
    let mut mirrors = about
        .releases
        .iter()
        .flat_map(|subject| &subject.release.mirrors);
    mirrors.any(|mirror| mirror.compare.is_some())
}
