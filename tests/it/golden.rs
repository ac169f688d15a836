//! The session function against its golden vectors, which another implementation computed
//! (`docs/session.py`), and against that implementation.

use halftone::release::{Draws, Percentage, Session, salt};
use serde_json::Value;

const VECTORS: &str = include_str!("../../docs/session-vectors.json");

/// A release that splits its sessions by `split`, and nothing else.
fn release(name: &str, split: &Value) -> halftone::release::Releases {
    let arms: Vec<Value> = split
        .as_array()
        .unwrap()
        .iter()
        .map(|arm| serde_json::json!({"version": arm[0], "weight": arm[1]}))
        .collect();
    halftone::config::load_value(&serde_json::json!({"releases": [{
        "name": name, "hosts": ["*"], "principal": "v1",
        "canary": {"split": arms, "session": {"key": [{"header": "x-key"}]}},
    }]}))
    .unwrap()
}

#[test]
fn sessions_are_those_of_the_golden_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for row in vectors["sessions"].as_array().unwrap() {
        let (name, key) = (
            row["release"].as_str().unwrap(),
            row["key"].as_str().unwrap(),
        );
        let number = Session::new(name, vec![], None).number(key.as_bytes());
        assert_eq!(format!("{number:016x}"), row["session"], "{name} {key}");

        for (version, time) in row["times"].as_object().unwrap() {
            let drawn = Draws::new(number ^ salt(version)).next_exponential();
            assert_eq!(Some(drawn), time.as_f64(), "{name} {key} {version}");
        }
        let taken = Percentage::new(25.0, "rule:testers").takes(number);
        assert_eq!(taken, row["in25PercentOfRuleTesters"], "{name} {key}");
    }
}

#[test]
fn versions_are_those_of_the_golden_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for row in vectors["sessions"].as_array().unwrap() {
        let (name, key) = (
            row["release"].as_str().unwrap(),
            row["key"].as_str().unwrap(),
        );
        // An empty value is no key: no request can have that session.
        if key.is_empty() {
            continue;
        }
        for (split, version) in vectors["splits"]
            .as_array()
            .unwrap()
            .iter()
            .zip(row["versions"].as_array().unwrap())
        {
            let releases = release(name, split);
            let headers: [halftone::request::Header<'_>; 1] = [(b"x-key", key.as_bytes())];
            let head = halftone::request::RequestHead::new(&headers);
            let decision = releases.all()[0].decide(&head, 0);
            assert_eq!(
                decision.outcome.version().name(),
                version,
                "{name} {key} {split}"
            );
        }
    }
}

#[test]
fn another_language_computes_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/session.py");
    let status = std::process::Command::new("python3")
        .args(["-B", script, "--check"])
        .status();
    assert!(status.unwrap().success());
}
