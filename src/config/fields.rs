//! The fields of each wire type, in the order in which they stand there.

use super::read::{self, Node, Wire};
use super::{
    BlueGreenConfig, BodyConfig, CanaryConfig, ClientOsConfig, CompareConfig, DestinationConfig,
    ExplainConfig, HeadersConfig, MatchConfig, MirrorConfig, PluginConfig, PreviewConfig,
    ReleaseConfig, RouteConfig, RuleConfig, SameSiteConfig, SessionConfig, SessionCookieConfig,
    SessionKeyConfig, StringMatchConfig, WeightConfig,
};

macro_rules! object {
    ($type:ident: $($field:ident),+) => {
        impl Wire for $type {
            fn read(node: &mut Node<'_>) -> Self {
                let mut fields = node.fields::<Self>();
                Self { $($field: fields.next()),+ }
            }
        }
    };
}

macro_rules! word {
    ($type:ident: $first:ident) => {
        impl Wire for $type {
            fn read(node: &mut Node<'_>) -> Self {
                read::word(node, Self::$first)
            }
        }
    };
}

object!(PluginConfig: releases, explain, access_log, mirror_budget);
object!(ExplainConfig: header);
object!(ReleaseConfig: name, hosts, principal, canary, blue_green, mirrors, route);
object!(BlueGreenConfig: active, preview);
object!(PreviewConfig: version, r#match);
object!(CanaryConfig: take_over, rules, split, session);
object!(RuleConfig: name, r#match, version, split);
object!(WeightConfig: version, weight);
object!(SessionConfig: key, cookie);
object!(SessionKeyConfig: header, cookie, query_param, jwt_claim, source_address);
object!(SessionCookieConfig: name, max_age, path, domain, secure, http_only, same_site);
object!(MatchConfig: headers, without_headers, cookies, query_params, path, method, client_os, percentage);
object!(StringMatchConfig: exact, prefix, suffix, contains, regex, r#in, present, semver);
object!(RouteConfig: header, authority);
object!(MirrorConfig: name, destination, cluster, percentage, r#match, methods, timeout, max_body, max_in_flight, authority, headers, compare);
object!(DestinationConfig: host, port, subset);
object!(HeadersConfig: set, remove);
object!(CompareConfig: percentage, status, headers, body, ignore, max_body, samples);

word!(BodyConfig: Auto);
word!(ClientOsConfig: Ios);
word!(SameSiteConfig: Strict);

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::super::violation::Violations;
    use super::*;
    use crate::json::Json;

    /// A field that stood at another place here than in its type would be read from another's value.
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
                "path": test("path"), "method": test("method"), "clientOs": ["ios", "android", "windows", "macos", "linux"],
                "percentage": 12.5
            }])
        };
        let split = |of: &str| json!([{"version": of, "weight": 3}]);
        let config = json!({
            "explain": {"header": "explain header"}, "accessLog": true, "mirrorBudget": "mirror budget",
            "releases": [{
                "name": "release", "hosts": ["host", "other host"], "principal": "principal",
                "canary": {
                    "takeOver": "take over",
                    "rules": [{"name": "rule", "match": matches("rule"), "version": "rule version", "split": split("rule")}],
                    "split": split("canary"),
                    "session": {
                        "key": [{
                            "header": "header", "cookie": "cookie", "queryParam": "parameter", "jwtClaim": "claim",
                            "sourceAddress": true
                        }],
                        "cookie": {
                            "name": "name", "maxAge": "age", "path": "path", "domain": "domain", "secure": true,
                            "httpOnly": false, "sameSite": "None"
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
                        "maxBody": "other body", "samples": 7
                    }
                }],
                "route": {"header": "route", "authority": {"v1": "one", "v2": "two"}}
            }]
        });
        let read: PluginConfig = read_text(&config.to_string());
        let expected = PluginConfig::deserialize(&config).unwrap();
        assert_eq!(format!("{read:#?}"), format!("{expected:#?}"));
        assert!(
            !format!("{read:?}").contains(": None"),
            "a field is not in the test"
        );
    }

    fn read_text(text: &str) -> PluginConfig {
        let mut violations = Violations::default();
        let json: Json = serde_json::from_str(text).unwrap();
        let config = read::read(&json, &mut violations);
        assert_eq!(violations.to_string(), "");
        config
    }

    #[test]
    fn members_are_read_by_name_and_the_last_of_one_name_counts() {
        let text = r#"{"releases": [{"route": {"authority": {"c": "1", "a": "2", "c": "3", "b": "4", "a": "5"}}}]}"#;
        let config = read_text(text);
        let release = config.releases.unwrap().remove(0);
        let authority = release.route.unwrap().authority.unwrap();
        let read: Vec<_> = authority
            .iter()
            .map(|(name, value)| format!("{name}{value}"))
            .collect();
        assert_eq!(read, ["a5", "b4", "c3"]);
    }
}
