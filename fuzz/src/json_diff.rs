//! Fuzzes the comparison of two documents with ignored pointers. Bytes that are not UTF-8 separate them.
//!
//! If the second document starts with the byte 254, it is a list of offsets and bytes that change the first one. Two random
//! documents have too little in common to compare.

use halftone::mirror::{Diff, Ignored, Pointer, Side, diff, diff_within};
use serde_json::Value;

use super::json_oracle::is_same;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0xff);
    let left = parts.next().unwrap_or_default();
    let right = second(left, parts.next().unwrap_or_default());
    let pointers = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let pointers: Vec<Pointer> = pointers
        .split('\n')
        .filter_map(Pointer::parse)
        .take(64)
        .collect();

    let none = Ignored::default();
    assert_eq!(diff(left, left, &none), Diff::Same);
    // The same document in different bytes.
    let spaced = [b" ", left].concat();
    let with_itself = diff(left, &spaced, &none);
    let found = diff(left, &right, &none);
    assert!(is_turned(&found, &diff(&right, left, &none)));
    match &found {
        Diff::NotJson(Side::Left | Side::Both) => assert_ne!(with_itself, Diff::Same),
        Diff::Different(_) => assert_eq!(with_itself, Diff::Same),
        _ => {}
    }
    against_another_parser(left, &right, &found);
    match diff_within(left, &right, &none, data.len() * 8) {
        Diff::TooCostly => {}
        Diff::Different(first) => {
            assert!(matches!(&found, Diff::Different(all) if all.starts_with(&first)));
        }
        other => assert_eq!(other, found),
    }

    let ignored = Ignored::new(pointers.clone()).unwrap();
    let ignoring = diff(left, &right, &ignored);
    assert!(is_turned(&ignoring, &diff(&right, left, &ignored)));
    if found == Diff::Same {
        assert_eq!(ignoring, Diff::Same);
    }
    if let Diff::Different(differences) = ignoring {
        let reported = differences.iter().map(|one| one.pointer.as_str());
        // A pointer cannot contain half a surrogate pair.
        let reported: Vec<&str> = reported
            .filter(|pointer| !pointer.contains('\u{fffd}'))
            .collect();
        let more = reported
            .iter()
            .filter_map(|pointer| Pointer::parse(pointer));
        let Some(ignored) = Ignored::new(pointers.into_iter().chain(more).collect()) else {
            return;
        };
        if let Diff::Different(rest) = diff(left, &right, &ignored) {
            for one in rest {
                assert!(one.pointer.is_empty() || !reported.contains(&one.pointer.as_str()));
            }
        }
    }
}

fn second(left: &[u8], part: &[u8]) -> Vec<u8> {
    let [0xfe, changes @ ..] = part else {
        return part.to_vec();
    };
    let mut right = left.to_vec();
    for change in changes.chunks_exact(2) {
        let place = usize::from(change[0]) % right.len().max(1);
        if let Some(byte) = right.get_mut(place) {
            *byte = change[1];
        }
    }
    right
}

fn is_turned(one: &Diff, other: &Diff) -> bool {
    match (one, other) {
        (Diff::NotJson(Side::Left), Diff::NotJson(Side::Right))
        | (Diff::NotJson(Side::Right), Diff::NotJson(Side::Left)) => true,
        (Diff::NotJson(_), Diff::NotJson(_)) => one == other && *one == Diff::NotJson(Side::Both),
        (Diff::Different(one), Diff::Different(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| {
                    one.pointer == other.pointer
                        && one.left == other.right
                        && one.right == other.left
                })
        }
        _ => one == other,
    }
}

fn against_another_parser(left: &[u8], right: &[u8], found: &Diff) {
    let parse = |text| serde_json::from_slice::<Value>(text).ok();
    let (left_value, right_value) = (parse(left), parse(right));
    if left != right {
        match found {
            Diff::NotJson(Side::Left) => assert!(left_value.is_none()),
            Diff::NotJson(Side::Right) => assert!(right_value.is_none()),
            Diff::NotJson(Side::Both) => assert!(left_value.is_none() && right_value.is_none()),
            Diff::TooDeep => return,
            // It rejects half a surrogate pair, and numbers that are no double.
            _ => assert!(
                (left_value.is_some() || !is_plain(left))
                    && (right_value.is_some() || !is_plain(right))
            ),
        }
    }
    if let (Some(left_value), Some(right_value)) = (left_value, right_value)
        && is_plain(left)
        && is_plain(right)
    {
        assert_eq!(*found == Diff::Same, is_same(&left_value, &right_value));
    }
}

/// Whether all numbers are exact doubles, all strings are valid text, and the nesting is shallow.
fn is_plain(text: &[u8]) -> bool {
    let brackets = text
        .iter()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count();
    let has_escape = text.windows(2).any(|pair| pair == b"\\u");
    let has_exponent = text
        .windows(2)
        .any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'));
    let is_short = text
        .split(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'-'))
        .all(|number| number.len() <= 15);
    brackets < 100 && !has_escape && !has_exponent && is_short
}
