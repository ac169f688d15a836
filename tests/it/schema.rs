//! The JSON Schema of the plugin configuration: generated from the types that read it, kept in
//! `docs/halftone.schema.json` for editors, and of one mind with the reader.
//!
//! `UPDATE=1 cargo test --test it schema` writes the file anew.

use halftone::config::PluginConfig;
use serde_json::Value;

use crate::documents::configurations;

fn schema() -> Value {
    schemars::schema_for!(PluginConfig).to_value()
}

#[test]
fn the_schema_that_is_published_is_that_of_the_types() {
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

/// What the schema can say at all it says: it refuses the same mistakes of form.
#[test]
fn configurations_of_a_wrong_form_do_not_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for name in [
        "types",
        "unknown-fields",
        "not-an-object",
        "empty-release",
        "matches",
        "blue-green",
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
