//! Both answers to one request, read as they pass.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::dispatch::milliseconds_since;
use super::host::{Buffer, Host, Map};
use crate::live::LiveMirror;
use crate::mirror::limits::Budget;
use crate::mirror::pairing::{ComparedPair, Pair, Pairing, TimedAnswer};
use crate::mirror::{Compare, ComparisonResult, MirrorOutcome};
use crate::request::HeaderPairs;

/// The answers of production and of a mirror to one request.
#[derive(Debug)]
pub struct LivePairing<H: Host> {
    mirror: Rc<LiveMirror<H::Metric>>,
    request: Rc<HeaderPairs>,
    state: RefCell<Pairing>,
}

impl<H: Host> Pair for LivePairing<H> {
    fn pairing(&self) -> &RefCell<Pairing> {
        &self.state
    }

    fn budget(&self) -> &Budget {
        &self.mirror.budget
    }
}

impl<H: Host> LivePairing<H> {
    pub fn new(
        mirror: &Rc<LiveMirror<H::Metric>>,
        compare: Arc<Compare>,
        request: &Rc<HeaderPairs>,
    ) -> Rc<Self> {
        Rc::new(Self {
            mirror: Rc::clone(mirror),
            request: Rc::clone(request),
            state: RefCell::new(Pairing::new(compare)),
        })
    }

    /// The mirror gets no copy, for this reason.
    pub fn not_sent(&self, outcome: MirrorOutcome) {
        let pair = self.state.borrow_mut().not_sent(outcome);
        self.report(pair);
    }

    /// The mirror has answered. Only in the root's answer callback.
    pub fn mirror_answered(
        &self,
        head: &HeaderPairs,
        body: usize,
        trailers: usize,
        sent_at: Instant,
    ) {
        let is_empty = body == 0 && trailers == 0;
        let pairing = self.state.borrow();
        let reading = pairing.read(&head.borrowed(), is_empty, &self.mirror.budget);
        drop(pairing);
        self.mirror_ended(reading.map(|mut reading| {
            reading.body(body, |size| H::buffer(Buffer::AnswerBody, size));
            if trailers > 0 {
                reading.trailers(&H::headers(Map::AnswerTrailers).borrowed());
            }
            reading.end(milliseconds_since::<H>(sent_at))
        }));
    }

    /// The mirror's answer has ended. None: it is missing, or it is not whole.
    pub fn mirror_ended(&self, answer: Option<TimedAnswer>) {
        let pair = self.state.borrow_mut().mirror_ended(answer);
        self.report(pair);
    }

    /// Counts and logs the result, if both answers have ended.
    pub fn report(&self, pair: Option<ComparedPair>) {
        let Some(pair) = pair else { return };
        let (mirror, result) = (&self.mirror, pair.comparison.result);
        mirror.metrics().count_comparison(result);
        match result {
            ComparisonResult::Same => {}
            ComparisonResult::NotCompared => {
                let why = pair.comparison.note.as_deref().unwrap_or_default();
                H::debug(format_args!("{}: not compared: {why}", mirror.full_name()));
            }
            _ if mirror.samples.borrow_mut().take(H::now()) => {
                let (release, name) = (&mirror.release.name, &mirror.mirror.name);
                let sample = pair.sample(release, name, &self.request.borrowed());
                H::warn(format_args!("{sample}"));
            }
            _ => {}
        }
    }
}
