//! The files of `manifests/` that no Kubernetes tool reads: they agree with one another, and the index
//! names each.

use std::path::{Path, PathBuf};

use serde_json::Value;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(manifests().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_manifest_has_the_same_metric_labels() {
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
