//! Copies from the end of their requests to the answers of their mirrors.

use std::collections::BTreeMap;
use std::rc::Rc;

use halftone::mirror::capture::RequestCopy;
use halftone::mirror::limits::{Budget, Permits};
use halftone::mirror::outbox::Outbox;
use halftone::mirror::{MirrorOutcome, RequestKind};
use proptest::prelude::*;

/// The copies of a test, each a number.
struct Bench {
    outbox: Outbox<u32, u64>,
    budget: Budget,
    permits: Permits,
    next: u32,
}

impl Bench {
    fn new() -> Self {
        Self {
            outbox: Outbox::default(),
            budget: Budget::default().with_limit(1_000),
            permits: Permits::default(),
            next: 0,
        }
    }

    /// Puts one copy, and returns whether it asks for a wake-up.
    fn put(&mut self) -> bool {
        self.next += 1;
        self.outbox.put(RequestCopy {
            target: self.next,
            kind: RequestKind::Plain,
            head: Rc::default(),
            body: Rc::default(),
            held: self.budget.hold(1).unwrap(),
            permit: self.permits.take(1_000).unwrap(),
        })
    }

    /// Sends all that wait, as the calls of their own numbers. Every third one fails.
    fn send_all(&self) -> Vec<(u32, MirrorOutcome)> {
        self.outbox.send_all(
            || 5,
            |copy| match copy.target % 3 {
                0 => Err(MirrorOutcome::NoCluster),
                _ => Ok(copy.target),
            },
        )
    }

    /// The copies that hold memory and a permit.
    fn held(&self) -> usize {
        let held = self.budget.held();
        // As many permits are taken: one more would be the next.
        assert!(self.permits.take(held as u32).is_none());
        assert!(self.permits.take(held as u32 + 1).is_some());
        held
    }
}

#[test]
fn one_wake_up_sends_all_copies_that_wait() {
    let mut bench = Bench::new();
    assert!(bench.outbox.is_empty());
    assert_eq!(
        [bench.put(), bench.put(), bench.put()],
        [true, false, false]
    );
    assert!(!bench.outbox.is_empty());
    assert_eq!(bench.send_all(), [(3, MirrorOutcome::NoCluster)]);
    assert_eq!(bench.send_all(), []);
    assert!(bench.put());
    assert_eq!(bench.held(), 3);
}

#[test]
fn a_copy_holds_memory_and_a_permit_until_its_answer_is_read() {
    let mut bench = Bench::new();
    let _ = (bench.put(), bench.send_all());
    let copy = bench.outbox.answered(1).unwrap();
    assert_eq!(
        (copy.target, copy.kind, copy.sent_at),
        (1, RequestKind::Plain, 5)
    );
    assert_eq!(bench.held(), 1);
    drop(copy);
    assert_eq!(bench.held(), 0);
    assert!(bench.outbox.answered(1).is_none());
    assert!(bench.outbox.is_empty());
}

#[test]
fn a_cancelled_copy_has_failed_and_a_waiting_one_still_waits() {
    let mut bench = Bench::new();
    let _ = (bench.put(), bench.send_all(), bench.put());
    assert_eq!(bench.outbox.cancelled(), [(1, MirrorOutcome::Failed)]);
    assert_eq!(bench.held(), 1);
    assert!(!bench.outbox.is_empty());
    assert_eq!(bench.send_all(), []);
    assert_eq!(bench.outbox.answered(2).map(|copy| copy.target), Some(2));
}

proptest! {
    #[test]
    fn each_copy_comes_out_once(steps in prop::collection::vec(0_u32..20, 0..60)) {
        let mut bench = Bench::new();
        let mut out = BTreeMap::new();
        for step in steps {
            let mut seen = |number| *out.entry(number).or_insert(0) += 1;
            match step {
                0..8 => {
                    let _ = bench.put();
                }
                8..11 => bench.send_all().into_iter().for_each(|(number, _)| seen(number)),
                11 => bench.outbox.cancelled().into_iter().for_each(|(number, _)| seen(number)),
                call => {
                    if let Some(copy) = bench.outbox.answered(call - 11) {
                        seen(copy.target);
                    }
                }
            }
            let left = bench.next as usize - out.len();
            prop_assert_eq!(bench.held(), left);
            prop_assert_eq!(bench.outbox.is_empty(), left == 0);
        }
        for (number, _) in bench.send_all().into_iter().chain(bench.outbox.cancelled()) {
            *out.entry(number).or_insert(0) += 1;
        }
        prop_assert_eq!(out.len(), bench.next as usize);
        prop_assert!(out.values().all(|times| *times == 1), "{:?}", out);
        prop_assert_eq!(bench.held(), 0);
    }
}
