//! Halftone's configurations, each for one row of a benchmark.

use serde_json::{Value, json};

use super::HOST;
use super::native::by_version;
use super::traffic::{SESSION, TESTER};
use super::upstreams::{MIRROR, V1, V2};
use crate::proxy::{Plugin, Proxy};

/// The name of the plugin.
pub const PLUGIN: &str = "halftone";

/// The name of the rule that matches every request.
pub const RULE: &str = "testers";

/// One rule, which matches every request.
pub fn header(proxy: Proxy) -> Proxy {
    one(proxy, header_release())
}

/// As [`header`], without metrics of responses.
pub fn uncounted(proxy: Proxy) -> Proxy {
    let config = json!({"releases": [header_release()], "metrics": {"responses": false}});
    halftone(proxy, &config)
}

/// As [`header`], with a guard.
pub fn guarded(proxy: Proxy) -> Proxy {
    one(proxy, with(header_release(), json!({"guard": {}})))
}

/// As [`guarded`], with a fallback.
pub fn falling_back(proxy: Proxy) -> Proxy {
    let fields = json!({"guard": {}, "fallback": {"resend": true}});
    one(proxy, with(header_release(), fields))
}

/// All requests go to a guarded version whose ramp has ended.
pub fn ramped(proxy: Proxy) -> Proxy {
    let points = json!([{"after": "0s", "percentage": 1}, {"after": "24h", "percentage": 100}]);
    let ramp = json!({"version": V2, "start": "2026-01-01T00:00:00Z", "points": points});
    let release = release(HOST, json!({ "ramp": ramp }));
    one(proxy, with(release, json!({"guard": {}})))
}

/// `count` plugins beside each other, each with one release. The one in the middle is that of [`header`].
pub fn plugins(proxy: Proxy, count: usize) -> Proxy {
    let all = (0..count).fold(proxy, |proxy, number| {
        let name = format!("service-{number}");
        let name = if number == count / 2 { HOST } else { &name };
        let config = json!({"releases": [release(name, rules(1, V2))]});
        proxy.plugin(Plugin::new(name).config(&config.to_string()))
    });
    by_version(all)
}

fn header_release() -> Value {
    release(HOST, rules(1, V2))
}

fn with(mut release: Value, fields: Value) -> Value {
    if let (Some(release), Value::Object(fields)) = (release.as_object_mut(), fields) {
        release.extend(fields);
    }
    release
}

/// Each version gets half of the requests.
pub fn split(proxy: Proxy) -> Proxy {
    one(proxy, release(HOST, json!({"split": halves()})))
}

/// Each version gets half of the sessions. The key of a session is a cookie of the requests.
pub fn session(proxy: Proxy) -> Proxy {
    let session = json!({"key": [{"cookie": SESSION}]});
    let canary = json!({"split": halves(), "session": session});
    one(proxy, release(HOST, canary))
}

/// 1,000 releases, each with the rule of [`header`].
pub fn thousand(proxy: Proxy) -> Proxy {
    halftone(proxy, &releases(1000, 1, V2))
}

/// 100 rules; the last one is the rule of [`header`].
pub fn hundred_rules(proxy: Proxy) -> Proxy {
    one(proxy, release(HOST, rules(100, V2)))
}

/// As [`header`], and a mirror gets a copy of each request.
pub fn mirror(proxy: Proxy) -> Proxy {
    mirrored(proxy, json!({}))
}

/// As [`mirror`], and the answers are compared.
pub fn compare(proxy: Proxy) -> Proxy {
    let compare = json!({"body": "auto", "ignore": ["/timestamp"]});
    mirrored(proxy, json!({ "compare": compare }))
}

/// `count` releases, each with its own host and `rule_count` rules. The release of [`HOST`] is in the middle. The last
/// rule of each matches the requests.
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

/// Each rule tests the same header for a different value.
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

/// Adds `fields` to the mirror.
fn mirrored(proxy: Proxy, fields: Value) -> Proxy {
    // Wide limits: an open loop that falls behind has many requests in flight, and every copy must be sent.
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

/// A proxy whose plugin has this configuration.
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
