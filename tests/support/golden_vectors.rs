//! The session function against its golden vectors, which another implementation computed
//! (`docs/session.py`).

use halftone::draw::{Draw, Exclusive, Holdout, Percentage, Random, Session, salt};
use halftone::request::{Header, RequestHead};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../docs/session-vectors.json");

/// Every value that differs from its vector.
pub fn failures() -> Vec<String> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut failures = Vec::new();
    for row in vectors["sessions"].as_array().unwrap() {
        let mut check = |what: &str, got: Value, expected: &Value| {
            if got != *expected {
                failures.push(format!("{what} of {row}: got {got}"));
            }
        };
        let (release, key) = (
            row["release"].as_str().unwrap(),
            row["key"].as_str().unwrap(),
        );
        let number = Session::new(release, vec![], None).number(key.as_bytes());
        check("session", format!("{number:016x}").into(), &row["session"]);

        for (version, expected) in row["times"].as_object().unwrap() {
            let time = Random::new(number ^ salt(version)).next_exponential();
            check(
                &format!("time of {version}"),
                format!("{:016x}", time.to_bits()).into(),
                expected,
            );
        }
        let taken = Percentage::new(25.0, "rule:testers").takes(number);
        check("percentage", taken.into(), &row["in25PercentOfRuleTesters"]);

        // An empty value is not a key, so no request has that session.
        let splits = vectors["splits"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|_| !key.is_empty());
        for (split, expected) in splits.zip(row["versions"].as_array().unwrap()) {
            check(
                &format!("version by {split}"),
                version(release, split, key).into(),
                expected,
            );
        }
    }
    let groups = vectors["groups"].as_array().unwrap();
    assert!(!groups.is_empty());
    for row in groups {
        let text = |field: &str| row[field].as_str().unwrap();
        let (group, key) = (text("group"), text("key").as_bytes());
        for (name, draw) in [
            ("exclusive", Exclusive::new(group, 0.0, 20.0).draw(key)),
            ("holdout", Holdout::new(group, 5.0).draw(key)),
        ] {
            let got = format!("{:016x}", draw.to_bits());
            if got != text(name) {
                failures.push(format!("{name} of {row}: got {got}"));
            }
        }
    }
    failures
}

/// The version for `key` in a release that is called `release` and splits its sessions by `split`.
fn version(release: &str, split: &Value, key: &str) -> String {
    let arm = |arm: &Value| json!({"version": arm[0], "weight": arm[1]});
    let arms: Vec<Value> = split.as_array().unwrap().iter().map(arm).collect();
    let releases = halftone::config::load_value(&json!({"releases": [{
        "name": release, "hosts": ["*"], "principal": "v1",
        "canary": {"split": arms, "session": {"key": [{"header": "x-key"}]}},
    }]}))
    .unwrap();
    let headers: [Header<'_>; 1] = [(b"x-key", key.as_bytes())];
    let decision = releases.all()[0].decide(&RequestHead::new(&headers), Draw::default(), &mut ());
    decision.outcome.version().name().to_owned()
}
