//! Which requests a mirror selects, and what it gets of them.

use std::time::Duration;

use halftone::mirror::{Mirror, MirrorOutcome, RequestKind, Uncarriable, announced_length};
use halftone::release::{Draws, Release, Releases};
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A release with these fields beside its name, and these mirrors.
fn releases(fields: Value, mirrors: Value) -> Releases {
    let mut release =
        json!({"name": "reviews", "hosts": ["*"], "principal": "v1", "mirrors": mirrors});
    if let (Some(release), Value::Object(fields)) = (release.as_object_mut(), fields) {
        release.extend(fields);
    }
    halftone::config::load_value(&json!({"releases": [release]})).unwrap()
}

/// One mirror, alone, with these fields.
fn alone(fields: Value) -> Releases {
    let mut mirror = json!({"name": "shadow", "cluster": "shadow"});
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    releases(json!({}), json!([mirror]))
}

/// The names of the mirrors that select the request.
fn selecting<'r>(release: &'r Release, headers: &[Header<'_>], chance: u64) -> Vec<&'r str> {
    let head = RequestHead::new(headers);
    let decision = release.decide(&head, chance);
    let mirrors = decision.mirrors(&head);
    mirrors.map(|(_, mirror)| &*mirror.name).collect()
}

/// The headers of the mirror's copy of a request with these headers.
fn copy(fields: Value, headers: &[Header<'_>]) -> Result<Vec<(String, String)>, Uncarriable> {
    let releases = alone(fields);
    let mirror: &Mirror = &releases.all()[0].mirrors[0];
    let head = RequestHead::new(headers);
    let is_routing = |name: &[u8]| releases.is_routing_header(name);
    let request = mirror.request(&head, RequestKind::of(&head), is_routing)?;
    let headers = request.headers.iter();
    Ok(headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect())
}

#[test]
fn writes_and_copies_are_mirrored_only_where_they_are_asked_for() {
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
    let decision = releases.all()[0].decide(&RequestHead::new(&headers), 7);
    assert_eq!(decision.outcome.log_entry(), "reviews/v1/principal");
}

#[test]
fn a_mirror_issues_no_session_but_takes_one_that_is_issued() {
    let session = json!({"cookie": {}});
    let mirrors = json!([{"name": "half", "cluster": "half", "percentage": 50}]);
    let headers: [Header<'_>; 1] = [(b":method", b"GET")];
    let head = RequestHead::new(&headers);

    let unsplit = releases(json!({"canary": {"session": session}}), mirrors.clone());
    let decision = unsplit.all()[0].decide(&head, 7);
    let _ = decision.mirrors(&head).count();
    assert_eq!(decision.issued(), None);

    let arms = json!([{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}]);
    let split = releases(
        json!({"canary": {"split": arms, "session": session}}),
        mirrors,
    );
    for chance in 0..200 {
        let decision = split.all()[0].decide(&head, chance);
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
    fn a_smaller_mirror_is_part_of_a_larger_one_and_both_keep_to_their_share(
        small in 0.01_f64..60.0, more in 0.0_f64..40.0, start: u64, by_session: bool,
    ) {
        let mirrors = json!([
            {"name": "small", "cluster": "a", "percentage": small},
            {"name": "large", "cluster": "b", "percentage": small + more},
        ]);
        let canary = json!({"canary": {"session": {"key": [{"header": "x-user"}]}}});
        let releases = releases(if by_session { canary } else { json!({}) }, mirrors);
        let mut draws = Draws::new(start);
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

    #[test]
    fn no_head_panics_and_no_copy_has_what_is_not_copied(
        headers in prop::collection::vec(
            (
                prop_oneof![
                    "[a-z-]{1,12}", Just(":authority".to_owned()), Just("x-envoy-retry-on".to_owned()),
                    Just("connection".to_owned()), Just("te".to_owned()), Just("content-length".to_owned()),
                    Just("x-halftone-version".to_owned()), Just("x-halftone-mirror".to_owned()),
                ],
                prop::collection::vec(any::<u8>(), 0..8),
            ), 0..20,
        ),
    ) {
        let borrowed: Vec<Header<'_>> =
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        let _ = announced_length(&RequestHead::new(&borrowed));
        if let Ok(copy) = copy(json!({}), &borrowed) {
            let (marks, others): (Vec<_>, Vec<_>) =
                copy.into_iter().partition(|(name, _)| name == "x-halftone-mirror");
            prop_assert_eq!(marks.len(), 1);
            for (name, _) in others {
                let is_copied = !name.starts_with("x-envoy-")
                    && !["connection", "te", "content-length", "x-halftone-version"].contains(&&*name);
                prop_assert!(is_copied, "{}", name);
            }
        }
    }
}

#[test]
fn a_tenth_of_a_thousandth_of_a_percent_is_told_apart() {
    let releases = alone(json!({"percentage": 0.0001}));
    let headers: [Header<'_>; 1] = [(b":method", b"GET")];
    let mut draws = Draws::new(3);
    let selected = |_: &u32| !selecting(&releases.all()[0], &headers, draws.next_u64()).is_empty();
    let count = (0..4_000_000).filter(selected).count();
    assert!(
        (1..=12).contains(&count),
        "{count} of 4,000,000, where 4 are expected"
    );
}

const REQUEST: [Header<'_>; 18] = [
    (b":authority", b"reviews:9080"),
    (b":path", b"/reviews/0?x=1"),
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b"accept", b"a"),
    (b"x-request-id", b"id"),
    (b"traceparent", b"trace"),
    (b"accept", b"b"),
    (b"content-length", b"12"),
    (b"connection", b"close, X-Hop"),
    (b"x-hop", b"1"),
    (b"te", b"trailers"),
    (b"x-envoy-upstream-rq-timeout-ms", b"9000"),
    (b"x-forwarded-client-cert", b"By=me"),
    (b"x-halftone-version", b"v9"),
    (b"authorization", b"Bearer t"),
    (b"x-env", b"production"),
    (b"accept", b"c"),
];

#[test]
fn a_copy_is_the_request_without_what_is_for_this_hop_alone() {
    let copy = copy(json!({}), &REQUEST).unwrap();
    let expected = [
        (":authority", "reviews:9080"),
        (":path", "/reviews/0?x=1"),
        (":method", "POST"),
        (":scheme", "http"),
        ("accept", "a"),
        ("x-request-id", "id"),
        ("traceparent", "trace"),
        ("accept", "b"),
        ("authorization", "Bearer t"),
        ("x-env", "production"),
        ("accept", "c"),
        ("x-halftone-mirror", "reviews"),
    ];
    assert_eq!(
        copy,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_copy_is_changed_as_the_mirror_says() {
    let fields = json!({
        "authority": "reviews-shadow",
        "headers": {
            "set": {"X-Env": "shadow", "x-new": "1", "accept": "all"},
            "remove": ["Authorization", "cookie"],
        },
    });
    let copy = copy(fields, &REQUEST).unwrap();
    let value = |name: &str| -> Vec<&str> {
        let of_name = copy.iter().filter(|header| header.0 == name);
        of_name.map(|header| header.1.as_str()).collect()
    };
    assert_eq!(value(":authority"), ["reviews-shadow"]);
    assert_eq!(value("x-env"), ["shadow"]);
    assert_eq!(value("x-new"), ["1"]);
    assert_eq!(value("accept"), ["all"]);
    assert!(value("authorization").is_empty());
}

#[test]
fn a_copy_of_a_grpc_call_asks_for_trailers() {
    let headers: [Header<'_>; 2] = [
        (b"content-type", b"application/grpc+proto"),
        (b"te", b"trailers"),
    ];
    let copy = copy(json!({}), &headers).unwrap();
    assert!(
        copy.contains(&("te".to_owned(), "trailers".to_owned())),
        "{copy:?}"
    );
}

#[test]
fn what_the_host_cannot_be_given_is_not_copied() {
    let bytes: [Header<'_>; 1] = [(b"x-name", b"\xff")];
    let long = vec![b'a'; 1 << 20];
    let large: [Header<'_>; 1] = [(b"x-name", &long)];
    let many = vec![(&b"a"[..], &b"b"[..]); 1025];
    let table: [(&str, Value, &[Header<'_>], Option<Uncarriable>); 4] = [
        (
            "a value that is not UTF-8",
            json!({}),
            &bytes,
            Some(Uncarriable::Bytes),
        ),
        (
            "one that is removed",
            json!({"headers": {"remove": ["x-name"]}}),
            &bytes,
            None,
        ),
        ("a mebibyte", json!({}), &large, Some(Uncarriable::TooLarge)),
        (
            "1,025 headers",
            json!({}),
            &many,
            Some(Uncarriable::TooLarge),
        ),
    ];
    for (name, fields, headers, expected) in table {
        assert_eq!(copy(fields, headers).err(), expected, "{name}");
    }
}

#[test]
fn what_is_no_request_is_told_from_one() {
    let table: [(&str, &[Header<'_>], RequestKind); 6] = [
        ("a get", &[(b":method", b"GET")], RequestKind::Plain),
        (
            "an upgrade",
            &[(b":method", b"GET"), (b"upgrade", b"websocket")],
            RequestKind::Tunnel,
        ),
        ("CONNECT", &[(b":method", b"CONNECT")], RequestKind::Tunnel),
        (
            "gRPC",
            &[(b"content-type", b"application/grpc")],
            RequestKind::Grpc,
        ),
        (
            "gRPC of a codec",
            &[(b"content-type", b"application/grpc+proto")],
            RequestKind::Grpc,
        ),
        (
            "gRPC-Web, framed in another way",
            &[(b"content-type", b"application/grpc-web")],
            RequestKind::Plain,
        ),
    ];
    for (name, headers, expected) in table {
        assert_eq!(
            RequestKind::of(&RequestHead::new(headers)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn what_is_not_answered_was_late_or_failed() {
    let table = [
        ("Envoy says late", 504, 5000, 5000, "timeout"),
        ("by its own clock", 504, 4000, 5000, "timeout"),
        ("nobody is there", 503, 2, 5000, "failed"),
        ("broken off", 0, 100, 5000, "failed"),
        ("it began, and did not end", 0, 5001, 5000, "timeout"),
        ("a turn of the loop early", 0, 4800, 5000, "timeout"),
        ("earlier than any turn takes", 0, 4700, 5000, "failed"),
        ("nobody is there, and that late", 503, 5003, 5000, "failed"),
        ("a short timeout", 0, 3, 4, "timeout"),
        ("an end before it", 0, 2, 4, "failed"),
    ];
    for (name, status, elapsed, timeout, outcome) in table {
        let [elapsed, timeout] = [elapsed, timeout].map(Duration::from_millis);
        let got = MirrorOutcome::of_silence(status, elapsed, timeout).to_string();
        assert_eq!(got, outcome, "{name}");
    }
    for (index, outcome) in MirrorOutcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome.index(), index);
    }
}
