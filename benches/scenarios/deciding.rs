//! Decisions on the browser's request.

use std::hint::black_box;

use halftone::config;
use halftone::draw::{Draw, Random};
use halftone::release::{Releases, Strategy};
use halftone::request::RequestHead;
use halftone_lab::workload::{HOST, configuration};
use serde_json::{Value, json};

use super::{Run, Scenario, request};

/// Decisions, and parts of one.
pub const ALL: [Scenario; 12] = [
    Scenario::new("decide/no-release", no_release),
    Scenario::new("decide/header-rule", || header_rule(1)),
    Scenario::new("decide/split", split),
    Scenario::new("decide/session-cookie", session),
    Scenario::new("decide/1000-releases", || header_rule(1_000)),
    Scenario::new("decide/100-rules", || rules(100)),
    Scenario::new("decide/10-rules-of-a-shop", shop),
    Scenario::new("hosts/exact", || {
        host("service-07999.example.com", "service-07999.example.com")
    }),
    Scenario::new("hosts/suffix", || {
        host("a.b.zone-07999.example.com:80", "*.zone-07999.example.com")
    }),
    Scenario::new("hosts/any", || {
        host("reviews.bookinfo.svc.cluster.local", "*")
    }),
    Scenario::new("split/2", race),
    Scenario::new("split/10", race_of_10),
];

/// A release of the request's host, with this canary.
fn release(canary: &Value) -> Value {
    json!({"name": "reviews", "hosts": [HOST], "principal": "v1", "canary": canary})
}

/// A rule that tests one header.
fn rule(name: &str, value: &str) -> Value {
    let matches = json!([{"headers": {"x-user-id": {"exact": value}}}]);
    json!({"name": name, "match": matches, "version": "v2"})
}

fn weights() -> Value {
    json!([{"version": "v2", "weight": 10}, {"version": "v1", "weight": 90}])
}

fn load(config: &Value) -> Releases {
    config::load_value(config).unwrap()
}

/// Decides the request, each time with another random number. The reason must be this one.
fn decide(config: &Value, reason: Option<&str>) -> Run {
    let releases = load(config);
    let headers = request();
    let head = RequestHead::new(headers);
    let decided = releases.claiming(&head).map(|release| {
        let decision = release.decide(&head, Draw { chance: 1, now: 0 }, &mut ());
        decision.outcome.reason().to_string()
    });
    assert_eq!(decided.as_deref(), reason);
    let mut random = Random::new(1);
    Box::new(move || {
        let head = RequestHead::new(black_box(headers));
        let draw = Draw {
            chance: random.next_u64(),
            now: 0,
        };
        let index = releases
            .claiming(&head)
            .map(|release| release.decide(&head, draw, &mut ()).outcome.index());
        black_box(index);
    })
}

fn no_release() -> Run {
    let mut release = release(&json!({"rules": [rule("testers", "user-0005f2c1a9e")]}));
    release["hosts"] = json!(["ratings"]);
    decide(&json!({"releases": [release]}), None)
}

/// The last of this number of releases. Its rule matches the request.
fn header_rule(releases: usize) -> Run {
    let mut config = configuration(releases - 1, 10);
    let last = release(&json!({"rules": [rule("testers", "user-0005f2c1a9e")]}));
    config["releases"].as_array_mut().unwrap().push(last);
    decide(&config, Some("rule:testers"))
}

fn split() -> Run {
    let release = release(&json!({"split": weights()}));
    decide(&json!({"releases": [release]}), Some("split"))
}

fn session() -> Run {
    let session = json!({"key": [{"cookie": "uid"}]});
    let release = release(&json!({"split": weights(), "session": session}));
    decide(&json!({"releases": [release]}), Some("session"))
}

/// This number of rules, each for another value of one header. The last one matches the request.
fn rules(count: usize) -> Run {
    let mut rules: Vec<_> = (1..count)
        .map(|number| rule(&format!("user-{number}"), &format!("user-{number:011}")))
        .collect();
    rules.push(rule("last", "user-0005f2c1a9e"));
    let release = release(&json!({ "rules": rules }));
    decide(&json!({"releases": [release]}), Some("rule:last"))
}

/// Rules of all kinds that do not match, and then a session.
fn shop() -> Run {
    let mut config = configuration(1, 10);
    config["releases"][0]["hosts"] = json!([HOST]);
    decide(&config, Some("session"))
}

/// Finds the release of `authority` among 10,000 hosts, half of them exact. It must be the release of `pattern`.
fn host(authority: &'static str, pattern: &str) -> Run {
    let exact = (5_000..10_000).map(|number| format!("service-{number:05}.example.com"));
    let suffixes = (5_000..10_000).map(|number| format!("*.zone-{number:05}.example.com"));
    let hosts = exact.chain(suffixes).chain(["*".to_owned()]);
    let release = |(number, host): (usize, String)| {
        json!({
            "name": format!("release-{number}"),
            "hosts": [host],
            "principal": "v1",
            "blueGreen": {"active": "v1"},
        })
    };
    let all: Vec<_> = hosts.enumerate().map(release).collect();
    let releases = load(&json!({ "releases": all }));
    let headers = vec![(&b":authority"[..], authority.as_bytes())].leak();
    let head = RequestHead::new(headers);
    assert_eq!(releases.pattern(&head).unwrap().to_string(), pattern);
    Box::new(move || {
        black_box(releases.claiming(black_box(&head)));
    })
}

/// Only the race between the versions of a split.
fn race() -> Run {
    run_race(&weights())
}

fn race_of_10() -> Run {
    let weights: Vec<_> = (0..10)
        .map(|number| json!({"version": format!("v{number}"), "weight": 10}))
        .collect();
    run_race(&json!(weights))
}

fn run_race(weights: &Value) -> Run {
    let release = release(&json!({ "split": weights }));
    let releases = load(&json!({"releases": [release]}));
    let Strategy::Canary {
        split: Some(split), ..
    } = releases.all()[0].strategy.clone()
    else {
        return Box::new(|| ());
    };
    let mut sessions = Random::new(1);
    Box::new(move || {
        black_box(split.pick(sessions.next_u64()).drawn().index());
    })
}
