//! Reads an answer within a budget.

use crate::mirror::compare::{Answer, Reading};
use crate::mirror::limits::Held;
use crate::request::Header;

/// An answer that is read within a budget.
#[derive(Debug)]
pub struct BoundedReading {
    pub(super) reading: Reading,
    pub(super) held: Held,
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
