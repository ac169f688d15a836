//! Ramps: the law of sessions over time, and the shares at each instant.

use halftone::config::time;
use halftone::draw::{Draw, Random};
use halftone::release::{Reason, Release, Releases};
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

const SESSIONS: u32 = 4_000;

/// The start of all ramps, in milliseconds since 1970-01-01T00:00:00Z.
const START: u64 = 1_796_115_600_000;

/// A release whose version `next` grows by these points beside versions of these weights, `v1` first.
/// Without weights, the principal `v1` shares with it.
fn ramped(points: &[(u64, f64)], shape: &str, weights: &[f64]) -> Releases {
    let points = points.iter().map(|(after, percentage)| {
        let after = format!("{after}ms");
        json!({"after": after, "percentage": percentage})
    });
    let ramp = json!({
        "version": "next", "start": time::text(START), "points": points.collect::<Vec<_>>(), "shape": shape,
    });
    with_ramp(&ramp, weights)
}

fn with_ramp(ramp: &Value, weights: &[f64]) -> Releases {
    let others = weights.iter().enumerate();
    let others = others
        .map(|(index, weight)| json!({"version": format!("v{}", index + 1), "weight": weight}));
    let others: Vec<Value> = others.collect();
    let mut canary = json!({"ramp": ramp, "session": {"key": [{"header": "x-key"}]}});
    if !others.is_empty() {
        canary["split"] = others.into();
    }
    let config = json!({"releases": [
        {"name": "reviews", "hosts": ["*"], "principal": "v1", "canary": canary}
    ]});
    halftone::config::load_value(&config).unwrap()
}

/// The version of each session at `now`.
fn versions(release: &Release, sessions: u32, now: u64) -> Vec<&str> {
    let version = |session: u32| {
        let key = session.to_string();
        let headers: [Header<'_>; 1] = [(b"x-key", key.as_bytes())];
        let draw = Draw { chance: 0, now };
        let decision = release.decide(&RequestHead::new(&headers), draw, &mut ());
        assert_eq!(*decision.outcome.reason(), Reason::Ramp);
        decision.outcome.version().name()
    };
    (0..sessions).map(version).collect()
}

/// The share of `next` at `now` by the configuration.
fn expected(release: &Release, now: u64) -> f64 {
    let names = release.versions.iter().map(|version| version.name());
    let shares = release.configured_shares(now);
    names
        .zip(shares)
        .filter(|(name, _)| *name == "next")
        .map(|(_, share)| share)
        .sum()
}

/// The points of a ramp: neither times nor percentages fall.
fn points() -> impl Strategy<Value = Vec<(u64, f64)>> {
    let percentage = prop_oneof![1 => Just(0.0), 4 => 0.0..100.0, 1 => Just(100.0)];
    let point = (0_u64..100_000, percentage);
    prop::collection::vec(point, 1..6).prop_map(|mut points| {
        let mut times: Vec<u64> = points.iter().map(|point| point.0).collect();
        let mut percentages: Vec<f64> = points.iter().map(|point| point.1).collect();
        times.sort_unstable();
        percentages.sort_by(f64::total_cmp);
        for (point, (time, percentage)) in points.iter_mut().zip(times.into_iter().zip(percentages))
        {
            *point = (time, percentage);
        }
        points
    })
}

fn shape() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("linear"), Just("steps")]
}

