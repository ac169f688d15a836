//! The two answers to one request, production's and a mirror's. They are compared when both have
//! ended.

mod bounded;
mod production;

use std::borrow::Cow;
use std::sync::Arc;

pub use bounded::{BoundedReading, TimedAnswer};
pub use production::{EndedPairs, Pair, ProductionAnswer};

use super::compare::{Answer, Compare, Comparison};
use super::limits::Budget;
use super::redact::{secret_values, shown_query};
use super::{MirrorOutcome, Sample, Secrets};
use crate::request::{Header, RequestHead};

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

/// Two answers that were compared.
#[derive(Debug)]
pub struct ComparedPair {
    compare: Arc<Compare>,
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
            compare: Arc::clone(&self.compare),
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
        let Compare { redact, query, .. } = &*self.compare;
        let mut secrets = Secrets::of(request, answers, redact);
        let mut path = Cow::from(head.path());
        if *query && !head.query().is_empty() {
            secrets = secrets.with(secret_values(head.query()));
            path = [head.path(), b"?", &shown_query(head.query())]
                .concat()
                .into();
        }
        let sample = Sample {
            release,
            mirror,
            request_id: head.headers("x-request-id").next(),
            method: head.method(),
            path: &path,
            production_answer,
            mirror_answer,
            production_milliseconds: production_time,
            mirror_milliseconds: mirror_time,
            comparison: &self.comparison,
            redact,
            secrets: &secrets,
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
