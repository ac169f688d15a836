//! The bounds of the time that a request takes.

use std::collections::HashSet;
use std::sync::Arc;

use halftone::config;
use halftone::draw::Draw;
use halftone::matching::{self, StringMatch};
use halftone::release::{Release, Rule, Trace};
use halftone::request::{Budget, Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_value_that_the_budget_does_not_cover_stays_unread_and_its_condition_does_not_hold() {
    let config = json!({"releases": [{"name": "reviews", "hosts": ["*"], "principal": "v1", "canary": {"rules": [
        {"name": "has", "version": "v2", "match": [{"headers": {"x-a": {"regex": "b*"}}}]},
        {"name": "has-not", "version": "v3", "match": [{"withoutHeaders": {"x-a": {"regex": "c*"}}}]},
        {"name": "absent", "version": "v4", "match": [{"withoutHeaders": {"x-b": {"exact": "1"}}}]},
    ]}}]});
    let releases = config::load_value(&config).unwrap();
    let value = "a".repeat(StringMatch::LONGEST_REGEX_VALUE);
    let table = [(1, "rule:has-not", false), (1_000, "rule:absent", true)];
    for (repeats, reason, is_over) in table {
        let header: Header<'_> = (b"x-a", value.as_bytes());
        let headers = vec![header; repeats];
        let head = RequestHead::new(&headers);
        let decision = releases.all()[0].decide(&head, Draw::default(), &mut ());
        assert_eq!(
            decision.outcome.reason().to_string(),
            reason,
            "{repeats} values"
        );
        assert_eq!(head.budget().unread() > 0, is_over, "{repeats} values");
    }
}

#[test]
fn a_budget_pays_until_it_is_empty_and_counts_what_it_cannot_pay() {
    let budget = Budget::default();
    assert!(budget.pay(Budget::STEPS - 1) && budget.pay(1));
    assert!(budget.pay(0));
    assert!(!budget.pay(1) && !budget.pay(u32::MAX));
    assert_eq!(budget.unread(), 2);
}

/// The steps that the rules of a canary pay for a request with these headers.
fn paid(condition: &Value, headers: &[Header<'_>]) -> u32 {
    let config = json!({"releases": [{"name": "reviews", "hosts": ["*"], "principal": "v1", "canary": {"rules": [
        {"name": "one", "version": "v2", "match": [condition]},
    ]}}]});
    let releases = config::load_value(&config).unwrap();
    let head = RequestHead::new(headers);
    let decision = releases.all()[0].decide(&head, Draw::default(), &mut ());
    assert_eq!(decision.outcome.reason().to_string(), "principal");
    Budget::STEPS - head.budget().left()
}

#[test]
fn a_condition_pays_for_each_part_of_its_work() {
    let requirement = |parts: usize| {
        let text = [vec![">=1.2.3-a"; parts - 1], vec!["<1.2.3-a"]].concat();
        json!({"headers": {"x": {"semver": text.join(", ")}}})
    };
    let version = format!("1.2.3-a{}", ".1".repeat(1_000));
    let version: [Header<'_>; 1] = [(b"x", version.as_bytes())];
    let claim = json!({"jwtClaims": {"role": {"exact": "staff"}}});
    let token: Header<'_> = (b"authorization", b"Bearer e30.eyJhIjoxfQ.");
    let table = [
        (
            "comparators of a version requirement",
            paid(&requirement(1), &version),
            paid(&requirement(31), &version),
        ),
        ("tokens", paid(&claim, &[token]), paid(&claim, &[token; 90])),
    ];
    for (what, one, many) in table {
        assert!(many > 10 * one, "{what}: {one} steps, then {many}");
    }
}

#[test]
fn a_pattern_whose_compiled_form_is_too_large_is_a_violation() {
    let table = [
        ("(?:a{0,100}){0,100}b", false),
        ("(?:a{0,10}){0,10}b", true),
        (".*(Firefox|Chrome)/1[0-9]{2}.*", true),
        ("^(.*?;)?(user=jason)(;.*)?$", true),
        ("[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,64}", true),
    ];
    for (pattern, is_valid) in table {
        assert_eq!(StringMatch::regex(pattern).is_ok(), is_valid, "{pattern}");
    }
}

/// Hears everything, and so has all rules tested.
#[derive(Default)]
struct Tested(Vec<String>);

impl matching::Trace<'_> for Tested {}

impl<'r> Trace<'r> for Tested {
    fn rule(&mut self, rule: &'r Rule, _matched: bool) {
        self.0.push(rule.name.to_string());
    }
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[a-c]{1,2}".prop_map(|value| json!({"exact": value})),
        2 => prop::collection::vec("[a-c]{1,2}", 1..4).prop_map(|values| json!({"in": values})),
        1 => "[a-c]".prop_map(|value| json!({"prefix": value})),
        1 => Just(json!({"present": false})),
    ]
}

fn one_match() -> impl Strategy<Value = Value> {
    let headers = prop::collection::btree_map("x-[ab]", test(), 1..3);
    (headers, any::<bool>()).prop_map(|(headers, is_post)| {
        if is_post {
            json!({"headers": headers, "method": {"exact": "POST"}})
        } else {
            json!({"headers": headers})
        }
    })
}

fn release() -> impl Strategy<Value = Arc<Release>> {
    prop::collection::vec(prop::collection::vec(one_match(), 1..3), 0..12).prop_map(|rules| {
        let rules: Vec<Value> = rules
            .into_iter()
            .enumerate()
            .map(|(index, matches)| json!({"name": format!("r{index}"), "match": matches, "version": "v2"}))
            .collect();
        let config = json!({"releases": [{"name": "reviews", "hosts": ["*"], "principal": "v1",
            "canary": {"rules": rules}}]});
        config::load_value(&config).unwrap().all()[0].clone()
    })
}

proptest! {
    #[test]
    fn the_index_finds_the_rule_that_testing_all_rules_finds(
        release in release(),
        values in prop::collection::vec(("x-[ab]", "[a-c]{1,2}"), 0..4),
        method in prop_oneof![Just("GET"), Just("POST")],
    ) {
        let mut headers: Vec<Header<'_>> = vec![(b":method", method.as_bytes())];
        headers.extend(values.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let head = RequestHead::new(&headers);
        let mut tested = Tested::default();
        let all = release.decide(&head, Draw::default(), &mut tested).outcome;
        let indexed = release.decide(&head, Draw::default(), &mut ()).outcome;
        prop_assert_eq!(all, indexed);
        let names: HashSet<&String> = tested.0.iter().collect();
        prop_assert_eq!(names.len(), tested.0.len(), "each rule is tested once");
    }
}

#[test]
fn a_hundred_rules_on_one_header_read_its_value_once() {
    let rules: Vec<Value> = (0..100)
        .map(|n| json!({"name": format!("r{n}"), "version": "v2", "match": [{"headers": {"x-user": {"exact": format!("u{n}")}}}]}))
        .collect();
    let config = json!({"releases": [{"name": "reviews", "hosts": ["*"], "principal": "v1", "canary": {"rules": rules}}]});
    let releases = config::load_value(&config).unwrap();
    let release = &releases.all()[0];
    for (user, reason) in [
        ("u99", "rule:r99"),
        ("u0", "rule:r0"),
        ("u100", "principal"),
    ] {
        let headers: [Header<'_>; 1] = [(b"x-user", user.as_bytes())];
        let head = RequestHead::new(&headers);
        let decision = release.decide(&head, Draw::default(), &mut ());
        assert_eq!(decision.outcome.reason().to_string(), reason);
        let spent = Budget::STEPS - head.budget().left();
        assert!(spent <= 32, "{user}: {spent} steps");
    }
}
