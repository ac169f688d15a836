//! The copy of a request that a mirror gets.

use halftone::mirror::{Mirror, RequestKind, Uncarriable, announced_length};
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::mirrors::alone;

/// The headers of the mirror's copy of a request with these headers.
fn copy(fields: Value, headers: &[Header<'_>]) -> Result<Vec<(String, String)>, Uncarriable> {
    let releases = alone(fields);
    let mirror: &Mirror = &releases.all()[0].mirrors[0];
    let head = RequestHead::new(headers);
    let is_routing = |name: &[u8]| releases.settings().is_routing_header(name);
    let request = mirror.request(&head, RequestKind::of(&head), is_routing)?;
    let headers = request.headers.iter();
    Ok(headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect())
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
fn a_copy_is_the_request_without_headers_for_one_hop() {
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
fn a_mirror_can_change_the_headers_and_the_authority_of_a_copy() {
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
fn a_request_that_the_host_does_not_accept_is_not_copied() {
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
fn tunnels_and_grpc_calls_are_recognised() {
    let table: [(&str, &[Header<'_>], RequestKind); 7] = [
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
            "gRPC in capitals, with a parameter",
            &[(b"content-type", b"Application/gRPC; charset=utf-8")],
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

proptest! {
    #[test]
    fn no_head_panics_and_no_copy_has_an_excluded_header(
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
