//! The requests that a mirror selects.

use std::cell::{Cell, RefCell};

use halftone::draw::{Draw, Random};
use halftone::mirror::{FoundCluster, MirrorOutcome};
use halftone::release::{Release, Releases};
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A release with these mirrors and these further fields.
fn releases(fields: Value, mirrors: Value) -> Releases {
    let mut release =
        json!({"name": "reviews", "hosts": ["*"], "principal": "v1", "mirrors": mirrors});
    if let (Some(release), Value::Object(fields)) = (release.as_object_mut(), fields) {
        release.extend(fields);
    }
    halftone::config::load_value(&json!({"releases": [release]})).unwrap()
}

/// A release with one mirror, which has these fields.
pub fn alone(fields: Value) -> Releases {
    let mut mirror = json!({"name": "shadow", "cluster": "shadow"});
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    releases(json!({}), json!([mirror]))
}

/// The names of the mirrors that select the request.
fn selecting<'r>(release: &'r Release, headers: &[Header<'_>], chance: u64) -> Vec<&'r str> {
    let head = RequestHead::new(headers);
    let decision = release.decide(&head, Draw { chance, now: 0 }, &mut ());
    let mirrors = decision.mirrors(&head);
    mirrors.map(|mirror| &*mirror.name).collect()
}

#[test]
fn writes_are_mirrored_only_if_configured_and_copies_never() {
    let table: [(&str, Value, &[Header<'_>], bool); 10] = [
        ("a get", json!({}), &[(b":method", b"GET")], true),
        ("a head", json!({}), &[(b":method", b"HEAD")], true),
        ("options", json!({}), &[(b":method", b"OPTIONS")], true),
        ("a post", json!({}), &[(b":method", b"POST")], false),
        (
            "a post that is asked for",
            json!({"methods": ["POST"]}),
            &[(b":method", b"POST")],
            true,
        ),
        (
            "a get that is not",
            json!({"methods": ["POST"]}),
            &[(b":method", b"GET")],
            false,
        ),
        (
            "a copy",
            json!({}),
            &[(b":method", b"GET"), (b"x-halftone-mirror", b"other")],
            false,
        ),
        (
            "a mark without a value",
            json!({}),
            &[(b":method", b"GET"), (b"x-halftone-mirror", b"")],
            false,
        ),
        (
            "none of it",
            json!({"percentage": 0}),
            &[(b":method", b"GET")],
            false,
        ),
        (
            "a match",
            json!({"match": [{"headers": {"end-user": {"exact": "jason"}}}]}),
            &[(b":method", b"GET"), (b"end-user", b"kim")],
            false,
        ),
    ];
    for (name, fields, headers, expected) in table {
        let releases = alone(fields);
        let selected = !selecting(&releases.all()[0], headers, 1).is_empty();
        assert_eq!(selected, expected, "{name}");
    }
}

#[test]
fn a_release_with_mirrors_alone_goes_to_its_principal() {
    let releases = alone(json!({}));
    let headers: [Header<'_>; 1] = [(b":method", b"GET")];
    let decision = releases.all()[0].decide(
        &RequestHead::new(&headers),
        Draw { chance: 7, now: 0 },
        &mut (),
    );
    assert_eq!(decision.outcome.log_entry(), "reviews/v1/principal");
}

#[test]
fn a_mirror_issues_no_session_and_uses_an_issued_one() {
    let session = json!({"cookie": {}});
    let mirrors = json!([{"name": "half", "cluster": "half", "percentage": 50}]);
    let headers: [Header<'_>; 1] = [(b":method", b"GET")];
    let head = RequestHead::new(&headers);

    let unsplit = releases(json!({"canary": {"session": session}}), mirrors.clone());
    let decision = unsplit.all()[0].decide(&head, Draw { chance: 7, now: 0 }, &mut ());
    let _ = decision.mirrors(&head).count();
    assert_eq!(decision.issued(), None);

    let arms = json!([{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}]);
    let split = releases(
        json!({"canary": {"split": arms, "session": session}}),
        mirrors,
    );
    for chance in 0..200 {
        let decision = split.all()[0].decide(&head, Draw { chance, now: 0 }, &mut ());
        let id = decision.issued().expect("an id").text();
        let cookie = format!("halftone-session={}", String::from_utf8_lossy(&id));
        let again: [Header<'_>; 2] = [(b":method", b"GET"), (b"cookie", cookie.as_bytes())];
        let first = selecting(&split.all()[0], &headers, chance);
        assert_eq!(
            first,
            selecting(&split.all()[0], &again, chance + 1),
            "{cookie}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_larger_percentage_includes_a_smaller_one_and_both_have_their_share(
        small in 0.01_f64..60.0, more in 0.0_f64..40.0, start: u64, by_session: bool,
    ) {
        let mirrors = json!([
            {"name": "small", "cluster": "a", "percentage": small},
            {"name": "large", "cluster": "b", "percentage": small + more},
        ]);
        let canary = json!({"canary": {"session": {"key": [{"header": "x-user"}]}}});
        let releases = releases(if by_session { canary } else { json!({}) }, mirrors);
        let mut draws = Random::new(start);
        let (mut smalls, mut larges) = (0_u32, 0_u32);
        const REQUESTS: u32 = 20_000;
        for user in 0..REQUESTS {
            let user = user.to_string();
            let headers: [Header<'_>; 2] = [(b":method", b"GET"), (b"x-user", user.as_bytes())];
            let selected = selecting(&releases.all()[0], &headers, draws.next_u64());
            if by_session {
                let again = selecting(&releases.all()[0], &headers, draws.next_u64());
                prop_assert_eq!(&again, &selected);
            }
            smalls += u32::from(selected.contains(&"small"));
            larges += u32::from(selected.contains(&"large"));
            prop_assert!(!selected.contains(&"small") || selected.contains(&"large"));
        }
        for (count, percent) in [(smalls, small), (larges, small + more)] {
            let (share, expected) = (f64::from(count) / f64::from(REQUESTS), percent / 100.0);
            // Six standard deviations.
            let within = 6.0 * (expected * (1.0 - expected) / f64::from(REQUESTS)).sqrt();
            prop_assert!((share - expected).abs() <= within, "{} for {}", share, expected);
        }
    }
}

#[test]
fn a_percentage_can_be_as_small_as_a_ten_thousandth() {
    let releases = alone(json!({"percentage": 0.0001}));
    let headers: [Header<'_>; 1] = [(b":method", b"GET")];
    let mut draws = Random::new(3);
    let selected = |_: &u32| !selecting(&releases.all()[0], &headers, draws.next_u64()).is_empty();
    let count = (0..4_000_000).filter(selected).count();
    assert!(
        (1..=12).contains(&count),
        "{count} of 4,000,000; 4 are expected"
    );
}

const ELSEWHERE: &str = "outbound|9080|v3|reviews.bookinfo.svc.cluster.local";
const AT_WAYPOINT: &str = "inbound-vip|9080|http/v3|reviews.bookinfo.svc.cluster.local";

/// Each step of a row is a copy: the clusters that exist then, the clusters that the copy tries, and the result.
#[test]
fn a_destination_is_the_cluster_of_either_name_and_each_later_copy_tries_one() {
    type Step = (
        &'static [&'static str],
        &'static [&'static str],
        Option<MirrorOutcome>,
    );
    const BOTH: &[&str] = &[ELSEWHERE, AT_WAYPOINT];
    const NO_CLUSTER: Option<MirrorOutcome> = Some(MirrorOutcome::NoCluster);
    let table: [(&str, &[Step]); 6] = [
        (
            "a sidecar",
            &[
                (&[ELSEWHERE], &[ELSEWHERE], None),
                (&[ELSEWHERE], &[ELSEWHERE], None),
            ],
        ),
        (
            "a waypoint",
            &[
                (&[AT_WAYPOINT], BOTH, None),
                (&[AT_WAYPOINT], &[AT_WAYPOINT], None),
                (&[AT_WAYPOINT], &[AT_WAYPOINT], None),
            ],
        ),
        (
            "a proxy without the cluster",
            &[
                (&[], BOTH, NO_CLUSTER),
                (&[], &[ELSEWHERE], NO_CLUSTER),
                (&[], &[AT_WAYPOINT], NO_CLUSTER),
                (&[], &[ELSEWHERE], NO_CLUSTER),
            ],
        ),
        (
            "a cluster that appears later",
            &[
                (&[], BOTH, NO_CLUSTER),
                (&[AT_WAYPOINT], &[ELSEWHERE], NO_CLUSTER),
                (&[AT_WAYPOINT], &[AT_WAYPOINT], None),
                (&[AT_WAYPOINT], &[AT_WAYPOINT], None),
            ],
        ),
        (
            "a cluster that goes and comes back",
            &[
                (&[ELSEWHERE], &[ELSEWHERE], None),
                (&[], &[ELSEWHERE], NO_CLUSTER),
                (&[ELSEWHERE], &[ELSEWHERE], None),
            ],
        ),
        (
            "both names",
            &[(BOTH, &[ELSEWHERE], None), (BOTH, &[ELSEWHERE], None)],
        ),
    ];
    let destination =
        json!({"host": "reviews.bookinfo.svc.cluster.local", "port": 9080, "subset": "v3"});
    let releases = releases(
        json!({}),
        json!([{"name": "shadow", "destination": destination}]),
    );
    let mirror = &releases.all()[0].mirrors[0];
    for (name, steps) in table {
        let found = FoundCluster::default();
        for (step, (existing, expected, outcome)) in steps.iter().enumerate() {
            let tried = RefCell::new(Vec::new());
            let sent = found.send(mirror, |cluster| {
                tried.borrow_mut().push(cluster.to_owned());
                let exists = existing.contains(&cluster);
                exists.then_some(()).ok_or(MirrorOutcome::NoCluster)
            });
            assert_eq!(tried.into_inner(), *expected, "{name}, copy {step}");
            assert_eq!(sent.err(), *outcome, "{name}, copy {step}");
        }
    }
}

#[test]
fn a_cluster_without_an_endpoint_exists_and_a_copy_that_cannot_be_sent_shows_nothing() {
    let destination = json!({"host": "reviews.bookinfo.svc.cluster.local", "port": 9080});
    let releases = releases(
        json!({}),
        json!([{"name": "shadow", "destination": destination}]),
    );
    let mirror = &releases.all()[0].mirrors[0];
    for (outcome, calls) in [
        (MirrorOutcome::Failed, 1),
        (MirrorOutcome::Skipped, 1),
        (MirrorOutcome::TooLarge, 1),
    ] {
        let (found, tried) = (FoundCluster::default(), Cell::new(0));
        let sent = found.send(mirror, |_| {
            tried.set(tried.get() + 1);
            Err::<(), _>(outcome)
        });
        assert_eq!((sent, tried.get()), (Err(outcome), calls));
        let next = found.send(mirror, |cluster| match cluster.starts_with("outbound|") {
            true => Err(MirrorOutcome::NoCluster),
            false => Ok(()),
        });
        let is_known = outcome == MirrorOutcome::Failed;
        assert_eq!(next.is_err(), is_known, "{outcome}");
    }
}

#[test]
fn a_mirror_that_names_its_cluster_has_no_other_name() {
    let releases = alone(json!({"cluster": ELSEWHERE}));
    let mirror = &releases.all()[0].mirrors[0];
    let found = FoundCluster::default();
    for _ in 0..3 {
        let sent = found.send(mirror, |cluster| {
            assert_eq!(cluster, ELSEWHERE);
            Err::<(), _>(MirrorOutcome::NoCluster)
        });
        assert_eq!(sent, Err(MirrorOutcome::NoCluster));
    }
}
