//! Both answers to one request, in whatever order they end.

use std::sync::Arc;

use halftone::mirror::outbox::Budget;
use halftone::mirror::pairing::{Pairing, TimedAnswer};
use halftone::mirror::{BodyMode, Compare, MirrorOutcome};
use halftone::request::Header;
use proptest::prelude::*;

use crate::compare::{JSON, answer, compare, json, told};

fn timed(compare: &Compare, body: &str, milliseconds: u64, budget: &Budget) -> TimedAnswer {
    TimedAnswer {
        answer: answer(compare, &json(body)),
        milliseconds,
        held: budget.hold(1).unwrap(),
    }
}

/// What comes of events: `P` and `M` are answers of production and the mirror, `p` and `m` say that
/// there is none, `F` is a copy that failed, and `C` a copy that is not sent for another reason.
fn results(events: &str) -> Vec<String> {
    let budget = Budget::default().with_limit(100);
    let compare = Arc::new(compare(BodyMode::Auto));
    let mut pairing = Pairing::new(Arc::clone(&compare));
    let mut results = Vec::new();
    for event in events.chars() {
        let pair = match event {
            'P' => pairing.production_ended(Some(timed(&compare, "[1]", 3, &budget))),
            'p' => pairing.production_ended(None),
            'M' => pairing.mirror_ended(Some(timed(&compare, "[2]", 4, &budget))),
            'm' => pairing.mirror_ended(None),
            'F' => pairing.not_sent(MirrorOutcome::Failed),
            _ => pairing.not_sent(MirrorOutcome::TooMany),
        };
        if let Some(pair) = pair {
            let time = |answer: &Option<TimedAnswer>| answer.as_ref().map(|one| one.milliseconds);
            let times = (time(&pair.production), time(&pair.mirror));
            results.push(format!("{} {times:?}", told(&pair.comparison)));
            drop(pair);
            assert_eq!(budget.held(), 0, "{events}");
        }
    }
    drop(pairing);
    assert_eq!(budget.held(), 0, "{events}");
    results
}

#[test]
fn the_last_answer_brings_the_comparison() {
    let differ = "body '/0' (Some(3), Some(4))";
    let no_mirror = "not_compared; the mirror did not answer (Some(3), None)";
    let no_production = "not_compared; production did not answer (None, Some(4))";
    let neither = "not_compared; production did not answer (None, None)";
    let table: [(&str, &str, &[&str]); 16] = [
        ("nothing has ended", "", &[]),
        ("production alone", "P", &[]),
        ("the mirror alone", "M", &[]),
        ("production first", "PM", &[differ]),
        ("the mirror first", "MP", &[differ]),
        ("the mirror is missing", "Pm", &[no_mirror]),
        ("the mirror is missing first", "mP", &[no_mirror]),
        ("the copy failed", "PF", &[no_mirror]),
        ("the copy failed first", "FP", &[no_mirror]),
        ("production is missing", "pM", &[no_production]),
        ("production is missing last", "Mp", &[no_production]),
        ("both are missing", "mp", &[neither]),
        ("called off first", "CP", &[]),
        ("called off last", "PC", &[]),
        (
            "called off, and the mirror answers all the same",
            "CPM",
            &[],
        ),
        ("an answer that ends twice", "PPMMP", &[differ]),
    ];
    for (rule, events, expected) in table {
        assert_eq!(results(events), expected, "{rule}");
    }
}

#[test]
fn an_answer_holds_its_memory_until_it_is_read() {
    let head: [Header<'_>; 3] = [
        (b":status", b"200"),
        (b"content-type", JSON.as_bytes()),
        (b"x-total", b"12345"),
    ];
    let fetch = |size| vec![b' '; size];
    let table: [(&str, usize, &[usize], usize, Option<&str>); 5] = [
        ("no body", 5, &[], 5, None),
        ("a body", 105, &[50, 50], 105, None),
        (
            "no room for a chunk",
            104,
            &[50, 50],
            5,
            Some("there was no room for a body"),
        ),
        (
            "a chunk above the limit of the comparison",
            2_000,
            &[900, 101],
            5,
            Some("a body is too large"),
        ),
        (
            "nothing is read after that",
            104,
            &[50, 50, 1],
            5,
            Some("there was no room for a body"),
        ),
    ];
    for (rule, limit, chunks, held, unfit) in table {
        let budget = Budget::default().with_limit(limit);
        let pairing = Pairing::new(Arc::new(compare(BodyMode::Auto)));
        let mut reading = pairing.read(&head, false, &budget).unwrap();
        for size in chunks {
            reading.body(*size, fetch);
        }
        let answer = reading.end(7);
        assert_eq!(
            (answer.answer.unfit(), answer.milliseconds),
            (unfit, 7),
            "{rule}"
        );
        assert_eq!((budget.held(), answer.held.bytes()), (held, held), "{rule}");
        drop(answer);
        assert_eq!(budget.held(), 0, "{rule}");
    }
    let full = Budget::default().with_limit(4);
    let pairing = Pairing::new(Arc::new(compare(BodyMode::Auto)));
    assert!(pairing.read(&head, false, &full).is_none());
}

proptest! {
    #[test]
    fn a_pair_is_compared_once_and_only_if_both_answers_have_ended(events in "[PpMmFC]{0,8}") {
        let results = results(&events);
        let off = events.find('C').unwrap_or(events.len());
        let is_first = |set: &[char]| events.find(set).is_some_and(|at| at < off);
        let both = is_first(&['P', 'p']) && is_first(&['M', 'm', 'F']);
        prop_assert_eq!(results.len(), usize::from(both));
    }
}
