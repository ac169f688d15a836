//! The bases and overlays of `manifests/`, built by kubectl.

use std::path::{Path, PathBuf};
use std::process::Command;

use halftone_lab::tools;
use serde_json::Value;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

/// The resources that `kubectl apply -k` applies.
fn built(base: &str) -> Vec<Value> {
    let mut kubectl = Command::new(tools::kubectl().unwrap());
    let output = kubectl
        .arg("kustomize")
        .arg(manifests().join(base))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{base}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{base}: {error}"))
}

#[test]
fn kubectl_builds_every_base_and_overlay() {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mesh = |namespace| {
        let named = |kind, name| format!("{kind} {namespace}/{name}");
        vec![
            named("ConfigMap", "halftone-dashboard"),
            named("PodMonitor", "halftone"),
            named("PodMonitor", "halftone-istiod"),
            named("PrometheusRule", "halftone"),
            "Telemetry istio-system/halftone-access-log".to_owned(),
        ]
    };
    let plugin = |name: &str| vec![format!("WasmPlugin {name}")];
    for (base, expected) in [
        ("", mesh("monitoring")),
        ("mesh", mesh("monitoring")),
        ("overlays/platform", mesh("observability")),
        ("gateway", plugin("istio-system/halftone-gateway")),
        ("sidecars", plugin("bookinfo/halftone-sidecars")),
        ("waypoint", plugin("bookinfo/halftone-waypoint")),
        (
            "strip-header",
            vec!["EnvoyFilter istio-system/halftone-strip-header".to_owned()],
        ),
        ("overlays/team", plugin("shop/checkout-release")),
    ] {
        let mut found: Vec<String> = built(base)
            .iter()
            .map(|resource| {
                let metadata = &resource["metadata"];
                let [kind, namespace, name] =
                    [&resource["kind"], &metadata["namespace"], &metadata["name"]].map(word);
                format!("{kind} {namespace}/{name}")
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "manifests/{base}");
    }
}

#[test]
fn the_overlay_of_the_platform_changes_one_alert_and_adds_a_label() {
    let labelled =
        |resource: &Value| resource["metadata"]["labels"]["release"] == "kube-prometheus-stack";
    let (base, overlay) = (built("mesh"), built("overlays/platform"));
    assert!(overlay.iter().all(labelled));
    let alerts = |resources: &[Value]| {
        let rule = resources
            .iter()
            .find(|resource| resource["kind"] == "PrometheusRule")
            .unwrap();
        let groups = rule["spec"]["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        Vec::from_iter(rules.cloned())
    };
    let changed = alerts(&base)
        .into_iter()
        .zip(alerts(&overlay))
        .filter(|(before, after)| before != after);
    let changed: Vec<String> = changed
        .map(|(_, after)| format!("{} {}", after["alert"], after["for"]))
        .collect();
    assert_eq!(changed, [r#""HalftoneVersionFails" "10m""#]);
}

#[test]
fn the_config_map_has_the_dashboard_unchanged() {
    let resources = built("mesh");
    let map = resources
        .iter()
        .find(|resource| resource["kind"] == "ConfigMap")
        .unwrap();
    assert_eq!(
        map["data"]["halftone.json"],
        std::fs::read_to_string(manifests().join("mesh/grafana-dashboard.json")).unwrap()
    );
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}

/// With another `match`, `selector` or `failStrategy` the filter does not run, runs twice for a request,
/// or stops the traffic when it fails.
#[test]
fn each_plugin_runs_once_for_a_request_and_fails_open() {
    let clients: Value = serde_json::json!([{"mode": "CLIENT"}]);
    for (base, matched) in [
        ("gateway", &clients),
        ("sidecars", &clients),
        ("overlays/team", &clients),
        // A waypoint is not a client, and ignores selectors.
        ("waypoint", &Value::Null),
    ] {
        let spec = &built(base)[0]["spec"];
        assert_eq!(&spec["match"], matched, "{base}");
        assert_eq!(spec["targetRefs"].is_array(), base == "waypoint", "{base}");
        assert_eq!(spec["selector"].is_object(), base == "gateway", "{base}");
        assert_eq!(spec["failStrategy"], "FAIL_OPEN", "{base}");
        assert_eq!(
            spec["phase"],
            Value::Null,
            "{base}: the phase is before authentication or among the statistics"
        );
        let config = &spec["pluginConfig"];
        if let Err(violations) = halftone::config::load_value(config) {
            panic!("{base}:\n{violations}");
        }
    }
}
