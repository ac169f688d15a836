//! Weights: which version a session, or a request without one, gets.
//!
//! # Why not ranges
//!
//! The usual split lays the weights side by side and sees into which range a hash falls. With three
//! versions, a weight that grows moves the borders between the others, and people change versions
//! that nobody touched. Here every version runs a race of its own: a time is drawn from the
//! session's number and the version's name, exponentially distributed, and divided by the weight;
//! the earliest wins. This is weighted rendezvous hashing (Schindelhauer, Schomaker: *Weighted
//! Distributed Hash Tables*, SPAA 2005). A version wins with exactly its part of the sum, and a
//! weight that grows can make its own version win, never another one.

use std::sync::Arc;

use super::decision::Outcome;
use super::draws::Draws;
use super::version::Version;

/// Versions and their weights. There is at least one.
#[derive(Clone, Debug)]
pub struct Split {
    first: Arm,
    others: Vec<Arm>,
}

/// One version of a split.
#[derive(Clone, Debug)]
pub struct Arm {
    weight: f64,
    drawn: Outcome,
    held: Outcome,
}

impl Arm {
    /// An arm of `weight`: finite and above 0. Both outcomes are of one version; they may be the
    /// same.
    #[must_use]
    pub fn new(weight: f64, drawn: Outcome, held: Outcome) -> Self {
        Self {
            weight,
            drawn,
            held,
        }
    }

    /// The outcome for a request that chance sent here.
    #[must_use]
    pub fn drawn(&self) -> &Outcome {
        &self.drawn
    }

    /// The outcome for a request that its session sent here.
    #[must_use]
    pub fn held(&self) -> &Outcome {
        &self.held
    }

    /// Relative to the sum of all weights of the split.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The version that this arm leads to.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        self.drawn.version()
    }

    /// Its time in the race for `ticket`: an exponential variate divided by the weight.
    #[must_use]
    pub fn time(&self, ticket: u64) -> f64 {
        Draws::new(ticket ^ self.version().salt()).next_exponential() / self.weight
    }
}

impl Split {
    /// A split between `arms`; nothing, if there are none.
    #[must_use]
    pub fn new(arms: Vec<Arm>) -> Option<Self> {
        let mut arms = arms.into_iter();
        arms.next().map(|first| Self {
            first,
            others: arms.collect(),
        })
    }

    /// Its versions, in the order of the configuration. Those of weight 0 are not among them.
    pub fn arms(&self) -> impl Iterator<Item = &Arm> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The arm that `ticket` gets. Where two come in at the same time, one in about 2^53, the
    /// earlier one.
    #[must_use]
    pub fn pick(&self, ticket: u64) -> &Arm {
        if self.others.is_empty() {
            return &self.first;
        }
        let mut winner = (self.first.time(ticket), &self.first);
        for arm in &self.others {
            let time = arm.time(ticket);
            if time < winner.0 {
                winner = (time, arm);
            }
        }
        winner.1
    }
}
