//! Exclusive releases and holdouts: who takes part, and what all others get.

use std::collections::BTreeMap;

use halftone::draw::Draw;
use halftone::release::{Release, Releases};
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

const SESSIONS: u32 = 10_000;

/// The release `name` with these fields, and a canary with these.
fn release(name: &str, fields: &Value, canary: &Value) -> Value {
    let mut release = json!({"name": name, "hosts": [name], "principal": "v1"});
    release["canary"] = canary.clone();
    for (field, value) in fields.as_object().unwrap() {
        release[field] = value.clone();
    }
    release["canary"]["session"] = json!({"key": [{"header": "x-key"}]});
    release
}

fn load(releases: &[Value]) -> Releases {
    halftone::config::load_value(&json!({"releases": releases})).unwrap()
}

/// The version and the reason of a request with these headers.
fn decided(release: &Release, headers: &[Header<'_>]) -> (String, String) {
    let draw = Draw { chance: 7, now: 0 };
    let decision = release.decide(&RequestHead::new(headers), draw, &mut ());
    let outcome = decision.outcome;
    (
        outcome.version().name().to_owned(),
        outcome.reason().to_string(),
    )
}

/// The reason of each session, and its version.
fn reasons(release: &Release) -> Vec<(String, String)> {
    let of = |session: u32| {
        let key = session.to_string();
        decided(release, &[(b"x-key", key.as_bytes())])
    };
    (0..SESSIONS).map(of).collect()
}

fn half() -> Value {
    json!({"split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}]})
}

/// Whether `count` of `all` is within five standard errors of `share`.
fn is_share(count: usize, all: usize, share: f64) -> bool {
    let sigma = (share * (1.0 - share) * all as f64).sqrt();
    (count as f64 - share * all as f64).abs() <= 5.0 * sigma + 1.0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn releases_of_one_group_share_no_session(
        group in "[a-z]{1,8}", mut ends in prop::collection::vec(0.0..100.0, 4), holdout in 0.0..50.0,
    ) {
        ends.sort_by(f64::total_cmp);
        prop_assume!(ends[0] < ends[1] && ends[2] < ends[3]);
        let with = |name: &str, from: f64, to: f64| {
            let fields = json!({
                "exclusive": {"group": group, "from": from, "to": to},
                "holdout": {"group": group, "percentage": holdout},
            });
            release(name, &fields, &half())
        };
        let releases = load(&[with("one", ends[0], ends[1]), with("other", ends[2], ends[3])]);
        let all = releases.all();
        let (one, other) = (reasons(&all[0]), reasons(&all[1]));
        let takes_part = |reason: &(String, String)| reason.1 == "session";
        prop_assert!(!one.iter().zip(&other).any(|(one, other)| takes_part(one) && takes_part(other)));

        let mut expected: BTreeMap<String, f64> = BTreeMap::new();
        let shares = all[0].shares(&RequestHead::new(&[(b"x-key", b"1")]), 0);
        for (outcome, share) in all[0].outcomes.iter().zip(shares) {
            *expected.entry(outcome.reason().to_string()).or_default() += share;
        }
        let parts: [(&str, f64); 2] = [
            ("holdout", holdout / 100.0),
            ("session", (1.0 - holdout / 100.0) * (ends[1] - ends[0]) / 100.0),
        ];
        for (reason, share) in parts {
            prop_assert!((expected[reason] - share).abs() < 1e-9, "{}: {}", reason, expected[reason]);
        }
        for (reason, share) in expected {
            let count = one.iter().filter(|one| one.1 == reason).count();
            prop_assert!(is_share(count, one.len(), share), "{}: {} of {}", reason, count, share);
        }
    }

    /// The sessions of a holdout are a part of each range, so no range loses more than another.
    #[test]
    fn a_holdout_is_independent_of_the_ranges_of_its_group_and_of_the_split(group in "[a-z]{1,8}") {
        let holdout = json!({"holdout": {"group": group, "percentage": 20}});
        let range = json!({"exclusive": {"group": group, "from": 0, "to": 50}});
        let releases = load(&[release("one", &holdout, &half()), release("other", &range, &half()), release("third", &json!({}), &half())]);
        let [held_out, in_range, split] = [0, 1, 2].map(|index| reasons(&releases.all()[index]));
        let held_out = |index: &usize| held_out[*index].1 == "holdout";
        let indices: Vec<usize> = (0..in_range.len()).collect();
        for part in [
            indices.iter().filter(|index| in_range[**index].1 == "session").collect::<Vec<_>>(),
            indices.iter().filter(|index| split[**index].0 == "v2").collect(),
        ] {
            let count = part.iter().filter(|index| held_out(index)).count();
            prop_assert!(is_share(count, part.len(), 0.2), "{} of {}", count, part.len());
        }
    }

    #[test]
    fn a_range_that_grows_keeps_its_sessions(group in "[a-z]{1,8}", from in 0.0..50.0, to in 50.0..99.0) {
        let with = |to: f64| {
            let fields = json!({"exclusive": {"group": group, "from": from, "to": to}});
            load(&[release("one", &fields, &half())])
        };
        let (before, after) = (with(to), with(to + 1.0));
        for (before, after) in reasons(&before.all()[0]).iter().zip(reasons(&after.all()[0])) {
            prop_assert!(before.1 == "excluded" || *before == after);
        }
    }
}

#[test]
fn a_session_that_takes_no_part_gets_the_principal_unless_a_rule_names_its_version() {
    let nobody = json!({"exclusive": {"group": "q4", "from": 100.0 - 1e-9, "to": 100}});
    let held_out = json!({"holdout": {"group": "q4", "percentage": 100}});
    let everybody = json!({"exclusive": {"group": "q4", "from": 0, "to": 100}});
    let header = |name: &str| json!({"headers": {name: {"present": true}}});
    let canary = json!({
        "rules": [
            {"name": "testers", "match": [header("x-tester")], "version": "v2"},
            {"name": "some", "match": [{"headers": {"x-some": {"present": true}}, "percentage": 100}], "version": "v2"},
            {"name": "beta", "match": [header("x-beta")], "split": [{"version": "v2", "weight": 1}]},
            {"name": "late", "match": [header("x-late")], "version": "v2"},
        ],
        "split": [{"version": "v2", "weight": 1}],
    });
    let no_split = json!({"rules": canary["rules"]});
    let ramp = json!({"ramp": {
        "version": "v2", "start": "1970-01-01T00:00:00Z", "points": [{"after": "0s", "percentage": 100}],
    }});
    let taken = json!({"takeOver": "v2", "split": canary["split"]});
    type Row<'r> = (
        &'r str,
        &'r Value,
        &'r Value,
        &'r [Header<'r>],
        (&'r str, &'r str),
    );
    let key: Header<'_> = (b"x-key", b"7");
    let table: [Row<'_>; 14] = [
        (
            "a rule that names a version",
            &nobody,
            &canary,
            &[key, (b"x-tester", b"1")],
            ("v2", "rule:testers"),
        ),
        (
            "a rule with a percentage",
            &nobody,
            &canary,
            &[key, (b"x-some", b"1")],
            ("v1", "excluded"),
        ),
        (
            "the same, and a later rule",
            &nobody,
            &canary,
            &[key, (b"x-some", b"1"), (b"x-late", b"1")],
            ("v2", "rule:late"),
        ),
        (
            "a rule with a split",
            &nobody,
            &canary,
            &[key, (b"x-beta", b"1")],
            ("v1", "excluded"),
        ),
        (
            "a rule with a split before another",
            &nobody,
            &canary,
            &[key, (b"x-beta", b"1"), (b"x-late", b"1")],
            ("v1", "excluded"),
        ),
        ("the split", &nobody, &canary, &[key], ("v1", "excluded")),
        ("no split", &nobody, &no_split, &[key], ("v1", "excluded")),
        ("a ramp", &nobody, &ramp, &[key], ("v1", "excluded")),
        (
            "a version that takes over",
            &nobody,
            &taken,
            &[key],
            ("v2", "take-over"),
        ),
        ("a holdout", &held_out, &canary, &[key], ("v1", "holdout")),
        (
            "a request without a session in a group",
            &everybody,
            &canary,
            &[],
            ("v1", "excluded"),
        ),
        (
            "a request without a session and a holdout",
            &held_out,
            &canary,
            &[],
            ("v2", "split"),
        ),
        (
            "a session that takes part",
            &everybody,
            &canary,
            &[key],
            ("v2", "session"),
        ),
        (
            "a percentage of a session that takes part",
            &everybody,
            &canary,
            &[key, (b"x-some", b"1")],
            ("v2", "rule:some"),
        ),
    ];
    for (rule, fields, canary, headers, (version, reason)) in table {
        let releases = load(&[release("reviews", fields, canary)]);
        let release = &releases.all()[0];
        assert_eq!(
            decided(release, headers),
            (version.to_owned(), reason.to_owned()),
            "{rule}"
        );
        let shares = release.shares(&RequestHead::new(headers), 0);
        let got = release.outcomes.iter().zip(&shares);
        let got: f64 = got
            .filter(|(outcome, _)| outcome.reason().to_string() == reason)
            .map(|(_, share)| share)
            .sum();
        assert!(got > 0.999, "{rule}: {got} by the configuration");
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{rule}");
        let configured: f64 = release.configured_shares(0).iter().sum();
        assert!((configured - 1.0).abs() < 1e-9, "{rule}");
    }
}

/// An id that is issued decides the request that it is issued to, as it decides the next one.
#[test]
fn a_session_that_is_issued_takes_part_or_not_like_the_next_request_with_its_cookie() {
    let mut releases = release(
        "reviews",
        &json!({"exclusive": {"group": "q4", "from": 0, "to": 50}}),
        &half(),
    );
    releases["canary"]["session"] = json!({"cookie": {}});
    let releases = load(&[releases]);
    let release = &releases.all()[0];
    let mut seen = BTreeMap::new();
    for chance in 0..100 {
        let draw = Draw { chance, now: 0 };
        let first = release.decide(&RequestHead::new(&[]), draw, &mut ());
        let cookie = first.set_cookie().unwrap();
        let headers: [Header<'_>; 1] = [(b"cookie", cookie.as_bytes())];
        let head = RequestHead::new(&headers);
        let next = release.decide(&head, Draw { chance: 0, now: 0 }, &mut ());
        assert_eq!(first.outcome, next.outcome);
        *seen.entry(first.outcome.reason().to_string()).or_insert(0) += 1;
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["excluded", "session"]);
}

/// A copy changes nothing for the client, so the percentage of a mirror is one of all sessions.
#[test]
fn mirrors_get_copies_of_sessions_that_take_no_part() {
    let fields = json!({
        "exclusive": {"group": "q4", "from": 0, "to": 1e-9},
        "mirrors": [{"name": "next", "cluster": "next", "match": [{"percentage": 100}]}],
    });
    let releases = load(&[release("reviews", &fields, &half())]);
    let headers: [Header<'_>; 2] = [(b":method", b"GET"), (b"x-key", b"7")];
    let head = RequestHead::new(&headers);
    let decision = releases.all()[0].decide(&head, Draw { chance: 7, now: 0 }, &mut ());
    assert_eq!(decision.outcome.reason().to_string(), "excluded");
    assert_eq!(decision.mirrors(&head).count(), 1);
}
