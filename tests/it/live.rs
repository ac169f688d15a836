//! What stays when a configuration is updated.

use std::rc::Rc;

use halftone::live::{Live, LiveMirror, live, mirrors};
use halftone::metrics::Metric;
use halftone::mirror::limits::Budget;
use halftone::request::RequestHead;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
struct Uncounted;

impl Metric for Uncounted {
    fn add_one(self) {}

    fn record(self, _value: u64) {}
}

/// Releases with mirrors of these names: `reviews/v3`. Each mirror has one permit.
fn update(names: &[&str], before: Option<&Live<Uncounted>>, budget: &Budget) -> Live<Uncounted> {
    let mut releases: Vec<Value> = Vec::new();
    for name in names {
        let (release, mirror) = name.split_once('/').unwrap();
        let mirror = json!({"name": mirror, "cluster": "c", "maxInFlight": 1, "maxBody": "1KiB"});
        match releases.iter_mut().find(|one| one["name"] == release) {
            Some(one) => one["mirrors"].as_array_mut().unwrap().push(mirror),
            None => releases.push(json!({
                "name": release, "hosts": [release], "principal": "v1", "mirrors": [mirror],
            })),
        }
    }
    let configuration = json!({"releases": releases, "mirrorBudget": "1KiB"});
    let compiled = halftone::config::load(configuration.to_string().as_bytes()).unwrap();
    live(compiled, before, budget, &mut |_, _| Uncounted)
}

fn find<'l>(live: &'l Live<Uncounted>, name: &str) -> &'l LiveMirror<Uncounted> {
    let mut all = mirrors(live);
    all.find(|mirror| mirror.full_name() == name).unwrap()
}

#[test]
fn a_mirror_that_stays_keeps_its_permits() {
    let budget = Budget::default();
    let before = update(&["reviews/v3", "reviews/v4", "ratings/v3"], None, &budget);
    let permit = find(&before, "reviews/v3").permit();
    assert!(permit.is_some());
    let after = update(
        &["ratings/v3", "ratings/v4", "reviews/v3"],
        Some(&before),
        &budget,
    );
    let is_free = |name| find(&after, name).permit().is_some();
    let table = [
        ("reviews/v3", false),
        ("ratings/v3", true),
        ("ratings/v4", true),
    ];
    for (name, free) in table {
        assert_eq!(is_free(name), free, "{name}");
    }
    drop(permit);
    assert!(is_free("reviews/v3"));
    let again = update(&["ratings/v3"], Some(&after), &budget);
    assert_eq!(mirrors(&again).count(), 1);
}

#[test]
fn the_copies_of_all_configurations_share_their_bytes() {
    let budget = Budget::default();
    let before = update(&["reviews/v3"], None, &budget);
    let after = update(&["reviews/v3"], Some(&before), &budget);
    let _held = find(&before, "reviews/v3").budget.hold(1_000).unwrap();
    assert!(find(&after, "reviews/v3").budget.hold(25).is_none());
    assert!(find(&after, "reviews/v3").budget.hold(24).is_some());
}

#[test]
fn the_release_that_claims_a_host_is_live() {
    let live = update(&["reviews/v3", "ratings/v4"], None, &Budget::default());
    let head = [(&b":authority"[..], &b"ratings:9080"[..])];
    let claiming = live.claiming(&RequestHead::new(&head)).unwrap();
    assert!(Rc::ptr_eq(claiming, &live.all()[1]));
    assert_eq!(&*claiming.release.name, "ratings");
    assert_eq!(claiming.mirrors[0].full_name(), "ratings/v4");
}
