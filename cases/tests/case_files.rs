//! The format of case files, and the messages of cases that fail.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use halftone_cases::{Case, CaseFile, Observed};

fn refused(text: &str) -> String {
    CaseFile::parse(text).map(|_| ()).unwrap_err().to_string()
}

/// A case with a sample of four requests and this expectation.
fn case(expect: &str) -> Case {
    let text = format!(
        "config: {{}}\ncases: [ {{ name: one, sample: 4, request: {{ host: a }}, expect: {expect} }} ]"
    );
    CaseFile::parse(&text).unwrap().cases.remove(0)
}

fn observed(version: &str) -> Observed {
    Observed {
        release: Some("reviews".into()),
        version: Some(version.into()),
        reason: Some("split".into()),
        set: BTreeMap::from([("x-version".into(), version.into())]),
        removed: BTreeSet::from(["x-other".into()]),
        cookie: Some("sid".into()),
    }
}

#[test]
fn a_file_that_proves_nothing_is_refused_with_a_remedy() {
    let table = [
        (
            "cases: []",
            "has neither config nor configFile, or both; write exactly one of them",
        ),
        (
            "config: {}\nconfigFile: a.yaml\ncases: []",
            "has neither config nor configFile, or both; write exactly one of them",
        ),
        (
            "config: {}\ncases: []",
            "cases: empty; write at least one case",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, expect: { within: 0.1 } } ]",
            "case `one` expects nothing; write release, version, reason, shares, set, removed or cookie in expect",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, expect: { shares: { v1: 1 } } } ]",
            "case `one` expects shares of a single request; write the number of requests in sample",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, at: 2026-12-01, expect: { version: v1 } } ]",
            "line 2, column 49: is not YAML: at: expected a time with an offset such as \"2026-12-01T09:00:00Z\", got \"2026-12-01\"",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, sample: 0, expect: { version: v1 } } ]",
            "case `one` sends no request; write a sample of 1 or more, or omit sample",
        ),
    ];
    for (text, said) in table {
        assert_eq!(refused(text), said, "{text}");
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    for text in [
        "config: {}\ncases: []\ncase: []",
        "config: {}\ncases: [ { name: one, request: { hosts: a }, expect: { version: v1 } } ]",
        "config: {}\ncases: [ { name: one, request: { host: a }, expect: { versions: v1 } } ]",
        "config: {}\ncases: [ { name: one, request: { host: a }, expect: { remove: [x] } } ]",
    ] {
        assert!(refused(text).contains("unknown field"), "{text}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_with_its_place() {
    let table = [
        (
            "{ cookie: [sid] }",
            "true, false, or the name of the cookie",
        ),
        ("{ set: [x-version] }", "map"),
        ("{ removed: x-version }", "sequence"),
    ];
    for (expect, said) in table {
        let text = format!(
            "config: {{}}\ncases: [ {{ name: one, request: {{ host: a }}, expect: {expect} }} ]"
        );
        let got = refused(&text);
        assert!(
            got.contains(said) && got.contains("line 2"),
            "{expect}: {got}"
        );
    }
}

#[test]
fn a_case_says_what_it_expected_and_what_it_got() {
    let table = [
        ("{ version: v1 }", "version: expected v1, got v2"),
        ("{ version: null }", "version: expected none, got v2"),
        (
            "{ release: ratings }",
            "release: expected ratings, got reviews",
        ),
        (
            "{ version: v2, reason: principal }",
            "reason: expected principal, got split",
        ),
        (
            "{ release: ratings, version: v1, reason: principal }",
            "release: expected ratings, got reviews; version: expected v1, got v2; reason: expected principal, got split",
        ),
        (
            "{ shares: { v1: 0.5, v2: 0.5 } }",
            "share of v1: expected 0.5 within 0.01, got 0.0000; share of v2: expected 0.5 within 0.01, got 1.0000",
        ),
        (
            "{ shares: { v2: 0.4 }, within: 0.1 }",
            "share of v2: expected 0.4 within 0.1, got 1.0000",
        ),
        (
            "{ shares: {} }",
            "share of v2: expected 0 within 0, got 1.0000",
        ),
        (
            "{ set: { X-Version: v1 } }",
            "set: expected x-version: v1, got x-version: v2",
        ),
        ("{ set: {} }", "set: expected none, got x-version: v2"),
        (
            "{ set: { x-version: v2, x-more: a } }",
            "set: expected x-more: a, x-version: v2, got x-version: v2",
        ),
        (
            "{ removed: [X-Another] }",
            "removed: expected x-another, got x-other",
        ),
        ("{ removed: [] }", "removed: expected none, got x-other"),
        ("{ cookie: false }", "cookie: expected none, got sid"),
        ("{ cookie: session }", "cookie: expected session, got sid"),
    ];
    for (expect, said) in table {
        let mismatch = case(expect)
            .judge((0..4).map(|_| observed("v2")))
            .unwrap_err();
        assert_eq!(mismatch.to_string(), said, "{expect}");
    }
}

#[test]
fn a_case_holds_when_all_that_it_names_is_so() {
    let half = || ["v1", "v2", "v1", "v2"].map(observed);
    for expect in [
        "{ shares: { v1: 0.5, v2: 0.5 } }",
        "{ release: reviews, reason: split, shares: { v1: 0.6, v2: 0.4 }, within: 0.1001 }",
        "{ reason: split }",
        "{ removed: [X-Other], cookie: true }",
        "{ cookie: sid }",
    ] {
        assert_eq!(case(expect).judge(half()), Ok(()), "{expect}");
    }
    let v2 = case("{ set: { X-Version: v2 } }").judge([observed("v2")]);
    assert_eq!(v2, Ok(()));
    for expect in [
        "{ version: null }",
        "{ set: {}, removed: [], cookie: false }",
    ] {
        let undecided = [Observed::default()];
        assert_eq!(case(expect).judge(undecided), Ok(()), "{expect}");
    }
    let no_cookie = case("{ cookie: true }").judge([Observed::default()]);
    let said = no_cookie.unwrap_err().to_string();
    assert_eq!(said, "cookie: expected any, got none");
}

#[test]
fn each_request_of_a_sample_has_its_own_session() {
    let text = "config: {}\ncases: [ { name: one, sample: 3, sessionHeader: X-User, request: { host: a, headers: { x: [b, c] } }, expect: { version: v1 } } ]";
    let case = CaseFile::parse(text).unwrap().cases.remove(0);
    let sent: Vec<Vec<String>> = case
        .requests()
        .map(|request| {
            request
                .headers()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        })
        .collect();
    assert_eq!(
        sent,
        [
            ["x-user=session-0", "x=b", "x=c"],
            ["x-user=session-1", "x=b", "x=c"],
            ["x-user=session-2", "x=b", "x=c"]
        ]
    );
}

/// A case that follows the clock would pass today and fail tomorrow.
#[test]
fn a_case_that_a_ramp_decides_needs_its_time() {
    let by_ramp = Observed {
        reason: Some("ramp".into()),
        ..observed("v2")
    };
    let judged = case("{ version: v2 }").judge([by_ramp.clone()]);
    assert_eq!(
        judged.unwrap_err().to_string(),
        r#"at: expected the time of the request, such as "2026-12-01T09:00:00Z", because a ramp decides it, got none"#
    );
    let text = "config: {}\ncases: [ { name: one, at: 2026-12-01T09:00:00.5Z, request: { host: a }, expect: { version: v2 } } ]";
    let timed = CaseFile::parse(text).unwrap().cases.remove(0);
    assert_eq!(timed.judge([by_ramp]), Ok(()));
    assert_eq!(timed.draw(7).now, 1_796_115_600_500);
}
