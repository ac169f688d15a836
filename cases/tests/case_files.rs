//! What a case file may say, and what is said when a case does not hold.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use halftone_cases::{Case, CaseFile, Observed};

fn refused(text: &str) -> String {
    CaseFile::parse(text).map(|_| ()).unwrap_err().to_string()
}

/// The one case of a file whose expectation is `expect`, of a sample of four.
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
    }
}

#[test]
fn a_file_that_proves_nothing_is_refused() {
    let table = [
        ("cases: []", "give exactly one of config and configFile"),
        (
            "config: {}\nconfigFile: a.yaml\ncases: []",
            "give exactly one of config and configFile",
        ),
        (
            "config: {}\ncases: []",
            "holds no case; give at least one in cases",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, expect: {} } ]",
            "case `one` expects nothing; give version, reason, release or shares",
        ),
        (
            "config: {}\ncases: [ { name: one, request: { host: a }, expect: { shares: { v1: 1 } } } ]",
            "case `one` expects shares of a single request; say in sample how many to put",
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
    ] {
        assert!(refused(text).contains("unknown field"), "{text}");
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
    ] {
        assert_eq!(case(expect).judge(half()), Ok(()), "{expect}");
    }
    assert_eq!(
        case("{ version: null }").judge([Observed::default()]),
        Ok(())
    );
}

#[test]
fn a_sample_is_so_many_requests_each_with_its_session() {
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
