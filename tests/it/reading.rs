//! Answers and gRPC messages as they pass, chunk by chunk.

use halftone::mirror::BodyMode;
use halftone::mirror::grpc::{Frames, Messages};
use halftone::request::Header;
use proptest::prelude::*;

use crate::compare::{JSON, compare, described, json, reading};

#[test]
fn chunks_do_not_matter_to_an_answer() {
    let compare = compare(BodyMode::Auto);
    for text in [
        json("[1, 2, 3]"),
        "200\n\nno JSON".to_owned(),
        "200\ncontent-type: application/grpc\n\n\0\0\0\0\x03abc~grpc-status: 0".to_owned(),
        "200\ncontent-type: application/grpc\n\n\0\0\0\0\x03abc\0~grpc-status: 0".to_owned(),
    ] {
        let whole = reading(&compare, &text, usize::MAX).end();
        for chunk in 1..10 {
            let parts = reading(&compare, &text, chunk).end();
            assert_eq!(
                described(&compare.compare(Some(&whole), Some(&parts))),
                described(&compare.compare(Some(&whole), Some(&whole)))
            );
        }
    }
}

#[test]
fn memory_is_known_before_it_is_taken_and_dropped_at_once() {
    let compare = compare(BodyMode::Auto);
    let head: [Header<'_>; 2] = [(b":status", b"200"), (b"content-type", JSON.as_bytes())];
    let mut reading = compare.read(&head, false);
    let mut held = 0;
    for length in [0, 1, 3, 0, 100, 7, 500, 300, 89] {
        let growth = reading.growth(length);
        reading.push(&vec![b' '; length]);
        held += growth;
        assert_eq!(reading.held(), held, "{length}");
        assert!(held <= 1_000);
    }
    assert_eq!((reading.wants(), reading.growth(1)), (true, 0));
    reading.push(b" ");
    assert_eq!(
        (reading.wants(), reading.held(), reading.growth(1)),
        (false, 0, 0)
    );
    reading.push(b" ");
    assert_eq!(reading.end().held(), 0);

    let mut reading = compare.read(&head, false);
    reading.push(b"[1]");
    reading.give_up();
    assert_eq!((reading.wants(), reading.held()), (false, 0));
    let answer = reading.end();
    assert_eq!(
        described(&compare.compare(Some(&answer), Some(&answer))),
        "not_compared; there was no room for a body"
    );

    let mut hashed = compare.read(&head[..1], false);
    assert_eq!((hashed.wants(), hashed.growth(1_000)), (true, 0));
    hashed.push(&[0; 1_000]);
    assert_eq!((hashed.wants(), hashed.held()), (true, 0));
    let ended = compare.read(&head, true);
    assert_eq!((ended.wants(), ended.growth(1)), (false, 0));
}

/// Bodies of a few whole messages, perhaps cut, with the index of the second message.
fn body() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let message = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..20));
    (
        prop::collection::vec(message, 0..4),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(messages, cut)| {
            let mut body = Vec::new();
            let mut second = usize::MAX;
            for (flags, message) in messages {
                body.push(flags);
                body.extend((message.len() as u32).to_be_bytes());
                body.extend(message);
                second = second.min(body.len());
            }
            body.truncate(cut.index(body.len() + 1));
            (body, second)
        })
}

proptest! {
    #[test]
    fn chunks_do_not_matter_to_grpc(
        (body, second) in body(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let mut frames = Frames::default();
        for cut in cuts.windows(2) {
            frames.push(&body[cut[0]..cut[1]]);
            let messages = match cut[1] {
                0 => Messages::None,
                length if length < second => Messages::Incomplete,
                length if length == second => Messages::One,
                _ => Messages::Many,
            };
            prop_assert_eq!(frames.messages(), messages);
            prop_assert_eq!(frames.is_stream(), messages == Messages::Many);
        }
    }
}
