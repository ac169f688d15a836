//! The answers of Prometheus.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

/// A value with its labels at one point in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels. `__name__` is one of them if the expression keeps the metric's name.
    pub labels: BTreeMap<String, String>,
    /// The value. It can be NaN or infinite.
    pub value: f64,
}

/// An alert whose condition is met.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its labels, with `alertname`.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, with the values filled in.
    pub annotations: BTreeMap<String, String>,
}

/// Reads the samples of an instant vector.
pub(super) fn samples(data: &Value) -> anyhow::Result<Vec<Sample>> {
    let kind = member(data, "/resultType");
    ensure!(kind == "vector", "expected a vector, got a {kind}");
    list(data, "/result").map(sample).collect()
}

fn sample(result: &Value) -> anyhow::Result<Sample> {
    let value = member(result, "/value/1").as_str();
    Ok(Sample {
        labels: texts(result, "/metric"),
        value: value.context("a sample without a value")?.parse()?,
    })
}

/// Reads the alerts of all groups of rules, with the pending ones.
pub(super) fn alerts(data: &Value) -> anyhow::Result<Vec<Alert>> {
    let mut alerts = Vec::new();
    for rule in list(data, "/groups").flat_map(|group| list(group, "/rules")) {
        let health = member(rule, "/health");
        ensure!(
            health == "ok",
            "the rule {} is {health}: {}",
            member(rule, "/name"),
            member(rule, "/lastError")
        );
        alerts.extend(list(rule, "/alerts").map(|alert| Alert {
            labels: texts(alert, "/labels"),
            annotations: texts(alert, "/annotations"),
        }));
    }
    Ok(alerts)
}

/// The value at `pointer`, or null if there is none.
fn member<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    member(value, pointer).as_array().into_iter().flatten()
}

/// The members of an object that are strings.
fn texts(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let members = member(value, pointer).as_object().into_iter().flatten();
    members
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect()
}
