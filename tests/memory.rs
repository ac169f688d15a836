//! The most memory that a configuration of a mebibyte can take. Linux knows the peak of a whole
//! process, so this test is alone in its program.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

#[path = "support/configurations.rs"]
mod configurations;

use std::fs;

use configurations::{all, in_one_match, members, release, rule};
use halftone::config;
use serde_json::{Value, json};

/// The most memory that the process has had, in MiB.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<usize>().unwrap() / 1024
}

/// Configurations of a mebibyte that took memory without bounds, or could.
fn large_configurations() -> Vec<(&'static str, Value)> {
    let long = "n".repeat(512 << 10);
    let short_rules = json!({"rules": all(5_000, |index| rule(&format!("r{index}"), "v2"))});
    let long_versions =
        json!({"rules": all(5_000, |index| rule(&format!("r{index}"), &long[..64 + index % 2]))});
    let percentages = all(15_000, |index| json!({"percentage": index % 100}));
    let of_one_rule = json!({"rules": [{"name": long, "version": "v2", "match": percentages}]});
    let weights = all(
        10_000,
        |index| json!({"version": format!("v{index}"), "weight": 1}),
    );
    let split_of_one_rule = json!({"rules": [
        {"name": long, "split": weights, "match": [{"method": {"exact": "GET"}}]}
    ]});
    let wrong_texts = json!({"headers": {&long: {"in": vec![1; 100_000]}}});
    let unknown_fields = members(40_000, |index| (format!("f{index}"), json!(1)));
    let wrong_names = members(3_000, |index| {
        ("\u{202e}".repeat(80) + &index.to_string(), json!({}))
    });
    let mirrors = all(
        5_000,
        |index| json!({"name": format!("m{index}"), "cluster": "c"}),
    );
    let regexes = all(
        18_000,
        |index| json!({"path": {"regex": format!("(?:a{{0,9}}){{0,9}}b{index}")}}),
    );
    let nested: Value =
        serde_json::from_str(&format!("[{}]", vec!["[]"; 300_000].join(","))).unwrap();
    let mut mirrored = release(&long, "v1", &json!({}));
    mirrored["releases"][0]["mirrors"] = mirrors.into();
    vec![
        (
            "a long header with wrong values",
            in_one_match(&wrong_texts),
        ),
        (
            "a long header with unknown fields",
            in_one_match(&json!({"headers": {&long: unknown_fields.clone()}})),
        ),
        ("unknown fields", unknown_fields),
        (
            "wrong names of headers",
            in_one_match(&json!({"headers": wrong_names})),
        ),
        (
            "a long name of a release with rules",
            release(&long, "v1", &short_rules),
        ),
        ("a long name of a release with mirrors", mirrored),
        (
            "a long name of a version with rules",
            release("reviews", &long, &long_versions),
        ),
        (
            "a long name of a rule with percentages",
            release("reviews", "v1", &of_one_rule),
        ),
        (
            "a long name of a rule with a split",
            release("reviews", "v1", &split_of_one_rule),
        ),
        (
            "a long name of a rule",
            release(
                "reviews",
                "v1",
                &json!({"rules": all(5_000, |_| rule(&long[..200], "v2"))}),
            ),
        ),
        ("empty arrays", nested),
        (
            "regexes",
            release(
                "reviews",
                "v1",
                &json!({"rules": [{"name": "r", "version": "v2", "match": regexes}]}),
            ),
        ),
    ]
}

#[test]
fn a_large_configuration_takes_bounded_memory() {
    // The configurations of this test take 230 MiB.
    const MOST: usize = 384;
    let mut table = Vec::new();
    for (what, config) in large_configurations() {
        let text = config.to_string();
        drop(config);
        assert!(
            (300 << 10..2 << 20).contains(&text.len()),
            "{what}: {}",
            text.len()
        );
        let violations = config::load(text.as_bytes()).map(drop).unwrap_err();
        table.push((what, peak(), violations.to_string().len()));
    }
    for (what, peak, length) in table {
        assert!(peak < MOST, "{what}: {peak} MiB");
        assert!(length < 300 << 10, "{what}: {length} bytes of violations");
    }
}
