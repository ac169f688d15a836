//! What a comparison of two answers costs: `cargo bench --bench compare`.
//!
//! `1KB` is a document of a kilobyte, as an API answers, against another one: of the same bytes, with
//! another timestamp, the same with that timestamp ignored, and with the members of every object in
//! reverse. `1MB` are documents of about a megabyte: an object of 30,000 members in reverse, its names
//! all different or all alike, and 7,000 items with another timestamp in each, ignored.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use halftone::mirror::{Diff, Ignored, Pointer, diff};

/// An order with so many items; with `reverse`, members stand in the other order.
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

/// An object whose names are all different, or all one.
fn members(reverse: bool, distinct: usize) -> String {
    let mut members: Vec<String> = (0..30_000_usize)
        .map(|member| format!("\"member-{:06}\":{member}", member % distinct))
        .collect();
    if reverse {
        members.reverse();
    }
    format!("{{{}}}", members.join(","))
}

fn ignored(pointers: &[&str]) -> Ignored {
    let pointers = pointers.iter().filter_map(|text| Pointer::parse(text));
    Ignored::new(pointers.collect()).unwrap_or_default()
}

fn compare(criterion: &mut Criterion) {
    const NOON: &str = "2024-05-01T12:00:00Z";
    const LATER: &str = "2024-05-01T12:00:01Z";
    let timestamps = ignored(&["/updatedAt", "/items/*/at"]);
    let none = Ignored::default();

    let small = order(NOON, 6, false);
    let mut group = criterion.benchmark_group("1KB");
    let one = small.replacen(NOON, LATER, 1);
    let table = [
        ("equal", small.clone(), &none),
        ("timestamp", one.clone(), &none),
        ("timestamp-ignored", one, &timestamps),
        (
            "all-timestamps-ignored",
            order(LATER, 6, false),
            &timestamps,
        ),
        ("reordered", order(NOON, 6, true), &none),
    ];
    for (name, other, ignored) in &table {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| is_same(&small, other, ignored));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("1MB");
    group.sample_size(20);
    let table = [
        (
            "members-reordered",
            members(false, 30_000),
            members(true, 30_000),
            &none,
        ),
        (
            "members-of-one-name",
            members(false, 1),
            members(true, 1),
            &none,
        ),
        (
            "timestamps-ignored",
            order(NOON, 7_000, false),
            order(LATER, 7_000, false),
            &timestamps,
        ),
    ];
    for (name, one, other, ignored) in &table {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| is_same(one, other, ignored));
        });
    }
    group.finish();
}

fn is_same(one: &str, other: &str, ignored: &Ignored) -> bool {
    diff(
        black_box(one.as_bytes()),
        black_box(other.as_bytes()),
        ignored,
    ) == Diff::Same
}

criterion_group!(benches, compare);
criterion_main!(benches);
