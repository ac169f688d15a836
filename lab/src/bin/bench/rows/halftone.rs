//! Halftone's configurations.

use halftone_lab::proxy::{Plugin, Proxy};
use serde_json::{Value, json};

use super::native::by_version;
use crate::traffic::{HOST, SESSION, TESTER};
use crate::upstreams::{MIRROR, V1, V2};

/// The name of the plugin.
pub const PLUGIN: &str = "halftone";

/// The name of the rule that the requests meet.
pub const RULE: &str = "testers";

/// One rule, which the requests meet.
pub fn header(proxy: Proxy) -> Proxy {
    one(proxy, release(HOST, rules(1, V2)))
}

/// Half of the requests to each version.
pub fn split(proxy: Proxy) -> Proxy {
    one(proxy, release(HOST, json!({"split": halves()})))
}

/// Half of the sessions to each version, told apart by a cookie that the requests bring.
pub fn session(proxy: Proxy) -> Proxy {
    let session = json!({"key": [{"cookie": SESSION}]});
    let canary = json!({"split": halves(), "session": session});
    one(proxy, release(HOST, canary))
}

/// A thousand releases, all with the rule of [`header`].
pub fn thousand(proxy: Proxy) -> Proxy {
    halftone(proxy, &releases(1000, 1, V2))
}

/// A hundred rules, of which the last is that of [`header`].
pub fn hundred_rules(proxy: Proxy) -> Proxy {
    one(proxy, release(HOST, rules(100, V2)))
}

/// That of [`header`], and all requests are mirrored.
pub fn mirror(proxy: Proxy) -> Proxy {
    mirrored(proxy, json!({}))
}

/// The same, and the answers are compared.
pub fn compare(proxy: Proxy) -> Proxy {
    let compare = json!({"body": "auto", "ignore": ["/timestamp"]});
    mirrored(proxy, json!({ "compare": compare }))
}

/// So many releases with so many rules each, for hosts of their own; that of [`HOST`] stands in the middle. The last rule
/// of each is the one that the requests meet.
pub fn releases(count: usize, rule_count: usize, version: &str) -> Value {
    let releases = (0..count).map(|number| {
        let name = format!("service-{number}");
        let name = if number == count / 2 { HOST } else { &name };
        release(name, rules(rule_count, version))
    });
    json!({"releases": releases.collect::<Vec<_>>()})
}

fn release(name: &str, canary: Value) -> Value {
    json!({"name": name, "hosts": [name], "principal": V1, "canary": canary})
}

/// Each tests the same header for another value.
fn rules(count: usize, version: &str) -> Value {
    let (header, tester) = TESTER;
    let rules = (1..=count).map(|number| {
        let (name, value) = if number == count {
            (RULE.to_owned(), tester.to_owned())
        } else {
            (format!("rule-{number}"), format!("tester-{number}"))
        };
        json!({"name": name, "match": [{"headers": {header: {"exact": value}}}], "version": version})
    });
    json!({"rules": rules.collect::<Vec<_>>()})
}

fn halves() -> Value {
    json!([{"version": V1, "weight": 50}, {"version": V2, "weight": 50}])
}

/// With `fields` of a mirror besides those that all have.
fn mirrored(proxy: Proxy, fields: Value) -> Proxy {
    // With wide limits: an open loop that falls behind has many requests under way, and every copy is to be counted.
    let mut mirror = json!({
        "name": "shadow",
        "cluster": MIRROR,
        "percentage": 100,
        "methods": ["GET"],
        "timeout": "1m",
        "maxInFlight": 100_000,
    });
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    let mut release = release(HOST, rules(1, V2));
    if let Some(release) = release.as_object_mut() {
        release.insert("mirrors".into(), json!([mirror]));
    }
    halftone(
        proxy,
        &json!({"releases": [release], "mirrorBudget": "128MiB"}),
    )
}

fn one(proxy: Proxy, release: Value) -> Proxy {
    halftone(proxy, &json!({"releases": [release]}))
}

/// With this configuration.
pub fn halftone(proxy: Proxy, config: &Value) -> Proxy {
    by_version(proxy.plugin(Plugin::new(PLUGIN).config(&config.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_asked_for_is_in_the_middle_and_its_last_rule_matches() {
        let config = releases(5, 3, V2);
        assert_eq!(config["releases"].as_array().map(Vec::len), Some(5));
        assert_eq!(config["releases"][2]["hosts"], json!([HOST]));
        assert_eq!(config["releases"][3]["hosts"], json!(["service-3"]));
        let rules = &config["releases"][2]["canary"]["rules"];
        assert_eq!(rules[2]["name"], RULE);
        assert_eq!(
            rules[2]["match"][0]["headers"]["end-user"]["exact"],
            "jason"
        );
        assert_ne!(rules[1]["match"], rules[2]["match"]);
    }
}
