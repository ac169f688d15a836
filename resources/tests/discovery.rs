//! The discovery resource of a filter, as a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::fs;
use std::path::Path;

use halftone_resources::discovery::{configure, resource, text};
use serde_json::{Value, json};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_new_configuration_keeps_the_rest_of_the_filter() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("releases.json");
    let filter = json!({"@type": "wasm", "config": {"name": "shop"}});
    let written = resource("halftone", filter, &json!({})).unwrap();
    fs::write(&file, text(&written).unwrap()).unwrap();

    let config = json!({"releases": [{"name": "\u{85}\"é"}]});
    for (config, changed) in [(&config, true), (&config, false), (&json!({}), true)] {
        assert_eq!(configure(&file, config).unwrap(), changed);
        let found: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let found = &found["resources"][0];
        assert_eq!(found["name"], "halftone");
        assert_eq!(found["typed_config"]["@type"], "wasm");
        let filter = &found["typed_config"]["config"];
        assert_eq!(filter["name"], "shop");
        let text = filter["configuration"]["value"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *config);
    }
    assert_eq!(names(folder.path()), ["releases.json"]);
}

#[test]
fn a_file_without_a_filter_is_reported_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("releases.json");
    let missing = configure(&file, &json!({})).unwrap_err().to_string();
    assert!(missing.starts_with("No such file"), "{missing}");
    for (text, expected) in [
        ("[", "is not JSON: EOF while parsing a list"),
        (
            r#"{"resources": []}"#,
            "has no resources[0].typed_config.config; write it with",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let error = configure(&file, &json!({})).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
