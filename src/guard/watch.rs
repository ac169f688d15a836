//! One version under watch.

use std::fmt;

use super::{Counts, Evidence, Guard, Recent};

/// What is known about one version since its last verdict.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The totals at the last tick. None: there was no tick.
    last: Option<Counts>,
    evidence: Evidence,
    recent: Recent,
}

/// What shows that a version is failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It fails more often than the principal.
    ByEvidence(Counts),
    /// It fails more often than the ceiling allows.
    ByCeiling(Counts),
}

impl Watch {
    /// Adds the responses since the last tick, of these `totals`.
    pub fn add(&mut self, guard: &Guard, totals: Counts) -> Option<Shown> {
        let tick = totals.since(self.last.replace(totals)?);
        let evidence = guard
            .compares
            .then(|| self.evidence.add(guard, tick))
            .flatten();
        let ceiling = guard.ceiling;
        let recent = ceiling.and_then(|ceiling| self.recent.add(ceiling, tick));
        let evidence = evidence.map(Shown::ByEvidence);
        evidence.or_else(|| recent.map(Shown::ByCeiling))
    }
}

/// Prints `12 of 340 responses failed, of the principal's 3 of 3012 responses failed`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (counts, time) = match self {
            Self::ByEvidence(counts) => (counts, ""),
            Self::ByCeiling(counts) => (counts, " in the last 60 seconds"),
        };
        write!(
            f,
            "{}{time}; of the principal {}",
            counts.version, counts.principal
        )
    }
}
