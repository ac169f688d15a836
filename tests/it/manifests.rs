//! What operators apply: `manifests/` is built by kubectl, and its parts fit one another.

use std::path::Path;
use std::process::Command;

use halftone_lab::tools;
use serde_json::Value;

fn manifests() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(manifests().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The resources that `kubectl apply -k` would apply.
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
fn the_platforms_overlay_changes_what_it_says_and_nothing_else() {
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
fn the_dashboard_is_in_the_config_map_as_it_is() {
    let resources = built("mesh");
    let map = resources
        .iter()
        .find(|resource| resource["kind"] == "ConfigMap")
        .unwrap();
    assert_eq!(
        map["data"]["halftone.json"],
        text("mesh/grafana-dashboard.json")
    );
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}

/// Where the filter would not run at all, or twice for each request, or take the traffic down with it.
#[test]
fn each_plugin_runs_once_for_a_request_where_it_should_and_fails_open() {
    let clients: Value = serde_json::json!([{"mode": "CLIENT"}]);
    for (base, matched) in [
        ("gateway", &clients),
        ("sidecars", &clients),
        ("overlays/team", &clients),
        // A waypoint is no client, and heeds no selector.
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
            "{base}: before authentication, or among the statistics"
        );
        let config = &spec["pluginConfig"];
        if let Err(violations) = halftone::config::load_value(config) {
            panic!("{base}:\n{violations}");
        }
    }
}

#[test]
fn the_labels_of_the_metrics_are_the_same_wherever_they_are_named() {
    let texts = |values: &Value| -> Vec<String> {
        let values = values.as_array().unwrap().iter();
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    let envoy = read("envoy-stats-tags.yaml");
    let envoy = envoy["stats_config"]["stats_tags"]
        .as_array()
        .unwrap()
        .iter();
    let envoy: Vec<String> = envoy
        .map(|tag| tag["tag_name"].as_str().unwrap().to_owned())
        .collect();
    let mesh = read("istio-extra-stat-tags.yaml");
    assert_eq!(
        texts(&mesh["spec"]["meshConfig"]["defaultConfig"]["extraStatTags"]),
        envoy
    );
    let workload = read("workload-extra-stat-tags.yaml");
    let annotation =
        &workload["spec"]["template"]["metadata"]["annotations"]["sidecar.istio.io/extraStatTags"];
    assert_eq!(annotation.as_str(), Some(envoy.join(",").as_str()));
}

/// A file that no table names is one that nobody finds.
#[test]
fn the_index_names_every_file() {
    let index = text("README.md");
    let mut folders = vec![manifests()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(manifests())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("README.md") {
                let folder = name.strip_suffix("kustomization.yaml").unwrap_or(&name);
                assert!(
                    index.contains(folder),
                    "manifests/README.md does not name {name}"
                );
            }
        }
    }
}
