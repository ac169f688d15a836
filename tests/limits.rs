//! The most time and memory that a configuration of a mebibyte can take. The tests read what Linux
//! knows about their own process, so they are alone in this program.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

use std::fs;
use std::sync::Mutex;

use halftone::config;
use serde_json::{Value, json};

/// One test at a time: memory belongs to the process.
static ALONE: Mutex<()> = Mutex::new(());

/// The most memory that the process has had, in MiB.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<usize>().unwrap() / 1024
}

/// The processor time of this thread, in nanoseconds.
fn processor_time() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The processor time that reading `config` takes, in nanoseconds: the shortest of a few. Linux counts
/// it in steps of some milliseconds.
fn time_to_read(config: &Value) -> u64 {
    const LONG_ENOUGH: u64 = 40_000_000;
    let text = config.to_string();
    let many_times = |_| {
        let (before, mut times) = (processor_time(), 0);
        loop {
            drop(config::load(text.as_bytes()));
            times += 1;
            let time = processor_time() - before;
            if time > LONG_ENOUGH {
                return time / times;
            }
        }
    };
    (0..3).map(many_times).min().unwrap()
}

fn release(name: &str, principal: &str, canary: &Value) -> Value {
    json!({"releases": [
        {"name": name, "hosts": ["reviews"], "principal": principal, "canary": canary}
    ]})
}

fn all(count: usize, item: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(item).collect()
}

fn members(count: usize, member: impl Fn(usize) -> (String, Value)) -> Value {
    (0..count).map(member).collect()
}

fn rule(name: &str, version: &str) -> Value {
    json!({"name": name, "version": version, "match": [{"method": {"exact": "GET"}}]})
}

fn in_one_match(conditions: &Value) -> Value {
    release(
        "reviews",
        "v1",
        &json!({"rules": [{"name": "r", "version": "v2", "match": [conditions]}]}),
    )
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
    let _alone = ALONE.lock();
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

/// Lists that a user makes longer, at this length.
fn lists(length: usize) -> Vec<(&'static str, Value)> {
    let weights = all(
        length,
        |index| json!({"version": format!("v{index}"), "weight": 1}),
    );
    let authorities = members(length + 1, |index| {
        (format!("v{index}"), json!(format!("v{index}.example.com")))
    });
    let mut by_authority = release("reviews", "v0", &json!({"split": weights}));
    by_authority["releases"][0]["route"] = json!({"authority": authorities});
    let mut hosts = release("reviews", "v1", &json!({}));
    hosts["releases"][0]["hosts"] =
        all(length, |index| json!(format!("h{index}.example.com"))).into();
    let tests = members(length, |index| {
        (format!("x-{index}"), json!({"exact": "a"}))
    });
    let values = all(length, |index| json!(format!("value-{index}")));
    let set = members(length, |index| (format!("x-{index}"), json!("a")));
    let mut edits = release("reviews", "v1", &json!({}));
    edits["releases"][0]["mirrors"] =
        json!([{"name": "m", "cluster": "c", "headers": {"set": set}}]);
    let many_mirrors = all(
        length,
        |index| json!({"name": format!("m{index}"), "cluster": "c"}),
    );
    let mut mirrors = release("reviews", "v1", &json!({}));
    mirrors["releases"][0]["mirrors"] = many_mirrors.into();
    let same_header = |index| {
        json!({
            "name": format!("r{index}"), "version": "v2",
            "match": [{"headers": {"x-tenant": {"exact": format!("tenant-{index}")}}}],
        })
    };
    let releases = all(length, |index| {
        json!({
            "name": format!("r{index}"), "hosts": [format!("h{index}")], "principal": "v1", "canary": {},
        })
    });
    vec![
        (
            "weights",
            release("reviews", "v1", &json!({"split": weights})),
        ),
        ("weights with authorities", by_authority),
        ("hosts", hosts),
        (
            "rules",
            release("reviews", "v1", &json!({"rules": all(length, same_header)})),
        ),
        (
            "versions",
            release(
                "reviews",
                "v1",
                &json!({
                    "rules": all(length, |index| rule(&format!("r{index}"), &format!("v{index}")))
                }),
            ),
        ),
        ("headers", in_one_match(&json!({"headers": tests}))),
        (
            "absent headers",
            in_one_match(&json!({"withoutHeaders": tests})),
        ),
        ("cookies", in_one_match(&json!({"cookies": tests}))),
        (
            "values",
            in_one_match(&json!({"headers": {"x": {"in": values}}})),
        ),
        ("mirrors", mirrors),
        ("headers of a copy", edits),
        ("releases", json!({"releases": releases})),
    ]
}

#[test]
fn four_times_the_length_takes_about_four_times_the_time() {
    const SHORT: usize = 3_000;
    const MOST: u64 = 7;
    let _alone = ALONE.lock();
    let pairs = lists(SHORT).into_iter().zip(lists(4 * SHORT));
    let rows: Vec<_> = pairs
        .map(|((what, short), (_, long))| {
            let result = config::load(long.to_string().as_bytes()).map(drop);
            assert_eq!(result, Ok(()), "{what}");
            (what, time_to_read(&short), time_to_read(&long))
        })
        .collect();
    for (what, short, long) in rows {
        assert!(long < MOST * short, "{what}: {short} ns, then {long} ns");
    }
}
