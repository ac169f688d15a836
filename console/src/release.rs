//! A release as the page shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::viewer::release_id;

/// A release of a configuration. It is read from the configuration as written, which may have violations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The name by which the page and the numbers know it: in a cluster after the namespace of its plugin.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The configuration that contains it.
    pub document: String,
    /// The hosts that it claims.
    pub hosts: Vec<String>,
    /// `canary`, `blueGreen`, or `none`.
    pub strategy: &'static str,
    /// The principal version.
    pub principal: String,
    /// All versions, the principal first.
    pub versions: Vec<String>,
    /// The share of each version in the requests that no rule decides, 0 to 1. A ramp is not in it.
    pub configured: BTreeMap<String, f64>,
    /// The version that took over.
    pub take_over: Option<String>,
    /// The active version of a blue-green release.
    pub active: Option<String>,
    /// The ramp, as written.
    pub ramp: Option<Value>,
    /// Whether it recognises sessions.
    pub has_session: bool,
    /// The rules, each with its version, or none for a split.
    pub rules: Vec<(String, Option<String>)>,
    /// The mirrors.
    pub mirrors: Vec<Mirror>,
}

/// A mirror of a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// Its name.
    pub name: String,
    /// Where the copies go.
    pub to: String,
    /// Whether answers are compared.
    pub compares: bool,
    /// The places that are ignored.
    pub ignore: Vec<String>,
}

/// The releases of a configuration.
#[must_use]
pub fn releases(document: &str, config: &Value) -> Vec<Release> {
    let all = config.get("releases").and_then(Value::as_array);
    let all = all.into_iter().flatten();
    all.filter(|value| value.is_object())
        .map(|value| Release::of(document, value))
        .collect()
}

impl Release {
    fn of(document: &str, value: &Value) -> Self {
        let mut release = Self {
            id: release_id(document, &text(value, "/name")),
            name: text(value, "/name"),
            document: document.into(),
            hosts: texts(value, "/hosts"),
            strategy: "none",
            principal: text(value, "/principal"),
            has_session: value
                .pointer("/canary/session")
                .is_some_and(|session| !session.is_null()),
            ..Self::default()
        };
        let services = value.pointer("/services").and_then(Value::as_array);
        let services = services.into_iter().flatten();
        release
            .hosts
            .extend(services.map(|service| text(service, "/name")));
        let principal = release.principal.clone();
        release.name_version(&principal);
        if let Some(canary) = value.get("canary").filter(|canary| !canary.is_null()) {
            release.strategy = "canary";
            release.read_canary(canary);
        }
        if let Some(blue_green) = value.get("blueGreen").filter(|one| !one.is_null()) {
            release.strategy = "blueGreen";
            let active = text(blue_green, "/active");
            release.name_version(&active);
            let preview = text(blue_green, "/preview/version");
            release.name_version(&preview);
            release.configured = BTreeMap::from([(active.clone(), 1.0)]);
            release.active = Some(active);
        }
        for version in texts(value, "/versions") {
            release.name_version(&version);
        }
        if let Some(versions) = value.get("versions").and_then(Value::as_object) {
            for version in versions.keys() {
                release.name_version(version);
            }
        }
        if let Some(versions) = value.get("versions").and_then(Value::as_array) {
            for version in versions {
                release.name_version(&text(version, "/name"));
            }
        }
        let mirrors = value.pointer("/mirrors").and_then(Value::as_array);
        release.mirrors = mirrors.into_iter().flatten().map(Mirror::of).collect();
        release
    }

    fn read_canary(&mut self, canary: &Value) {
        let rules = canary.pointer("/rules").and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            let version = rule.get("version").and_then(Value::as_str);
            self.name_version(version.unwrap_or_default());
            let name = text(rule, "/name");
            self.rules.push((name, version.map(Into::into)));
            let _ = self.shares(rule.get("split"));
        }
        self.configured = self.shares(canary.get("split"));
        if self.configured.is_empty() {
            self.configured = BTreeMap::from([(self.principal.clone(), 1.0)]);
        }
        let take_over = canary.get("takeOver").and_then(Value::as_str);
        if let Some(version) = take_over {
            self.name_version(version);
            self.configured = BTreeMap::from([(version.into(), 1.0)]);
            self.take_over = Some(version.into());
        }
        if let Some(ramp) = canary.get("ramp").filter(|ramp| ramp.is_object()) {
            self.name_version(&text(ramp, "/version"));
            self.ramp = Some(ramp.clone());
        }
    }

    fn shares(&mut self, split: Option<&Value>) -> BTreeMap<String, f64> {
        let arms = split.and_then(Value::as_array);
        let mut weights: BTreeMap<String, f64> = BTreeMap::new();
        for arm in arms.into_iter().flatten() {
            let version = text(arm, "/version");
            let weight = arm.get("weight").and_then(Value::as_f64);
            self.name_version(&version);
            *weights.entry(version).or_default() += weight.unwrap_or_default().max(0.0);
        }
        let sum: f64 = weights.values().sum();
        if sum <= 0.0 {
            return BTreeMap::new();
        }
        weights.values_mut().for_each(|weight| *weight /= sum);
        weights
    }

    fn name_version(&mut self, version: &str) {
        if !version.is_empty() && !self.versions.iter().any(|one| one == version) {
            self.versions.push(version.into());
        }
    }
}

impl Mirror {
    fn of(value: &Value) -> Self {
        let to = ["/cluster", "/destination/host"].map(|pointer| text(value, pointer));
        let compare = value.get("compare").filter(|compare| !compare.is_null());
        Self {
            name: text(value, "/name"),
            to: to.into_iter().find(|to| !to.is_empty()).unwrap_or_default(),
            compares: compare.is_some(),
            ignore: texts(value, "/compare/ignore"),
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().into()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    let found = found.into_iter().flatten();
    found.filter_map(Value::as_str).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(value: Value) -> Release {
        releases("a", &json!({"releases": [value]})).remove(0)
    }

    #[test]
    fn the_configured_shares_are_those_of_the_split() {
        let table = [
            (json!({}), vec![("v1", 1.0)]),
            (
                json!({"split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 3}]}),
                vec![("v1", 0.75), ("v2", 0.25)],
            ),
            (
                json!({"split": [{"version": "v2", "weight": 1}], "takeOver": "v3"}),
                vec![("v3", 1.0)],
            ),
            (
                json!({"split": [{"version": "v2", "weight": "x"}]}),
                vec![("v1", 1.0)],
            ),
        ];
        for (canary, expected) in table {
            let release = release(json!({"name": "web", "principal": "v1", "canary": canary}));
            let shares: Vec<(&str, f64)> = release
                .configured
                .iter()
                .map(|(version, share)| (version.as_str(), *share))
                .collect();
            assert_eq!(shares, expected, "{canary}");
        }
    }

    #[test]
    fn a_version_is_named_once_and_the_principal_is_first() {
        let release = release(json!({
            "name": "web", "principal": "v1",
            "canary": {
                "rules": [{"name": "a", "version": "v3"}],
                "split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}],
            },
        }));
        assert_eq!(release.versions, ["v1", "v3", "v2"]);
        assert_eq!(release.strategy, "canary");
    }

    #[test]
    fn what_is_not_a_configuration_has_no_releases() {
        for value in [
            json!(null),
            json!({"releases": 3}),
            json!({"releases": [1, null]}),
        ] {
            assert_eq!(releases("a", &value), []);
        }
    }
}
