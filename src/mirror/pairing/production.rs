//! Reads production's answer for the pairs that wait for it.

use std::cell::RefCell;
use std::rc::Rc;

use super::{BoundedReading, ComparedPair, Pairing, TimedAnswer};
use crate::mirror::limits::Budget;
use crate::request::{Header, HeaderPairs};

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
