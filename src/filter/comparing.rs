//! The two answers to one request, production's and a mirror's: whichever comes last, both are
//! compared then.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use super::abi;
use super::live::LiveMirror;
use super::mirroring::{hold, milliseconds_since};
use crate::mirror::outbox::Held;
use crate::mirror::{Answer, Compare, Comparison, ComparisonResult, Reading, Sample, Secrets};
use crate::request::{HeaderPairs, RequestHead};

/// Two answers that are to be compared.
pub struct Comparing {
    mirror: Rc<LiveMirror>,
    request: Rc<HeaderPairs>,
    production: RefCell<Side>,
    mirrored: RefCell<Side>,
    is_called_off: Cell<bool>,
}

/// What is known of one of the answers.
enum Side {
    Expected,
    Answered(Timed),
    /// There is none, or not a whole one.
    Missing,
}

/// A whole answer, and how long it took.
struct Timed {
    answer: Answer,
    milliseconds: u64,
    _held: Held,
}

impl Comparing {
    pub fn new(mirror: &Rc<LiveMirror>, request: &Rc<HeaderPairs>) -> Rc<Self> {
        Rc::new(Self {
            mirror: Rc::clone(mirror),
            request: Rc::clone(request),
            production: RefCell::new(Side::Expected),
            mirrored: RefCell::new(Side::Expected),
            is_called_off: Cell::new(false),
        })
    }

    /// No copy is sent, so there is nothing to compare with.
    pub fn call_off(&self) {
        self.is_called_off.set(true);
    }

    fn compare(&self) -> Option<&Compare> {
        self.mirror.mirror.compare.as_ref()
    }

    /// Begins to read one of the answers: its head is this.
    /// Nothing, where there is no room for it.
    fn read(&self, headers: &HeaderPairs, end_of_stream: bool, asked_at: Instant) -> Option<Read> {
        let compare = self.compare()?;
        let reading = compare.read(&headers.borrowed(), end_of_stream);
        let (mut held, limit) = (hold(), self.mirror.budget);
        held.grow(reading.head_size(), limit).then_some(Read {
            reading,
            held,
            limit,
            asked_at,
        })
    }

    /// There is no answer of the mirror, or no whole one.
    pub fn mirror_is_missing(&self) {
        self.mirrored.replace(Side::Missing);
        self.compare_if_complete();
    }

    /// The mirror's answer is there, to a copy that was sent then. From the root's answer callback.
    pub fn mirror_answered(
        &self,
        headers: &HeaderPairs,
        body: usize,
        trailers: usize,
        sent_at: Instant,
    ) {
        let is_empty = body == 0 && trailers == 0;
        let side = self.read(headers, is_empty, sent_at).map(|mut read| {
            read.chunk(body, abi::answer_body);
            if trailers > 0 {
                read.trailers(&abi::answer_trailers());
            }
            read.end()
        });
        self.mirrored.replace(side.unwrap_or(Side::Missing));
        self.compare_if_complete();
    }

    fn production_ended(&self, side: Side) {
        self.production.replace(side);
        self.compare_if_complete();
    }

    fn compare_if_complete(&self) {
        let (production, mirror) = (self.production.borrow(), self.mirrored.borrow());
        let is_complete =
            !matches!(*production, Side::Expected) && !matches!(*mirror, Side::Expected);
        if is_complete && let Some(compare) = self.compare() {
            self.finish(compare, production.timed(), mirror.timed());
        }
    }

    fn finish(&self, compare: &Compare, production: Option<&Timed>, mirror: Option<&Timed>) {
        let answers = [production, mirror].map(|side| side.map(|timed| &timed.answer));
        let [production_answer, mirror_answer] = answers;
        let comparison = compare.compare(production_answer, mirror_answer);
        self.mirror.metrics.count_comparison(comparison.result);
        match comparison.result {
            ComparisonResult::Same => {}
            ComparisonResult::NotCompared => {
                let why = comparison.note.as_deref().unwrap_or_default();
                log::debug!("halftone: {}: not compared: {why}", self.mirror.full_name());
            }
            _ => self.tell(&comparison, production, mirror),
        }
    }

