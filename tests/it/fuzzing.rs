//! The bodies of the fuzz targets, on inputs of their dictionaries. `make fuzz` looks further.

#[path = "../../fuzz/src/config.rs"]
mod config;
#[path = "../../fuzz/src/cost.rs"]
mod cost;
#[path = "../../fuzz/src/head.rs"]
mod head;
#[path = "../../fuzz/src/json_diff.rs"]
mod json_diff;

use proptest::prelude::*;

use crate::json_oracle;

/// The compiler counts only for `make fuzz`.
fn executed() -> u64 {
    0
}

fn costs(_cost: u64, _most: u64) {}

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

/// Words and random bytes, in any order.
fn input(dictionary: &str) -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(words(dictionary));
    let bytes = prop::collection::vec(any::<u8>(), 0..8);
    prop::collection::vec(prop_oneof![word, bytes], 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn configurations(data in input(include_str!("../../fuzz/config.dict"))) {
        config::run(&data);
    }

    #[test]
    fn decisions(data in input(include_str!("../../fuzz/cost.dict"))) {
        cost::run(&data);
    }

    #[test]
    fn heads(data in input(include_str!("../../fuzz/head.dict"))) {
        head::run(&data);
    }

    #[test]
    fn json_diffs(data in input(include_str!("../../fuzz/json_diff.dict"))) {
        json_diff::run(&data);
    }
}
