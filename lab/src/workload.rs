//! The input of benchmarks: a browser's request, the servers behind Envoy, and configurations of any size.

pub mod halftone;
pub mod native;
pub mod traffic;
pub mod upstreams;

use serde_json::{Value, json};

/// The host of the request.
pub const HOST: &str = "reviews";

/// The path of the request.
pub const PATH: &str = "/reviews/7?locale=de";

/// The headers that a browser and the proxies before Envoy send.
pub const HEADERS: [(&str, &str); 9] = [
    (
        "user-agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "de,en-US;q=0.7,en;q=0.3"),
    ("cookie", "theme=dark; uid=5f2c1a9e; consent=yes"),
    ("x-user-id", "user-0005f2c1a9e"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-request-id", "346ccd7a-3048-4439-82bd-0b0843667125"),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
];

/// A configuration of `releases` releases, each with three hosts, `rules` rules, a split and a session. One rule in ten
/// has a regular expression. No rule matches the request.
#[must_use]
pub fn configuration(releases: usize, rules: usize) -> Value {
    let releases: Vec<_> = (0..releases).map(|number| release(number, rules)).collect();
    json!({ "releases": releases })
}

fn release(number: usize, rules: usize) -> Value {
    let name = format!("service-{number:04}");
    let rules: Vec<_> = (0..rules)
        .map(|rule_number| rule(number, rule_number))
        .collect();
    json!({
        "name": name,
        "hosts": [name, format!("{name}.shop"), format!("{name}.shop.svc.cluster.local")],
        "principal": "v1",
        "canary": {
            "rules": rules,
            "split": [{"version": "v2", "weight": 10}, {"version": "v1", "weight": 90}],
            "session": {"key": [{"header": "x-user-id"}, {"cookie": "uid"}], "cookie": {"maxAge": "720h"}},
        },
    })
}

fn rule(release: usize, number: usize) -> Value {
    let conditions = match number % 10 {
        0 => json!({"headers": {"end-user": {"exact": format!("tester-{number}")}}}),
        1 => json!({"headers": {"user-agent": {"prefix": format!("ShopApp/{number}.")}}}),
        2 => json!({"cookies": {"group": {"exact": format!("beta-{number}")}}}),
        3 => json!({
            "headers": {"x-country": {"exact": "SE"}, "accept-language": {"prefix": "sv"}},
        }),
        4 => json!({"headers": {"x-app-version": {"exact": format!("7.{number}.0")}}}),
        5 => json!({"cookies": {"plan": {"exact": "gold"}, "group": {"prefix": "pilot-"}}}),
        6 => {
            json!({"path": {"regex": format!("/v{number}/(orders|carts)/{release}[0-9]+(/items)?")}})
        }
        7 => json!({"headers": {"x-tenant": {"exact": format!("tenant-{number}")}}}),
        8 => json!({"headers": {"x-user-id": {"prefix": "staff-"}}}),
        _ => json!({"cookies": {"invited": {"exact": "yes"}}}),
    };
    json!({"name": format!("rule-{number}"), "match": [conditions], "version": "v2"})
}
