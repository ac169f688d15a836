//! `metadata`, which every kind has: definitions leave it to the API server, which wants names of a certain form.

use jsonschema::Validator;
use serde_json::json;

/// A resource's metadata as a file may give it.
pub(super) fn validator() -> anyhow::Result<Validator> {
    let label = r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?";
    let subdomain = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
    let key = format!(r"^({subdomain}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$");
    let schema = json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "maxLength": 253, "pattern": format!("^{subdomain}$") },
            "namespace": { "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" },
            "labels": {
                "type": "object",
                "patternProperties": {
                    key.clone(): { "type": "string", "maxLength": 63, "pattern": format!("^{label}$") },
                },
                "additionalProperties": false,
            },
            "annotations": {
                "type": "object",
                "patternProperties": { key: { "type": "string" } },
                "additionalProperties": false,
            },
        },
    });
    Ok(jsonschema::validator_for(&schema)?)
}
