//! The life of a copy while its request passes.

use std::rc::Rc;
use std::sync::Arc;

use halftone::mirror::capture::{Capture, Ended, RequestCopy, Target};
use halftone::mirror::limits::{Budget, Permit, Permits};
use halftone::mirror::{Mirror, RequestKind};
use halftone::request::HeaderPairs;
use proptest::prelude::*;
use serde_json::json;

use crate::mirrors::alone;

const HEAD: usize = 100;

/// A mirror that has two permits. It is known by its limit.
struct Recipient {
    mirror: Arc<Mirror>,
    permits: Permits,
}

impl Target for Recipient {
    fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    fn permit(&self) -> Option<Permit> {
        self.permits.take(2)
    }
}

fn recipients(limits: &[usize]) -> Vec<Recipient> {
    let releases = alone(json!({}));
    let recipient = |limit: &usize| {
        let mut mirror = Mirror::clone(&releases.all()[0].mirrors[0]);
        mirror.max_body = *limit;
        Recipient {
            mirror: Arc::new(mirror),
            permits: Permits::default(),
        }
    };
    limits.iter().map(recipient).collect()
}

/// Fetches bytes that must not be fetched.
pub fn unwanted(size: usize) -> Vec<u8> {
    panic!("{size} bytes are fetched that nobody wants")
}

/// How each target came out, with its limit: `100: answered`.
#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    copies: Vec<RequestCopy<Recipient>>,
}

impl Seen {
    fn ended(&mut self, ended: Ended<Recipient>) {
        for (target, outcome) in ended {
            self.lines
                .push(format!("{}: {outcome}", target.mirror.max_body));
        }
    }

    fn end(&mut self, capture: Capture<Recipient>) {
        let (copies, ended) = capture.end();
        self.ended(ended);
        for copy in copies {
            let line = format!("{}: {} bytes", copy.target.mirror.max_body, copy.body.len());
            self.lines.push(line);
            self.copies.push(copy);
        }
    }
}

fn begin(
    targets: Vec<Recipient>,
    kind: RequestKind,
    budget: &Budget,
) -> (Capture<Recipient>, Seen) {
    let head = Rc::new(HeaderPairs::new(vec![0; HEAD]));
    let (capture, ended) = Capture::begin(targets, kind, head, budget);
    let mut seen = Seen::default();
    seen.ended(ended);
    (capture, seen)
}

#[test]
fn each_mirror_gets_a_copy_or_an_outcome() {
    const MESSAGE: &[u8] = b"\0\0\0\0\x03abc";
    const STREAM: &[u8] = b"\0\0\0\0\x01a\0\0\0\0\x01b";
    let (plain, grpc) = (RequestKind::Plain, RequestKind::Grpc);
    type Row<'r> = (
        &'r str,
        RequestKind,
        usize,
        &'r [usize],
        &'r [&'r [u8]],
        bool,
        &'r [&'r str],
    );
    let ten = &[b'x'; 10][..];
    let table: [Row<'_>; 17] = [
        ("no body", plain, 100, &[0], &[], true, &["0: 0 bytes"]),
        (
            "an empty chunk",
            plain,
            100,
            &[0],
            &[b""],
            true,
            &["0: 0 bytes"],
        ),
        (
            "a body",
            plain,
            200,
            &[20],
            &[ten, ten],
            true,
            &["20: 20 bytes"],
        ),
        (
            "too large for one",
            plain,
            400,
            &[19, 20],
            &[ten, ten],
            true,
            &["19: too_large", "20: 20 bytes"],
        ),
        (
            "too large for both",
            plain,
            400,
            &[9, 15],
            &[ten, ten],
            true,
            &["9: too_large", "15: too_large"],
        ),
        (
            "no room for the head",
            plain,
            99,
            &[20, 30],
            &[ten],
            true,
            &["20: too_many", "30: too_many"],
        ),
        (
            "no room for the body",
            plain,
            109,
            &[20, 30],
            &[ten],
            true,
            &["20: too_many", "30: too_many"],
        ),
        (
            "room for one copy",
            plain,
            219,
            &[20, 30],
            &[ten],
            true,
            &["30: too_many", "20: 10 bytes"],
        ),
        (
            "room for two copies",
            plain,
            220,
            &[20, 30],
            &[ten],
            true,
            &["20: 10 bytes", "30: 10 bytes"],
        ),
        (
            "the first to go gives room",
            plain,
            115,
            &[9, 15],
            &[ten, b"12345"],
            true,
            &["9: too_large", "15: 15 bytes"],
        ),
        (
            "abandoned",
            plain,
            400,
            &[20, 30],
            &[ten],
            false,
            &["20: skipped", "30: skipped"],
        ),
        (
            "abandoned after one ended",
            plain,
            400,
            &[9, 30],
            &[ten],
            false,
            &["9: too_large", "30: skipped"],
        ),
        (
            "one message",
            grpc,
            400,
            &[20],
            &[b"\0\0", b"\0\0\x03ab", b"c"],
            true,
            &["20: 8 bytes"],
        ),
        ("no message", grpc, 400, &[20], &[], true, &["20: skipped"]),
        (
            "half a message",
            grpc,
            400,
            &[20],
            &[b"\0\0\0\0\x03ab"],
            true,
            &["20: skipped"],
        ),
        (
            "a stream",
            grpc,
            400,
            &[20, 30],
            &[STREAM],
            true,
            &["20: skipped", "30: skipped"],
        ),
        (
            "a plain body like a stream",
            plain,
            400,
            &[20],
            &[MESSAGE, MESSAGE],
            true,
            &["20: 16 bytes"],
        ),
    ];
    for (rule, kind, limit, limits, chunks, is_whole, expected) in table {
        let budget = Budget::default().with_limit(limit);
        let (mut capture, mut seen) = begin(recipients(limits), kind, &budget);
        for chunk in chunks {
            seen.ended(capture.body(chunk.len(), |_| chunk.to_vec()));
        }
        if is_whole {
            seen.end(capture);
        } else {
            seen.ended(capture.abandon());
        }
        assert_eq!(seen.lines, expected, "{rule}");
        drop(seen);
        assert_eq!(budget.held(), 0, "{rule}");
    }
}

