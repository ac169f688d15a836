//! Every wire type, read.

use serde_json::json;

use super::*;
use crate::config::PluginConfig;

fn read_all(text: &str) -> PluginConfig {
    let json = serde_json::from_str(text).unwrap();
    let mut violations = Violations::default();
    let config = read(&json, &mut violations);
    assert_eq!(violations.to_string(), "");
    config
}

#[test]
fn every_field_is_read_as_serde_would_read_it() {
    let test = |text: &str| {
        json!({
            "exact": format!("exact {text}"), "prefix": format!("prefix {text}"), "suffix": format!("suffix {text}"),
            "contains": format!("contains {text}"), "regex": format!("regex {text}"), "in": [format!("in {text}")],
            "present": true, "semver": format!("semver {text}")
        })
    };
    let matches = |of: &str| {
        json!([{
            "headers": {"a": test("headers"), "b": test(of)}, "withoutHeaders": {"a": test("without headers")},
            "cookies": {"a": test("cookies")}, "queryParams": {"a": test("query parameters")},
            "jwtClaims": {"a": test("claims")}, "sourceLabels": {"version": "v2"},
            "path": test("path"), "method": test("method"), "clientOs": ["ios", "android", "windows", "macos", "linux"],
            "withoutClientOs": ["ios"], "percentage": 12.5,
            "invited": {"queryParam": "invitation", "cookie": "other cookie"}
        }])
    };
    let split = |of: &str| json!([{"version": of, "weight": 3}]);
    let mut config = json!({
        "explain": {"header": "explain header"}, "accessLog": true, "mirrorBudget": "mirror budget",
        "releases": [{
            "name": "release", "hosts": ["host", "other host"],
            "services": [{"name": "service", "namespace": "namespace", "clusterDomain": "domain"}], "principal": "principal",
            "exclusive": {"group": "group", "from": 10, "to": 20}, "holdout": {"group": "other group", "percentage": 5},
            "canary": {
                "takeOver": "take over",
                "rules": [{"name": "rule", "match": matches("rule"), "version": "rule version", "split": split("rule"), "guarded": false}],
                "split": split("canary"),
                "ramp": {
                    "version": "ramp version", "start": "start", "points": [{"after": "after", "percentage": 30}],
                    "shape": "steps", "hold": 40
                },
                "session": {
                    "salt": "salt",
                    "key": [{
                        "header": "header", "cookie": "cookie", "queryParam": "parameter", "jwtClaim": "claim",
                        "sourceAddress": true
                    }],
                    "cookie": {
                        "name": "name", "maxAge": "age", "path": "path", "domain": "domain", "secure": true,
                        "httpOnly": false, "sameSite": "None", "keep": true
                    }
                }
            },
            "blueGreen": {"active": "active", "preview": {"version": "preview", "match": matches("preview")}},
            "mirrors": [{
                "name": "mirror", "destination": {"host": "host", "port": 80, "subset": "subset"},
                "cluster": "cluster", "percentage": 10, "match": matches("mirror"), "methods": ["method"],
                "timeout": "timeout", "maxBody": "body", "maxInFlight": 3, "authority": "authority",
                "headers": {"set": {"a": "b", "c": "d"}, "remove": ["e"]},
                "compare": {
                    "percentage": 20, "status": true, "headers": ["header"], "body": "bytes", "ignore": ["ignore"],
                    "maxBody": "other body", "samples": 7, "query": true,
                    "redact": {"headers": ["key"], "pointers": ["pointer"]}
                }
            }],
            "guard": {
                "failures": ["5xx", "reset", "grpc"], "slowerThan": "slower than", "margin": 4, "atLeast": 5, "ceiling": 6,
                "retry": "retry"
            },
            "fallback": {"probe": {"path": "probed", "every": "every"}, "resend": true},
            "route": {"header": "route", "authority": {"v1": "one", "v2": "two"}}
        }]
    });
    // Beside the others, they would exceed the recursion limit of the macro.
    config["signing"] = json!({"keys": ["key", "other key"]});
    config["metrics"] = json!({"responses": false});
    let read = read_all(&config.to_string());
    let expected = PluginConfig::deserialize(&config).unwrap();
    assert_eq!(format!("{read:#?}"), format!("{expected:#?}"));
    assert!(
        !format!("{read:?}").contains(": None"),
        "a field is not in the test"
    );
}

#[test]
fn members_are_read_by_name_and_the_last_of_one_name_counts() {
    let text = r#"{"accessLog": 1, "accessLog": true, "releases": [{"route": {"authority": {"c": 1, "a": "2", "c": "3", "b": "4", "a": "5"}}}]}"#;
    let config = read_all(text);
    let release = config.releases.unwrap().remove(0);
    let authority = release.route.unwrap().authority.unwrap();
    let read: Vec<_> = authority
        .iter()
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    assert_eq!(read, ["a5", "b4", "c3"]);
}
