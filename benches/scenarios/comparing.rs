//! Comparisons of two answers.
//!
//! `1KB` compares a document of a kilobyte, such as an API's answer, with another one: equal; with another timestamp; with
//! another timestamp that is ignored; with the members of every object in reverse order. `1MB` compares documents of about a
//! megabyte: an object of 30,000 members in reverse order, with different names or one name for all; and 7,000 items, each with
//! another timestamp that is ignored.

use std::hint::black_box;

use halftone::mirror::{Diff, Ignored, Pointer, diff};

use super::{Run, Scenario};

const NOON: &str = "2024-05-01T12:00:00Z";
const LATER: &str = "2024-05-01T12:00:01Z";
const TIMESTAMPS: [&str; 2] = ["/updatedAt", "/items/*/at"];

/// Comparisons of small answers, and of the largest.
pub const ALL: [Scenario; 8] = [
    Scenario::new("1KB/equal", || small(&order(NOON, 6, false), &[], true)),
    Scenario::new("1KB/timestamp", || small(&updated(), &[], false)),
    Scenario::new("1KB/timestamp-ignored", || {
        small(&updated(), &TIMESTAMPS, true)
    }),
    Scenario::new("1KB/all-timestamps-ignored", || {
        small(&order(LATER, 6, false), &TIMESTAMPS, true)
    }),
    Scenario::new("1KB/reordered", || small(&order(NOON, 6, true), &[], true)),
    Scenario::new("1MB/members-reordered", || {
        compare(members(false, 30_000), members(true, 30_000), &[], true)
    })
    .times(1),
    Scenario::new("1MB/members-of-one-name", || {
        compare(members(false, 1), members(true, 1), &[], false)
    })
    .times(1),
    Scenario::new("1MB/timestamps-ignored", || {
        let (one, other) = (order(NOON, 7_000, false), order(LATER, 7_000, false));
        compare(one, other, &TIMESTAMPS, true)
    })
    .times(1),
];

/// Compares the small order with another one.
fn small(other: &str, ignored: &[&str], is_same: bool) -> Run {
    compare(order(NOON, 6, false), other.to_owned(), ignored, is_same)
}

fn compare(one: String, other: String, ignored: &[&str], is_same: bool) -> Run {
    let pointers = ignored.iter().filter_map(|text| Pointer::parse(text));
    let ignored = Ignored::new(pointers.collect()).unwrap_or_default();
    let run = move || {
        let (one, other) = (black_box(one.as_bytes()), black_box(other.as_bytes()));
        diff(one, other, &ignored) == Diff::Same
    };
    assert_eq!(run(), is_same);
    Box::new(move || {
        black_box(run());
    })
}

/// The small order with another `updatedAt`.
fn updated() -> String {
    order(NOON, 6, false).replacen(NOON, LATER, 1)
}

/// An order with this number of items. With `reverse`, the members of each object are in reverse order.
fn order(timestamp: &str, items: usize, reverse: bool) -> String {
    let object = |mut members: Vec<String>| {
        if reverse {
            members.reverse();
        }
        format!("{{{}}}", members.join(","))
    };
    let item = |number: usize| {
        object(vec![
            format!("\"sku\":\"article-{number:05}\""),
            "\"name\":\"Linocut \\\"Halftone\\\", 30 × 40 cm\"".to_owned(),
            format!("\"quantity\":{}", number % 3 + 1),
            "\"price\":{\"amount\":24.90,\"currency\":\"EUR\"}".to_owned(),
            format!("\"at\":\"{timestamp}\""),
        ])
    };
    let items: Vec<String> = (0..items).map(item).collect();
    object(vec![
        "\"id\":\"5f2c1a9e-3048-4439-82bd-0b0843667125\"".to_owned(),
        "\"customer\":{\"id\":2041557,\"name\":\"Jason\",\"group\":null}".to_owned(),
        format!("\"updatedAt\":\"{timestamp}\""),
        format!("\"items\":[{}]", items.join(",")),
        "\"paid\":true".to_owned(),
    ])
}

/// An object of members with this number of distinct names.
fn members(reverse: bool, distinct: usize) -> String {
    let mut members: Vec<String> = (0..30_000_usize)
        .map(|member| format!("\"member-{:06}\":{member}", member % distinct))
        .collect();
    if reverse {
        members.reverse();
    }
    format!("{{{}}}", members.join(","))
}
