//! The two answers to one request, production's and a mirror's. They are compared when both have
//! ended.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::compare::{Answer, Compare, Comparison, Reading};
use super::limits::{Budget, Held};
use super::{MirrorOutcome, Sample, Secrets};
use crate::request::{Header, HeaderPairs, RequestHead};

/// A pair of answers that one request waits for.
///
/// The answers end in any order. The last one brings the comparison, once.
#[derive(Debug)]
pub struct Pairing {
    compare: Arc<Compare>,
    production: Awaited,
    mirror: Awaited,
    is_called_off: bool,
}

/// One of the answers.
#[derive(Debug)]
enum Awaited {
    Expected,
    /// None: the answer is missing, or it is not whole.
    Ended(Option<TimedAnswer>),
    /// The pair has been compared or called off.
    Dropped,
}

/// A whole answer, with the time that it took and the memory that it holds.
#[derive(Debug)]
pub struct TimedAnswer {
    /// The answer.
    pub answer: Answer,
    /// The time from the request to the end of the answer.
    pub milliseconds: u64,
    /// The memory of the answer.
    pub held: Held,
}

/// Two answers that were compared.
#[derive(Debug)]
pub struct ComparedPair {
    /// How they compare.
    pub comparison: Comparison,
    /// Production's answer. None: it is missing, or it is not whole.
    pub production: Option<TimedAnswer>,
    /// The mirror's answer. None: it is missing, or it is not whole.
    pub mirror: Option<TimedAnswer>,
}

impl Pairing {
    /// Waits for both answers.
    #[must_use]
    pub fn new(compare: Arc<Compare>) -> Self {
        Self {
            compare,
            production: Awaited::Expected,
            mirror: Awaited::Expected,
            is_called_off: false,
        }
    }

    /// Begins to read one of the answers by its head: `:status` among its `headers`, names in lower
    /// case. None: the budget has no room for it.
    #[must_use]
    pub fn read(
        &self,
        headers: &[Header<'_>],
        end_of_stream: bool,
        budget: &Budget,
    ) -> Option<BoundedReading> {
        let reading = self.compare.read(headers, end_of_stream);
        let held = budget.hold(reading.head_size())?;
        Some(BoundedReading { reading, held })
    }

    /// The mirror gets no copy, and this is why. A copy that failed counts as an answer that is
    /// missing. Any other outcome calls the pair off: there is nothing to compare.
    #[must_use]
    pub fn not_sent(&mut self, outcome: MirrorOutcome) -> Option<ComparedPair> {
        if outcome == MirrorOutcome::Failed {
            return self.mirror_ended(None);
        }
        self.is_called_off = true;
        (self.production, self.mirror) = (Awaited::Dropped, Awaited::Dropped);
        None
    }

    /// Whether there is nothing to compare.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        self.is_called_off
    }

    /// Production's answer has ended. Returns the comparison if both have.
    #[must_use]
    pub fn production_ended(&mut self, answer: Option<TimedAnswer>) -> Option<ComparedPair> {
        self.production.end(answer);
        self.compare()
    }

    /// The mirror's answer has ended. Returns the comparison if both have.
    #[must_use]
    pub fn mirror_ended(&mut self, answer: Option<TimedAnswer>) -> Option<ComparedPair> {
        self.mirror.end(answer);
        self.compare()
    }

    fn compare(&mut self) -> Option<ComparedPair> {
        if !self.production.has_ended() || !self.mirror.has_ended() {
            return None;
        }
        let (production, mirror) = (self.production.take(), self.mirror.take());
        Some(ComparedPair {
            comparison: self.compare.compare(answer(&production), answer(&mirror)),
            production,
            mirror,
        })
    }
}

fn answer(timed: &Option<TimedAnswer>) -> Option<&Answer> {
    timed.as_ref().map(|timed| &timed.answer)
}

