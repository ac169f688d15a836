//! Both answers to one request, in any order.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use halftone::mirror::limits::Budget;
use halftone::mirror::pairing::{Pair, Pairing, ProductionAnswer, TimedAnswer};
use halftone::mirror::{BodyMode, Compare, MirrorOutcome};
use halftone::request::{Header, HeaderPairs};
use proptest::prelude::*;

use crate::captures::unwanted;
use crate::compare::{JSON, answer, compare, described, json};

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
            results.push(format!("{} {times:?}", described(&pair.comparison)));
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
    type Row<'r> = (&'r str, usize, &'r [usize], usize, Option<&'r str>);
    let table: [Row<'_>; 5] = [
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

/// A pair with a budget of its own.
struct Budgeted {
    pairing: RefCell<Pairing>,
    budget: Budget,
}

impl Pair for Budgeted {
    fn pairing(&self) -> &RefCell<Pairing> {
        &self.pairing
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

fn pairs(limits: &[usize]) -> Vec<Rc<Budgeted>> {
    let pair = |limit: &usize| {
        Rc::new(Budgeted {
            pairing: RefCell::new(Pairing::new(Arc::new(compare(BodyMode::Auto)))),
            budget: Budget::default().with_limit(*limit),
        })
    };
    limits.iter().map(pair).collect()
}

/// What comes of a mirror's answer `[1, 2]` after production's has ended.
fn with_mirror(pair: &Rc<Budgeted>) -> Option<String> {
    let answer = timed(
        &compare(BodyMode::Auto),
        "[1, 2]",
        9,
        &Budget::default().with_limit(1),
    );
    let compared = pair.pairing.borrow_mut().mirror_ended(Some(answer));
    compared.map(|pair| described(&pair.comparison))
}

#[test]
fn productions_answer_is_read_for_each_pair_that_waits() {
    const HEAD: [Header<'_>; 3] = [
        (b":status", b"200"),
        (b"content-type", JSON.as_bytes()),
        (b"set-cookie", b"12345"),
    ];
    const NOT_THERE: &str = "not_compared; production did not answer";
    type Answer = ProductionAnswer<Budgeted>;
    type Row<'r> = (
        &'r str,
        usize,
        fn(&mut Answer, &[Rc<Budgeted>]),
        bool,
        Option<&'r str>,
    );
    let table: [Row<'_>; 7] = [
        (
            "a whole answer",
            100,
            |answer, _| {
                answer.head(&HEAD, false);
                answer.body(3, |_| b"[1,".to_vec());
                answer.body(2, |_| b"2]".to_vec());
            },
            true,
            Some("headers set-cookie"),
        ),
        (
            "no room for the head",
            4,
            |answer, _| {
                answer.head(&HEAD, false);
                answer.body(5, unwanted);
            },
            true,
            Some(NOT_THERE),
        ),
        (
            "no head",
            100,
            |answer, _| answer.body(5, unwanted),
            true,
            Some(NOT_THERE),
        ),
        (
            "not whole",
            100,
            |answer, _| answer.head(&HEAD, false),
            false,
            Some(NOT_THERE),
        ),
        (
            "called off before the head",
            100,
            |answer, pairs| {
                let _ = pairs[0]
                    .pairing
                    .borrow_mut()
                    .not_sent(MirrorOutcome::TooMany);
                assert!(!answer.is_awaited());
                answer.head(&HEAD, false);
                answer.body(5, unwanted);
                answer.trailers(|| panic!("nobody wants them"));
            },
            true,
            None,
        ),
        (
            "called off after the head",
            100,
            |answer, pairs| {
                answer.head(&HEAD, false);
                let _ = pairs[0]
                    .pairing
                    .borrow_mut()
                    .not_sent(MirrorOutcome::TooMany);
            },
            true,
            None,
        ),
        (
            "an empty answer",
            100,
            |answer, _| answer.head(&HEAD, true),
            true,
            Some("headers set-cookie"),
        ),
    ];
    for (rule, limit, read, is_whole, expected) in table {
        let all = pairs(&[limit]);
        let mut answer = ProductionAnswer::new(all.iter().cloned()).unwrap();
        assert!(answer.is_awaited(), "{rule}");
        read(&mut answer, &all);
        let ended = if is_whole {
            answer.end(3)
        } else {
            answer.abandon()
        };
        assert!(
            ended.iter().all(|(_, compared)| compared.is_none()),
            "{rule}"
        );
        assert_eq!(with_mirror(&all[0]).as_deref(), expected, "{rule}");
        drop(ended);
        assert_eq!(all[0].budget.held(), 0, "{rule}");
    }
    assert!(Answer::new(std::iter::empty()).is_none());
}

#[test]
fn a_pair_without_room_does_not_matter_to_the_others() {
    let all = pairs(&[0, 100]);
    let mut answer = ProductionAnswer::new(all.iter().cloned()).unwrap();
    answer.head(
        &[(b":status", b"200"), (b"content-type", JSON.as_bytes())],
        false,
    );
    answer.body(5, |_| b"[1,2]".to_vec());
    answer.trailers(HeaderPairs::default);
    assert_eq!(answer.end(3).len(), 2);
    let results = all.iter().map(with_mirror).map(Option::unwrap);
    let expected = ["not_compared; there was no room for a body", "same"];
    assert_eq!(results.collect::<Vec<_>>(), expected);
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
