//! The bodies of the fuzz targets, on inputs of their dictionaries. `make fuzz` looks further.

#[path = "../../fuzz/src/config.rs"]
mod config;
#[path = "../../fuzz/src/cost.rs"]
mod cost;
#[path = "../../fuzz/src/head.rs"]
mod head;
#[path = "../../fuzz/src/invitation.rs"]
mod invitation;
#[path = "../../fuzz/src/json_diff.rs"]
mod json_diff;

use std::collections::HashSet;

use proptest::prelude::*;

use crate::json_oracle;

/// The compiler counts only for `make fuzz`.
fn executed() -> u64 {
    0
}

fn costs(_cost: u64, _most: u64) {}

/// The names and versions of the packages in a lock file.
fn packages(lock: &'static str) -> HashSet<(&'static str, &'static str)> {
    let quoted = |line: &'static str, name| line.strip_prefix(name)?.strip_suffix('"');
    let names = lock.lines().filter_map(|line| quoted(line, "name = \""));
    let versions = lock.lines().filter_map(|line| quoted(line, "version = \""));
    names.zip(versions).collect()
}

#[test]
fn the_fuzz_targets_are_built_with_the_versions_of_the_workspace() {
    let ours = packages(include_str!("../../Cargo.lock"));
    let names: HashSet<&str> = ours.iter().map(|(name, _)| *name).collect();
    let theirs = packages(include_str!("../../fuzz/Cargo.lock"));
    let others = theirs.difference(&ours);
    let others: Vec<_> = others.filter(|(name, _)| names.contains(name)).collect();
    assert!(
        others.is_empty() && theirs.len() > 10,
        "run cargo update in fuzz/: {others:?}"
    );
}

/// The words of a dictionary in libFuzzer's format: quoted, with escapes.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let quoted = dictionary
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = text.as_bytes();
    loop {
        left = match left {
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest
            }
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
            [] => return bytes,
        };
    }
}

/// At most this many words and random bytes, in any order.
fn input(most: usize, dictionary: &str) -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(words(dictionary));
    let bytes = prop::collection::vec(any::<u8>(), 0..8);
    prop::collection::vec(prop_oneof![word, bytes], 0..=most).prop_map(|parts| parts.concat())
}

#[test]
fn the_seeds_of_invitations() {
    let seeds = std::fs::read_dir(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fuzz/seeds/invitation"
    ));
    let seeds: Vec<_> = seeds.unwrap().map(|seed| seed.unwrap().path()).collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        invitation::run(&std::fs::read(seed).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn configurations(data in input(3, include_str!("../../fuzz/config.dict"))) {
        config::run(&data);
    }

    #[test]
    fn decisions(data in input(40, include_str!("../../fuzz/cost.dict"))) {
        cost::run(&data);
    }

    #[test]
    fn heads(data in input(40, include_str!("../../fuzz/head.dict"))) {
        head::run(&data);
    }

    #[test]
    fn invitations(data in input(8, include_str!("../../fuzz/invitation.dict"))) {
        invitation::run(&data);
    }

    #[test]
    fn json_diffs(data in input(40, include_str!("../../fuzz/json_diff.dict"))) {
        json_diff::run(&data);
    }
}