#[test]
fn a_mirror_without_a_permit_gets_no_copy_and_holds_nothing() {
    let budget = Budget::default().with_limit(HEAD * 4);
    let targets = recipients(&[1, 2]);
    let taken = [targets[0].permit(), targets[0].permit()];
    let (capture, mut seen) = begin(targets, RequestKind::Plain, &budget);
    seen.end(capture);
    assert_eq!(seen.lines, ["1: too_many", "2: 0 bytes"]);
    assert_eq!(budget.held(), HEAD);
    drop(taken);
}

#[test]
fn bytes_that_nobody_wants_are_not_fetched() {
    let budget = Budget::default().with_limit(1_000);
    let (mut capture, _) = begin(recipients(&[10]), RequestKind::Plain, &budget);
    let fetched = |size| vec![b'x'; size];
    let _ = capture.body(0, unwanted);
    assert!(capture.body(10, fetched).is_empty());
    assert_eq!(capture.body(1, unwanted).len(), 1);
    assert_eq!((capture.targets().len(), budget.held()), (0, 0));
    assert!(capture.body(1, unwanted).is_empty());
    assert!(capture.abandon().is_empty());
}

proptest! {
    #[test]
    fn a_copy_is_whole_and_never_above_a_limit(
        limits in prop::collection::vec(0_usize..300, 1..5),
        sizes in prop::collection::vec(0_usize..100, 0..8),
        budget in 0_usize..3_000,
        is_whole: bool,
    ) {
        let length: usize = sizes.iter().sum();
        let budget = Budget::default().with_limit(budget);
        let (mut capture, mut seen) = begin(recipients(&limits), RequestKind::Plain, &budget);
        let mut body = Vec::new();
        for (index, size) in sizes.into_iter().enumerate() {
            let chunk = vec![index as u8; size];
            body.extend_from_slice(&chunk);
            seen.ended(capture.body(size, |_| chunk));
        }
        if is_whole {
            seen.end(capture);
        } else {
            seen.ended(capture.abandon());
        }
        prop_assert_eq!(seen.lines.len(), limits.len(), "{:?}", &seen.lines);
        let mut memory = 0;
        for copy in &seen.copies {
            prop_assert_eq!(&*copy.body, &body);
            prop_assert!(length <= copy.target.mirror.max_body);
            prop_assert!(copy.held.bytes() >= HEAD + copy.body.capacity());
            memory += copy.held.bytes();
        }
        prop_assert_eq!(budget.held(), memory);
        drop(seen);
        prop_assert_eq!(budget.held(), 0);
    }

    #[test]
    fn chunks_do_not_matter_to_a_copy(
        limits in prop::collection::vec(0_usize..300, 1..5),
        cuts in prop::collection::vec(1_usize..100, 1..8),
        length in 0_usize..300,
    ) {
        let budget = Budget::default().with_limit(100_000);
        let lines = |cuts: &[usize]| {
            let (mut capture, mut seen) = begin(recipients(&limits), RequestKind::Plain, &budget);
            let (mut left, mut cuts) = (length, cuts.iter().cycle());
            while left > 0 {
                let size = left.min(*cuts.next().unwrap());
                seen.ended(capture.body(size, |size| vec![0; size]));
                left -= size;
            }
            seen.end(capture);
            seen.lines.sort();
            seen.lines
        };
        prop_assert_eq!(lines(&cuts), lines(&[usize::MAX]));
    }
}
