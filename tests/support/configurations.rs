//! Parts of configurations that a test makes as long as it likes.

use serde_json::{Value, json};

pub fn release(name: &str, principal: &str, canary: &Value) -> Value {
    json!({"releases": [
        {"name": name, "hosts": ["reviews"], "principal": principal, "canary": canary}
    ]})
}

pub fn all(count: usize, item: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(item).collect()
}

pub fn members(count: usize, member: impl Fn(usize) -> (String, Value)) -> Value {
    (0..count).map(member).collect()
}

pub fn rule(name: &str, version: &str) -> Value {
    json!({"name": name, "version": version, "match": [{"method": {"exact": "GET"}}]})
}

pub fn in_one_match(conditions: &Value) -> Value {
    release(
        "reviews",
        "v1",
        &json!({"rules": [{"name": "r", "version": "v2", "match": [conditions]}]}),
    )
}