impl ComparedPair {
    /// The log line about the pair: a [`Sample`] of the mirror `mirror` of `release`. `request` is the
    /// head of the request, names in lower case.
    #[must_use]
    pub fn sample(&self, release: &str, mirror: &str, request: &[Header<'_>]) -> String {
        let head = RequestHead::new(request);
        let answers = [&self.production, &self.mirror].map(answer);
        let times = [&self.production, &self.mirror].map(|side| Some(side.as_ref()?.milliseconds));
        let ([production_answer, mirror_answer], [production_time, mirror_time]) = (answers, times);
        let sample = Sample {
            release,
            mirror,
            request_id: head.headers("x-request-id").next(),
            method: head.method(),
            path: head.path(),
            production_answer,
            mirror_answer,
            production_milliseconds: production_time,
            mirror_milliseconds: mirror_time,
            comparison: &self.comparison,
            secrets: &Secrets::of(request, answers),
        };
        sample.to_string()
    }
}

impl Awaited {
    fn end(&mut self, answer: Option<TimedAnswer>) {
        if matches!(self, Self::Expected) {
            *self = Self::Ended(answer);
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    fn take(&mut self) -> Option<TimedAnswer> {
        match std::mem::replace(self, Self::Dropped) {
            Self::Ended(answer) => answer,
            Self::Expected | Self::Dropped => None,
        }
    }
}

/// An answer that is read within a budget.
#[derive(Debug)]
pub struct BoundedReading {
    reading: Reading,
    held: Held,
}

impl BoundedReading {
    /// Takes the next `size` bytes of the body, which `fetch` copies from the host, if they are
    /// wanted. A body without room in the budget is not compared.
    pub fn body(&mut self, size: usize, fetch: impl FnOnce(usize) -> Vec<u8>) {
        if size == 0 || !self.reading.wants() {
            return;
        }
        if self.reading.is_over(size) {
            self.reading.cut_short();
        } else if self.held.grow(self.reading.growth(size)) {
            self.reading.push(&fetch(size));
        } else {
            self.reading.give_up();
        }
        if !self.reading.wants() {
            let head = self.reading.head_size();
            self.held.shrink_to(head + self.reading.held());
        }
    }

    /// Takes the trailers.
    pub fn trailers(&mut self, trailers: &[Header<'_>]) {
        self.reading.trailers(trailers);
    }

    /// The answer has ended, `milliseconds` after the request.
    #[must_use]
    pub fn end(self, milliseconds: u64) -> TimedAnswer {
        TimedAnswer {
            answer: self.reading.end(),
            milliseconds,
            held: self.held,
        }
    }
}

/// A pair that waits for production's answer.
pub trait Pair {
    /// The pair.
    fn pairing(&self) -> &RefCell<Pairing>;

    /// The bytes that its answers may hold.
    fn budget(&self) -> &Budget;
}

/// Production's answer to one request, read for each pair that waits for it.
#[derive(Debug)]
pub struct ProductionAnswer<P> {
    /// None: the head is not there yet, or the budget had no room for it.
    readings: Vec<(Rc<P>, Option<BoundedReading>)>,
}

/// The pairs of an answer that has ended, each with its comparison if both answers have.
pub type EndedPairs<P> = Vec<(Rc<P>, Option<ComparedPair>)>;

impl<P: Pair> ProductionAnswer<P> {
    /// The answer that `pairs` wait for. None: there are no pairs.
    #[must_use]
    pub fn new(pairs: impl Iterator<Item = Rc<P>>) -> Option<Self> {
        let readings: Vec<_> = pairs.map(|pair| (pair, None)).collect();
        (!readings.is_empty()).then_some(Self { readings })
    }

    /// Whether a pair waits for it that is not called off.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let mut pairs = self.readings.iter();
        pairs.any(|(pair, _)| !pair.pairing().borrow().is_called_off())
    }

    /// Begins to read it: see [`Pairing::read`].
    pub fn head(&mut self, headers: &[Header<'_>], end_of_stream: bool) {
        self.readings
            .retain(|(pair, _)| !pair.pairing().borrow().is_called_off());
        for (pair, reading) in &mut self.readings {
            let pairing = pair.pairing().borrow();
            *reading = pairing.read(headers, end_of_stream, pair.budget());
        }
    }

    /// Takes the next `size` bytes of the body, which `fetch` copies from the host.
    pub fn body(&mut self, size: usize, fetch: impl Fn(usize) -> Vec<u8>) {
        for (_, reading) in &mut self.readings {
            if let Some(reading) = reading {
                reading.body(size, &fetch);
            }
        }
    }

    /// Takes the trailers, which `fetch` copies from the host.
    pub fn trailers(&mut self, fetch: impl FnOnce() -> HeaderPairs) {
        if self.readings.is_empty() {
            return;
        }
        let trailers = fetch();
        for (_, reading) in &mut self.readings {
            if let Some(reading) = reading {
                reading.trailers(&trailers.borrowed());
            }
        }
    }

    /// It has ended, `milliseconds` after the request.
    #[must_use]
    pub fn end(self, milliseconds: u64) -> EndedPairs<P> {
        self.finish(|reading| Some(reading?.end(milliseconds)))
    }

    /// It never comes, or is not whole.
    #[must_use]
    pub fn abandon(self) -> EndedPairs<P> {
        self.finish(|_| None)
    }

    fn finish(
        self,
        answer: impl Fn(Option<BoundedReading>) -> Option<TimedAnswer>,
    ) -> EndedPairs<P> {
        let pairs = self.readings.into_iter().map(|(pair, reading)| {
            let compared = pair
                .pairing()
                .borrow_mut()
                .production_ended(answer(reading));
            (pair, compared)
        });
        pairs.collect()
    }
}
