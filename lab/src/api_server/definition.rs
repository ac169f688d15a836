//! What a CustomResourceDefinition defines.

use anyhow::{Context, ensure};
use serde_json::Value;

/// A kind of custom resource in one version.
#[derive(Debug)]
pub(super) struct Resource {
    group: String,
    version: String,
    plural: String,
    namespaced: bool,
}

impl Resource {
    /// The path of the kind's collection, in `namespace` if the kind has namespaces.
    pub(super) fn path(&self, namespace: &str) -> String {
        let Self {
            group,
            version,
            plural,
            namespaced,
        } = self;
        if *namespaced {
            format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}")
        } else {
            format!("/apis/{group}/{version}/{plural}")
        }
    }
}

/// The definitions in a YAML text.
pub(super) fn definitions(text: &str) -> anyhow::Result<impl Iterator<Item = Value> + use<>> {
    // The default limits are for configurations; a definition is larger.
    let options = serde_saphyr::options! { budget: None };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)?;
    let defines = |document: &Value| {
        let kind = document.get("kind").and_then(Value::as_str);
        kind == Some("CustomResourceDefinition")
    };
    Ok(documents.into_iter().filter(defines))
}

/// Every served version of a definition, each with its `apiVersion` and `kind`.
pub(super) fn resources(definition: &Value) -> anyhow::Result<Vec<((String, String), Resource)>> {
    let text = |pointer| {
        let text = definition.pointer(pointer).and_then(Value::as_str);
        text.with_context(|| format!("a definition without {pointer}"))
    };
    let group = text("/spec/group")?;
    let kind = text("/spec/names/kind")?;
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let mut resources = Vec::new();
    for version in versions.into_iter().flatten() {
        if version.get("served") != Some(&Value::Bool(true)) {
            continue;
        }
        let version = version.get("name").and_then(Value::as_str);
        let version = version.with_context(|| format!("a version of {kind} without a name"))?;
        let resource = Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: text("/spec/names/plural")?.to_owned(),
            namespaced: text("/spec/scope")? == "Namespaced",
        };
        let key = (format!("{group}/{version}"), kind.to_owned());
        resources.push((key, resource));
    }
    ensure!(!resources.is_empty(), "{kind} has no served version");
    Ok(resources)
}
