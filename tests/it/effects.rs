//! What happens to a request because of a decision.

use std::cell::Cell;

use halftone::config;
use halftone::draw::Draw;
use halftone::effects::{Effects, SetHeader, effects};
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};

const BY_HEADER: &str = r#"{
    "explain": {"header": "x-why"},
    "accessLog": true,
    "releases": [
        {"name": "reviews", "hosts": ["reviews"], "principal": "v1", "canary": {
            "rules": [{"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"}],
            "split": [{"version": "v1", "weight": 1}],
            "session": {"cookie": {"name": "sid"}}
        }},
        {"name": "ratings", "hosts": ["ratings"], "principal": "v1", "canary": {},
         "route": {"header": "x-ratings-version"}}
    ]
}"#;

const BY_AUTHORITY: &str = r#"{"releases": [{"name": "reviews", "hosts": ["reviews"], "principal": "v1", "canary": {},
    "route": {"authority": {"v1": "reviews-v1:9080"}}}]}"#;

/// The effects, and whether the earlier plugin was asked for.
fn run<'r, 'h>(
    releases: &'r Releases,
    headers: &'h [Header<'h>],
    earlier: Option<&str>,
) -> (Effects<'r, 'h>, bool) {
    let head = RequestHead::new(headers);
    let asked = Cell::new(false);
    let effects = effects(
        releases.settings(),
        releases.claiming(&head).map(|release| &**release),
        &head,
        || {
            asked.set(true);
            earlier.map(|header| header.as_bytes().to_vec())
        },
        Draw::default(),
        &mut (),
    );
    (effects, asked.get())
}

fn headers(lines: &[&'static str]) -> Vec<Header<'static>> {
    let split = |line: &&'static str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.as_bytes(), value.as_bytes())
    };
    lines.iter().map(split).collect()
}

#[test]
fn routing_headers_that_a_client_sends_are_removed_and_the_decision_is_set() {
    type Row<'r> = (
        &'r [&'static str],
        Option<&'r str>,
        Option<(&'r str, &'r str, bool)>,
        &'r [&'r str],
    );
    const HEADER: &str = "x-halftone-version";
    const OTHER: &str = "x-ratings-version";
    let releases = config::load(BY_HEADER.as_bytes()).unwrap();
    let (reviews, ratings) = (":authority: reviews", ":authority: ratings");
    let (details, jason) = (":authority: details", "end-user: jason");
    let (v1, v2) = ("x-halftone-version: v1", "x-halftone-version: v2");
    let other_v2 = "x-ratings-version: v2";
    let table: [Row<'_>; 13] = [
        (&[reviews], None, Some((HEADER, "v1", false)), &[]),
        (&[reviews, jason], None, Some((HEADER, "v2", false)), &[]),
        (&[ratings], None, Some((OTHER, "v1", false)), &[]),
        (&[details], None, None, &[]),
        (&[reviews, v2], None, Some((HEADER, "v1", false)), &[]),
        (&[reviews, v1], None, Some((HEADER, "v1", true)), &[]),
        (&[reviews, v1, v1], None, Some((HEADER, "v1", false)), &[]),
        (
            &[reviews, other_v2],
            None,
            Some((HEADER, "v1", false)),
            &[OTHER],
        ),
        (
            &[ratings, v1, v2],
            None,
            Some((OTHER, "v1", false)),
            &[HEADER],
        ),
        (&[details, v2, other_v2], None, None, &[HEADER, OTHER]),
        (&[details, v2, other_v2], Some(HEADER), None, &[OTHER]),
        (&[reviews, v2, other_v2], Some(OTHER), None, &[HEADER]),
        (&[reviews, v2], Some(":authority"), None, &[HEADER]),
    ];
    for (lines, earlier, set, removed) in table {
        let sent = headers(lines);
        let (effects, _) = run(&releases, &sent, earlier);
        let set = set.map(|(name, value, is_present)| SetHeader {
            name,
            value,
            is_present,
        });
        assert_eq!(effects.set, set, "{lines:?}");
        assert_eq!(effects.removed, removed, "{lines:?}");
    }
}

