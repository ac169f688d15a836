//! The JSON Schema of the plugin configuration. It is generated from the wire types, published in
//! `docs/halftone.schema.json` for editors, and accepts what the filter accepts.
//!
//! `UPDATE=1 cargo test --test it schema` rewrites the file.

use halftone::config::PluginConfig;
use serde_json::Value;

use crate::documents::configurations;

fn schema() -> Value {
    schemars::schema_for!(PluginConfig).to_value()
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/halftone.schema.json");
    let generated = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), generated);
}

#[test]
fn every_configuration_that_is_accepted_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (place, config) in configurations() {
        let errors: Vec<String> = validator
            .iter_errors(&config)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{place}: {}", errors.join("\n"));
    }
}

/// The schema rejects the mistakes of form that the filter rejects.
#[test]
fn a_configuration_of_a_wrong_form_does_not_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for name in [
        "types",
        "unknown-fields",
        "not-an-object",
        "empty-release",
        "matches",
        "blue-green",
        "misplaced",
    ] {
        let path = format!(
            "{}/tests/violations/{name}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let config: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(!validator.is_valid(&config), "{name}");
    }
}
