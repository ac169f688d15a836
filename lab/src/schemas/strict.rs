//! A definition's schema as JSON Schema, and with every field refused that it does not name.

use serde_json::{Map, Value, json};

/// The JSON Schema of a structural schema of Kubernetes.
pub(super) fn strict(schema: &Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema.clone();
    };
    let mut strict = schema.clone();
    if let Some(Value::Object(properties)) = strict.get_mut("properties") {
        for property in properties.values_mut() {
            *property = self::strict(property);
        }
    }
    for place in ["items", "additionalProperties"] {
        if let Some(inner) = strict.get_mut(place) {
            *inner = self::strict(inner);
        }
    }
    if closed(schema) {
        strict.insert("additionalProperties".into(), json!(false));
    }
    if is(schema, "x-kubernetes-int-or-string") {
        strict.insert("type".into(), json!(["integer", "string"]));
    }
    if schema.get("x-kubernetes-list-type") == Some(&json!("set")) {
        strict.insert("uniqueItems".into(), json!(true));
    }
    if is(schema, "nullable") {
        admit_null(&mut strict);
    }
    Value::Object(strict)
}

/// Whether unknown fields are refused: `kubectl` would say that they are unknown, and the API server would drop them.
fn closed(schema: &Map<String, Value>) -> bool {
    schema.get("type") == Some(&json!("object"))
        && !schema.contains_key("additionalProperties")
        && !is(schema, "x-kubernetes-preserve-unknown-fields")
}

fn admit_null(schema: &mut Map<String, Value>) {
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.clone(), "null"]),
        None => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn is(schema: &Map<String, Value>, word: &str) -> bool {
    schema.get(word) == Some(&json!(true))
}