    /// Logs a differing pair, if it is one of the few that are.
    fn tell(&self, comparison: &Comparison, production: Option<&Timed>, mirror: Option<&Timed>) {
        if !self.mirror.samples.borrow_mut().take(abi::now()) {
            return;
        }
        let answers = [production, mirror].map(|side| side.map(|timed| &timed.answer));
        let [production_answer, mirror_answer] = answers;
        let request = self.request.borrowed();
        let head = RequestHead::new(&request);
        let sample = Sample {
            release: &self.mirror.release.name,
            mirror: &self.mirror.mirror.name,
            request_id: head.headers("x-request-id").next(),
            method: head.method(),
            path: head.path(),
            production_answer,
            mirror_answer,
            production_milliseconds: production.map(|timed| timed.milliseconds),
            mirror_milliseconds: mirror.map(|timed| timed.milliseconds),
            comparison,
            secrets: &Secrets::of(&request, answers),
        };
        log::warn!("halftone: {sample}");
    }
}

impl Side {
    fn timed(&self) -> Option<&Timed> {
        match self {
            Self::Answered(timed) => Some(timed),
            Self::Expected | Self::Missing => None,
        }
    }
}

/// An answer that is being read.
struct Read {
    reading: Reading,
    held: Held,
    limit: usize,
    asked_at: Instant,
}

impl Read {
    /// `size` bytes of the body are there, for `fetch` to fetch if they are wanted.
    fn chunk(&mut self, size: usize, fetch: impl FnOnce(usize) -> Vec<u8>) {
        if size == 0 || !self.reading.wants() {
            return;
        }
        if self.reading.is_over(size) {
            self.reading.cut_short();
        } else if self.held.grow(self.reading.growth(size), self.limit) {
            self.reading.push(&fetch(size));
        } else {
            self.reading.give_up();
        }
        if !self.reading.wants() {
            let head = self.reading.head_size();
            self.held.shrink_to(head + self.reading.held());
        }
    }

    fn trailers(&mut self, trailers: &HeaderPairs) {
        self.reading.trailers(&trailers.borrowed());
    }

    fn end(self) -> Side {
        Side::Answered(Timed {
            answer: self.reading.end(),
            milliseconds: milliseconds_since(self.asked_at),
            _held: self.held,
        })
    }
}

/// Production's answer, read as it passes for each mirror whose answer is compared with it.
pub struct ProductionAnswer {
    asked_at: Instant,
    readers: Vec<(Rc<Comparing>, Option<Read>)>,
}

impl ProductionAnswer {
    /// The answer to a request that came then, which `comparing` wait for.
    pub fn new(asked_at: Instant, comparing: impl Iterator<Item = Rc<Comparing>>) -> Self {
        Self {
            asked_at,
            readers: comparing.map(|one| (one, None)).collect(),
        }
    }

    /// Whether nobody waits for it.
    pub fn is_unwanted(&self) -> bool {
        self.readers.is_empty()
    }

    /// Whether its head is to be compared.
    pub fn is_awaited(&self) -> bool {
        let mut readers = self.readers.iter();
        readers.any(|(comparing, _)| !comparing.is_called_off.get())
    }

    /// Its head is there.
    pub fn head(&mut self, headers: &HeaderPairs, end_of_stream: bool) {
        self.readers
            .retain(|(comparing, _)| !comparing.is_called_off.get());
        for (comparing, read) in &mut self.readers {
            *read = comparing.read(headers, end_of_stream, self.asked_at);
        }
        if end_of_stream {
            self.end();
        }
    }

    /// The next `size` bytes of its body pass.
    pub fn body(&mut self, size: usize, end_of_stream: bool) {
        for (_, read) in &mut self.readers {
            if let Some(read) = read {
                read.chunk(size, abi::response_body);
            }
        }
        if end_of_stream {
            self.end();
        }
    }

    /// It ends with trailers.
    pub fn trailers(&mut self) {
        if self.is_unwanted() {
            return;
        }
        let trailers = abi::response_trailers();
        for (_, read) in &mut self.readers {
            if let Some(read) = read {
                read.trailers(&trailers);
            }
        }
        self.end();
    }

    fn end(&mut self) {
        for (comparing, read) in self.readers.drain(..) {
            comparing.production_ended(read.map_or(Side::Missing, Read::end));
        }
    }

    /// It has ended, whole or not.
    pub fn gone(&mut self) {
        for (comparing, _) in self.readers.drain(..) {
            comparing.production_ended(Side::Missing);
        }
    }
}
