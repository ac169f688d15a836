//! Both answers to one request, read as they pass.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::abi;
use super::dispatch::milliseconds_since;
use super::live::LiveMirror;
use crate::mirror::pairing::{BoundedReading, ComparedPair, Pairing, TimedAnswer};
use crate::mirror::{Compare, ComparisonResult, MirrorOutcome};
use crate::request::HeaderPairs;

/// The answers of production and of a mirror to one request.
pub struct LivePairing {
    mirror: Rc<LiveMirror>,
    request: Rc<HeaderPairs>,
    state: RefCell<Pairing>,
}

impl LivePairing {
    pub fn new(
        mirror: &Rc<LiveMirror>,
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
        let reading = self.read(head, body == 0 && trailers == 0);
        self.mirror_ended(reading.map(|mut reading| {
            reading.body(body, abi::answer_body);
            if trailers > 0 {
                reading.trailers(&abi::answer_trailers().borrowed());
            }
            reading.end(milliseconds_since(sent_at))
        }));
    }

    /// The mirror's answer has ended. None: it is missing, or it is not whole.
    pub fn mirror_ended(&self, answer: Option<TimedAnswer>) {
        let pair = self.state.borrow_mut().mirror_ended(answer);
        self.report(pair);
    }

    fn production_ended(&self, answer: Option<TimedAnswer>) {
        let pair = self.state.borrow_mut().production_ended(answer);
        self.report(pair);
    }

    fn read(&self, head: &HeaderPairs, end_of_stream: bool) -> Option<BoundedReading> {
        let pairing = self.state.borrow();
        pairing.read(&head.borrowed(), end_of_stream, &self.mirror.budget)
    }

    /// Counts and logs the result, if both answers have ended.
    fn report(&self, pair: Option<ComparedPair>) {
        let Some(pair) = pair else { return };
        let (mirror, result) = (&self.mirror, pair.comparison.result);
        mirror.metrics.count_comparison(result);
        match result {
            ComparisonResult::Same => {}
            ComparisonResult::NotCompared => {
                let why = pair.comparison.note.as_deref().unwrap_or_default();
                log::debug!("halftone: {}: not compared: {why}", mirror.full_name());
            }
            _ if mirror.samples.borrow_mut().take(abi::now()) => {
                let (release, name) = (&mirror.release.name, &mirror.mirror.name);
                let sample = pair.sample(release, name, &self.request.borrowed());
                log::warn!("halftone: {sample}");
            }
            _ => {}
        }
    }
}

/// Production's answer, read for each mirror whose answer is compared with it.
pub struct ProductionAnswer {
    asked_at: Instant,
    readers: Vec<(Rc<LivePairing>, Option<BoundedReading>)>,
}

impl ProductionAnswer {
    /// The answer to a request that came at `asked_at`. None: no pair waits for it.
    pub fn new(asked_at: Instant, pairings: impl Iterator<Item = Rc<LivePairing>>) -> Option<Self> {
        let readers: Vec<_> = pairings.map(|pairing| (pairing, None)).collect();
        (!readers.is_empty()).then_some(Self { asked_at, readers })
    }

    /// Whether a pair waits for its head.
    pub fn is_awaited(&self) -> bool {
        let mut readers = self.readers.iter();
        readers.any(|(pairing, _)| !pairing.state.borrow().is_called_off())
    }

    pub fn head(&mut self, headers: &HeaderPairs, end_of_stream: bool) {
        self.readers
            .retain(|(pairing, _)| !pairing.state.borrow().is_called_off());
        for (pairing, reading) in &mut self.readers {
            *reading = pairing.read(headers, end_of_stream);
        }
        if end_of_stream {
            self.end();
        }
    }

    /// The next `size` bytes of the body pass.
    pub fn body(&mut self, size: usize, end_of_stream: bool) {
        for reading in self.readings() {
            reading.body(size, abi::response_body);
        }
        if end_of_stream {
            self.end();
        }
    }

    /// The answer ends with trailers.
    pub fn trailers(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let trailers = abi::response_trailers();
        for reading in self.readings() {
            reading.trailers(&trailers.borrowed());
        }
        self.end();
    }

    fn readings(&mut self) -> impl Iterator<Item = &mut BoundedReading> {
        self.readers
            .iter_mut()
            .filter_map(|(_, reading)| reading.as_mut())
    }

    fn end(&mut self) {
        for (pairing, reading) in self.readers.drain(..) {
            let answer = reading.map(|reading| reading.end(milliseconds_since(self.asked_at)));
            pairing.production_ended(answer);
        }
    }

    /// The stream has ended. An answer that has not is not whole.
    pub fn gone(&mut self) {
        for (pairing, _) in self.readers.drain(..) {
            pairing.production_ended(None);
        }
    }
}
