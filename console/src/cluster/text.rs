//! A plugin as a text that people edit, and the patch that an edit becomes.

use halftone_resources::yaml;
use serde_json::{Map, Value, json};

/// The annotation in which `kubectl apply` keeps a copy of the whole resource.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields of the metadata that people write.
const WRITTEN: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// The text of a plugin: what people write of it, without what the cluster adds.
///
/// # Errors
///
/// It cannot be written as YAML.
pub fn text(plugin: &Value) -> Result<String, String> {
    serde_saphyr::to_string(&written(plugin)).map_err(|error| error.to_string())
}

fn written(plugin: &Value) -> Value {
    let field = |name: &str| plugin.get(name).cloned().unwrap_or_default();
    let mut metadata = Map::new();
    for name in WRITTEN {
        let mut value = field("metadata").get(name).cloned().unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove(LAST_APPLIED);
        }
        let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if !is_empty {
            metadata.insert(name.into(), value);
        }
    }
    json!({
        "apiVersion": field("apiVersion"), "kind": field("kind"), "metadata": metadata, "spec": field("spec"),
    })
}

/// The merge patch that makes the text `before` the text `after`. It has no resource version.
///
/// # Errors
///
/// A text is not YAML, or they differ in what identifies a plugin. The error is a sentence.
pub fn patch(before: &str, after: &str) -> Result<Value, String> {
    let read = |text: &str| {
        yaml::document::<Value>(text).map_err(|error: yaml::NotYaml| error.to_string())
    };
    let (before, after) = (read(before)?, read(after)?);
    for pointer in [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
    ] {
        if before.pointer(pointer) != after.pointer(pointer) {
            let path = pointer.trim_start_matches('/').replace('/', ".");
            let was = before
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default();
            return Err(format!(
                "{path}: a change cannot make another plugin of this one; write {was}"
            ));
        }
    }
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    if let Some(other) = fields(&after)
        .keys()
        .find(|key| !known.contains(&key.as_str()))
    {
        return Err(format!("{other}: a plugin has no such field; remove it"));
    }
    let metadata = after.get("metadata").cloned().unwrap_or_default();
    if let Some(other) = fields(&metadata)
        .keys()
        .find(|key| !WRITTEN.contains(&key.as_str()))
    {
        return Err(format!(
            "metadata.{other}: only labels and annotations can be changed; remove it"
        ));
    }
    Ok(merge_patch(&before, &after).unwrap_or_else(|| Map::new().into()))
}

/// The merge patch (RFC 7396) from one value to the other. None: they are equal.
fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        let before = old.get(key).unwrap_or(&Value::Null);
        if let Some(change) = merge_patch(before, value) {
            patch.insert(key.clone(), change);
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(patch.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> Value {
        json!({
            "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
            "metadata": {
                "name": "web", "namespace": "shop", "resourceVersion": "7", "uid": "a", "managedFields": [],
                "annotations": {LAST_APPLIED: "{}"}, "labels": {"team": "y"},
            },
            "spec": {"url": "oci://a", "priority": 10, "pluginConfig": {"releases": [{"name": "web"}]}},
            "status": {},
        })
    }

    #[test]
    fn a_text_has_what_people_write() {
        let text = text(&plugin()).unwrap();
        let read: Value = yaml::document(&text).unwrap();
        let expected = json!({
            "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "y"}},
            "spec": {"url": "oci://a", "priority": 10, "pluginConfig": {"releases": [{"name": "web"}]}},
        });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_patch_has_only_what_changes() {
        let before = text(&plugin()).unwrap();
        for (from, to, expected) in [
            ("url: ", "url: ", json!({})),
            (
                "priority: 10",
                "priority: 11",
                json!({"spec": {"priority": 11}}),
            ),
            ("  priority: 10\n", "", json!({"spec": {"priority": null}})),
            (
                "- name: web",
                "- name: other",
                json!({"spec": {"pluginConfig": {"releases": [{"name": "other"}]}}}),
            ),
            (
                "  labels:\n",
                "  annotations: {a: b}\n  labels:\n",
                json!({"metadata": {"annotations": {"a": "b"}}}),
            ),
        ] {
            let after = before.replacen(from, to, 1);
            assert_eq!(patch(&before, &after), Ok(expected), "{after}");
        }
    }

    #[test]
    fn a_patch_cannot_reach_another_plugin_or_a_field_of_the_cluster() {
        let before = text(&plugin()).unwrap();
        for (from, to, expected) in [
            ("name: web\n", "name: w\n", "metadata.name: a change cannot"),
            ("namespace: shop", "namespace: bank", "metadata.namespace: "),
            ("kind: WasmPlugin", "kind: Secret", "kind: a change cannot"),
            ("spec:", "status: {}\nspec:", "status: a plugin has no"),
            (
                "  labels:",
                "  finalizers: [a]\n  labels:",
                "metadata.finalizers: only",
            ),
            ("spec:", "spec: [", "line "),
        ] {
            let after = before.replacen(from, to, 1);
            assert_ne!(before, after, "{from}");
            let wrong = patch(&before, &after).unwrap_err();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