#[test]
fn a_release_that_routes_by_authority_sets_the_authority_of_the_version() {
    let releases = config::load(BY_AUTHORITY.as_bytes()).unwrap();
    let sent = headers(&[":authority: reviews", "x-halftone-version: v2"]);
    let (effects, _) = run(&releases, &sent, None);
    let set = effects.set.unwrap();
    assert_eq!(
        (set.name, set.value, set.is_present),
        (":authority", "reviews-v1:9080", false)
    );
    assert!(
        effects.removed.is_empty(),
        "no release routes by this header"
    );
}

#[test]
fn what_an_earlier_plugin_decided_stays_and_is_a_conflict_where_a_release_claims_the_host() {
    let releases = config::load(BY_HEADER.as_bytes()).unwrap();
    for (host, is_conflict) in [
        (":authority: reviews", true),
        (":authority: details", false),
    ] {
        let sent = headers(&[host, "x-halftone-version: v2"]);
        let (effects, _) = run(&releases, &sent, Some("x-other-version"));
        assert_eq!(effects.is_conflict, is_conflict, "{host}");
        assert_eq!(effects.removed, ["x-halftone-version"], "{host}");
        assert!(
            effects.decision.is_none() && effects.set.is_none(),
            "{host}"
        );
        assert!(
            effects.access_log.is_none() && effects.set_cookie.is_none(),
            "{host}"
        );
    }
}

#[test]
fn the_earlier_plugin_is_asked_only_where_its_answer_matters() {
    let releases = config::load(BY_HEADER.as_bytes()).unwrap();
    let table: [(&[&'static str], bool); 4] = [
        (&[":authority: reviews"], true),
        (&[":authority: details"], false),
        (&[":authority: details", "x-user: 1"], false),
        (&[":authority: details", "x-ratings-version: v1"], true),
    ];
    for (lines, asked) in table {
        assert_eq!(run(&releases, &headers(lines), None).1, asked, "{lines:?}");
    }
}

#[test]
fn the_response_brings_the_issued_id_and_the_explanation_to_those_who_need_them() {
    let releases = config::load(BY_HEADER.as_bytes()).unwrap();
    let split = Some("release=reviews version=v1 reason=session");
    let rule = Some("release=reviews version=v2 reason=rule:testers");
    type Row<'r> = (&'r [&'static str], bool, Option<&'r str>, Option<&'r str>);
    let table: [Row<'_>; 5] = [
        (
            &[":authority: reviews"],
            true,
            None,
            Some("reviews/v1/session"),
        ),
        (
            &[":authority: reviews", "cookie: sid=7"],
            false,
            None,
            Some("reviews/v1/session"),
        ),
        (
            &[":authority: reviews", "x-why: 1"],
            true,
            split,
            Some("reviews/v1/session"),
        ),
        (
            &[":authority: reviews", "x-why: ", "end-user: jason"],
            false,
            rule,
            Some("reviews/v2/rule:testers"),
        ),
        (&[":authority: details", "x-why: 1"], false, None, None),
    ];
    for (lines, issues, explanation, entry) in table {
        let sent = headers(lines);
        let (effects, _) = run(&releases, &sent, None);
        let is_issued = effects
            .set_cookie
            .as_deref()
            .is_some_and(|cookie| cookie.starts_with("sid="));
        assert_eq!(is_issued, issues, "{lines:?}");
        assert_eq!(effects.explanation.as_deref(), explanation, "{lines:?}");
        assert_eq!(effects.access_log, entry, "{lines:?}");
    }
}

#[test]
fn a_shared_cache_shares_cookies_unless_a_directive_forbids_it() {
    let table: [(Option<&str>, bool); 15] = [
        (None, true),
        (Some(""), true),
        (Some("public, max-age=60"), true),
        (Some("s-maxage=60, must-revalidate"), true),
        (Some("private"), false),
        (Some("max-age=60, PRIVATE"), false),
        (Some("no-store"), false),
        (Some("no-cache"), false),
        (Some("max-age=60,no-cache , public"), false),
        (Some("no-cache=\"Set-Cookie\""), false),
        (Some("private=\"x-a, set-cookie\""), false),
        (Some("private=\"x-a\""), true),
        (Some("no-cache=\"x-a\""), true),
        (Some("no-cached"), true),
        (Some("x-private"), true),
    ];
    for (value, expected) in table {
        let shares = halftone::effects::shares_cookies(value.map(str::as_bytes));
        assert_eq!(shares, expected, "{value:?}");
    }
}
