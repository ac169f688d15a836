//! What Prometheus answers.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

/// A value with its labels, at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels, `__name__` among them where the metric's name was kept.
    pub labels: BTreeMap<String, String>,
    /// The value, which may be NaN or infinite.
    pub value: f64,
}

/// An alert whose condition holds.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Its texts, with the values filled in.
    pub annotations: BTreeMap<String, String>,
}

/// The samples of an instant vector.
pub(super) fn samples(data: &Value) -> anyhow::Result<Vec<Sample>> {
    let kind = member(data, "/resultType");
    ensure!(kind == "vector", "the result is a {kind} and no vector");
    list(data, "/result").map(sample).collect()
}

fn sample(result: &Value) -> anyhow::Result<Sample> {
    let value = member(result, "/value/1").as_str();
    Ok(Sample {
        labels: texts(result, "/metric"),
        value: value.context("a sample without a value")?.parse()?,
    })
}

/// The alerts of all groups of rules, pending ones too.
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

/// What stands there; null where nothing does.
fn member<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    member(value, pointer).as_array().into_iter().flatten()
}

/// The members of an object that are texts.
fn texts(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let members = member(value, pointer).as_object().into_iter().flatten();
    members
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect()
}
