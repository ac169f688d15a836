//! What plugins beside each other share about a request.

use halftone::config::load;
use halftone::request::{Header, HeaderPairs};
use halftone::serving::Reading;

const CONFIG: &[u8] = br#"{"releases": [{
    "name": "reviews", "hosts": ["reviews", "*.reviews.io"], "principal": "v1", "blueGreen": {"active": "v2"}
}]}"#;

fn reading(reader: u32, headers: &[Header<'_>]) -> Reading {
    let mut reading = Reading::default();
    reading.read(reader, &HeaderPairs::of(headers));
    reading
}

#[test]
fn a_request_concerns_the_plugin_that_claims_it_and_the_one_that_removes_a_header() {
    let releases = load(CONFIG).unwrap();
    for (authority, header, concerns) in [
        ("reviews", "accept", true),
        ("REVIEWS:80", "accept", true),
        ("a.reviews.io", "accept", true),
        ("ratings", "accept", false),
        ("", "accept", false),
        ("ratings", "x-halftone-version", true),
        // As long as the header that the release routes by.
        ("ratings", "x-halftone-chapter", false),
    ] {
        let headers: [Header<'_>; 2] = [
            (b":authority", authority.as_bytes()),
            (header.as_bytes(), b"v1"),
        ];
        let reading = reading(5, &headers);
        assert_eq!(
            !reading.is_of_no_concern(6, &releases),
            concerns,
            "{authority} {header}"
        );
    }
}

#[test]
fn only_the_newest_reading_counts_and_only_for_contexts_after_it() {
    let releases = load(CONFIG).unwrap();
    let headers: [Header<'_>; 1] = [(b":authority", b"ratings")];
    let of = |reader, context| reading(reader, &headers).is_of_no_concern(context, &releases);
    for (reader, context, counts) in [
        (5, 6, true),
        (5, 9, true),
        (5, 5, false),
        (5, 4, false),
        (u32::MAX - 2, 3, true),
        (3, u32::MAX - 2, false),
    ] {
        assert_eq!(of(reader, context), counts, "{reader} {context}");
    }

    let mut reading = reading(5, &headers);
    let read = |reading: &mut Reading, reader, authority: &[u8]| {
        let headers: [Header<'_>; 1] = [(b":authority", authority)];
        reading.read(reader, &HeaderPairs::of(&headers));
    };
    read(&mut reading, 3, b"reviews");
    assert!(
        reading.is_of_no_concern(6, &releases),
        "an older reading came later"
    );
    read(&mut reading, 7, b"reviews");
    assert!(
        !reading.is_of_no_concern(6, &releases),
        "the reading of a later request"
    );
    assert!(
        !reading.is_of_no_concern(8, &releases),
        "the host is claimed"
    );
    read(&mut reading, 9, b"ratings");
    assert!(reading.is_of_no_concern(10, &releases));
    reading.forget();
    assert!(
        !reading.is_of_no_concern(10, &releases),
        "the request was changed"
    );
}