/// No weights, or some of which one is above 0, of every size.
fn weights() -> impl Strategy<Value = Vec<f64>> {
    let weight =
        prop_oneof![1 => Just(0.0), 4 => 0.001..1000.0, 1 => Just(1e-300), 1 => Just(1e288)];
    prop::collection::vec(weight, 0..5).prop_map(|mut weights: Vec<f64>| {
        if let Some(first) = weights.first_mut() {
            *first = first.max(1e-300);
        }
        weights
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn at_every_instant_sessions_move_only_to_the_version_that_grows(
        points in points(), shape in shape(), weights in weights(),
        mut instants in prop::collection::vec(0_u64..120_000, 2..8),
    ) {
        let releases = ramped(&points, shape, &weights);
        let release = &releases.all()[0];
        instants.sort_unstable();
        let mut before = versions(release, SESSIONS, START - 1);
        prop_assert!(!before.contains(&"next"), "before its start");
        for instant in instants {
            let after = versions(release, SESSIONS, START + instant);
            for (old, new) in before.iter().zip(&after) {
                prop_assert!(old == new || *new == "next", "{} moved to {}", old, new);
            }
            before = after;
        }
    }

    #[test]
    fn the_share_at_an_instant_is_the_percentage(
        points in points(), shape in shape(), weights in prop::collection::vec(0.001..1000.0, 0..5), instant in 0_u64..120_000,
    ) {
        let releases = ramped(&points, shape, &weights);
        let release = &releases.all()[0];
        let now = START + instant;
        let percentage = release.ramp().unwrap().ramp().percentage(now);
        let share = expected(release, now);
        prop_assert!((share - percentage / 100.0).abs() < 1e-9, "{} of {}", share, percentage);
        let got = versions(release, SESSIONS, now);
        let count = got.iter().filter(|version| **version == "next").count();
        let sigma = (share * (1.0 - share) * f64::from(SESSIONS)).sqrt();
        prop_assert!((count as f64 - share * f64::from(SESSIONS)).abs() <= 5.0 * sigma + 1.0, "{} of {}", count, share);
    }

    #[test]
    fn the_percentage_never_falls_from_one_millisecond_to_the_next(
        points in points(), shape in shape(), from in 0_u64..110_000,
    ) {
        let releases = ramped(&points, shape, &[]);
        let ramp = releases.all()[0].ramp().unwrap().ramp();
        for now in START + from..START + from + 2_000 {
            prop_assert!(ramp.percentage(now) <= ramp.percentage(now + 1), "at {}", now);
        }
    }

    /// One version of two: a part of d/D of the sessions is on another version if a clock is ahead by d
    /// in a ramp of D.
    #[test]
    fn workers_whose_clocks_differ_by_d_disagree_on_the_part_d_of_the_sessions(
        now in 0_u64..90_000, ahead in 1_u64..10_000, weights in prop::collection::vec(0.001..1000.0, 0..4),
    ) {
        const LENGTH: u64 = 100_000;
        let releases = ramped(&[(0, 0.0), (LENGTH, 100.0)], "linear", &weights);
        let release = &releases.all()[0];
        let one = versions(release, SESSIONS, START + now);
        let other = versions(release, SESSIONS, START + now + ahead);
        let differing = one.iter().zip(&other).filter(|(one, other)| one != other).count();
        let part = ahead as f64 / LENGTH as f64;
        let sigma = (part * (1.0 - part) * f64::from(SESSIONS)).sqrt();
        prop_assert!((differing as f64 - part * f64::from(SESSIONS)).abs() <= 5.0 * sigma + 1.0, "{} of {}", differing, part);
    }
}

#[test]
fn a_ramp_that_is_held_does_not_follow_the_clock() {
    let ramp = |hold: Option<f64>| {
        json!({
            "version": "next", "start": time::text(START), "hold": hold,
            "points": [{"after": "0s", "percentage": 1}, {"after": "1h", "percentage": 100}],
        })
    };
    let half_an_hour = START + 1_800_000;
    for (hold, now, share) in [
        (None, half_an_hour, 0.505),
        (Some(25.0), half_an_hour, 0.25),
        (Some(25.0), 0, 0.25),
        (Some(0.0), u64::MAX, 0.0),
        (Some(100.0), 0, 1.0),
    ] {
        let releases = with_ramp(&ramp(hold), &[9.0, 1.0]);
        let got = expected(&releases.all()[0], now);
        assert!((got - share).abs() < 1e-9, "{hold:?} at {now}: {got}");
    }
}

#[test]
fn rules_and_a_version_that_takes_over_come_before_a_ramp() {
    let config = |take_over: Option<&str>| {
        json!({"releases": [{
            "name": "reviews", "hosts": ["*"], "principal": "v1",
            "canary": {
                "takeOver": take_over,
                "rules": [{"name": "testers", "match": [{"headers": {"x-tester": {"present": true}}}], "version": "v2"}],
                "ramp": {"version": "v2", "start": time::text(START), "points": [{"after": "0s", "percentage": 50}]},
            },
        }]})
    };
    let tester: [Header<'_>; 1] = [(b"x-tester", b"1")];
    let table: [(Option<&str>, &[Header<'_>], &str); 3] = [
        (None, &tester, "rule:testers"),
        (None, &[], "ramp"),
        (Some("v1"), &tester, "take-over"),
    ];
    for (take_over, headers, reason) in table {
        let releases = halftone::config::load_value(&config(take_over)).unwrap();
        let release = &releases.all()[0];
        let head = RequestHead::new(headers);
        let draw = Draw {
            chance: Random::new(1).next_u64(),
            now: START,
        };
        let decision = release.decide(&head, draw, &mut ());
        assert_eq!(
            decision.outcome.reason().to_string(),
            reason,
            "{take_over:?}"
        );
        assert_eq!(
            release.ramp().is_some(),
            take_over.is_none(),
            "{take_over:?}"
        );
        let shares: f64 = release.shares(&head, START).iter().sum();
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    }
}

/// Most requests are of releases without a ramp, and need no clock.
#[test]
fn only_a_release_with_a_ramp_depends_on_the_time() {
    let releases = halftone::config::load_value(&json!({"releases": [
        {"name": "a", "hosts": ["a"], "principal": "v1", "canary": {"split": [{"version": "v2", "weight": 1}]}},
        {"name": "b", "hosts": ["b"], "principal": "v1", "blueGreen": {"active": "v2"}},
        {"name": "c", "hosts": ["c"], "principal": "v1", "mirrors": [{"name": "m", "cluster": "c"}]},
    ]}))
    .unwrap();
    assert!(
        releases
            .all()
            .iter()
            .all(|release| release.ramp().is_none())
    );
    assert!(ramped(&[(0, 1.0)], "linear", &[]).all()[0].ramp().is_some());
}
