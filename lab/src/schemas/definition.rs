//! The definition of a custom resource, in one version of it.

use anyhow::{Context, ensure};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::rules::Rules;
use super::{defaults, documents, paths, strict};

/// A kind of resource, as its CustomResourceDefinition has it.
#[derive(Debug)]
pub(super) struct Definition {
    schema: Value,
}

impl Definition {
    /// Every version of every definition in a YAML text, each with its API version and kind. Other resources that stand beside
    /// them are left out.
    pub(super) fn read(text: &str) -> anyhow::Result<Vec<((String, String), Self)>> {
        let mut found = Vec::new();
        for resource in documents(text)? {
            if resource.get("kind") != Some(&json!("CustomResourceDefinition")) {
                continue;
            }
            let at = |pointer| resource.pointer(pointer).and_then(Value::as_str);
            let group = at("/spec/group").context("a definition has no group")?;
            let kind = at("/spec/names/kind").context("a definition has no kind")?;
            let versions = resource.pointer("/spec/versions").and_then(Value::as_array);
            for version in versions.into_iter().flatten() {
                let name = version.get("name").and_then(Value::as_str);
                let name = name.with_context(|| format!("a version of {kind} has no name"))?;
                let schema = version
                    .pointer("/schema/openAPIV3Schema")
                    .and_then(Value::as_object);
                let schema = schema.with_context(|| format!("{kind} {name} has no schema"))?;
                let definition = Self {
                    schema: with_type(schema.clone()),
                };
                found.push(((format!("{group}/{name}"), kind.to_owned()), definition));
            }
        }
        ensure!(!found.is_empty(), "there is no definition in it");
        Ok(found)
    }

    /// What the API server would have against a resource. Rules are asked only once the form is right, as there.
    pub(super) fn check(&self, resource: &Value, rules: &Rules) -> anyhow::Result<Vec<String>> {
        let mut resource = resource.clone();
        defaults::fill(&self.schema, &mut resource);
        let found = paths::violations(&self.validator()?, &resource, "");
        if found.is_empty() {
            return rules.check(&self.schema, &resource);
        }
        Ok(found)
    }

    /// As it is published, and with the fields that every resource has.
    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    fn validator(&self) -> anyhow::Result<Validator> {
        // Go writes patterns, not ECMAScript: its flags may stand anywhere in them.
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = options.build(&strict::strict(&self.schema))?;
        Ok(validator)
    }
}

/// Adds what definitions leave out since every resource has it. `metadata` has a schema of its own.
fn with_type(mut schema: Map<String, Value>) -> Value {
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let given = [
        ("apiVersion", json!({ "type": "string" })),
        ("kind", json!({ "type": "string" })),
        ("metadata", any),
    ];
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.extend(given.map(|(name, schema)| (name.to_owned(), schema)));
    }
    Value::Object(schema)
}
