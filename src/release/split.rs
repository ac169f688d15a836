//! Weights: which version a session, or a request without a session, gets.
//!
//! # Why not ranges
//!
//! The usual split lays the weights side by side and looks into which range a hash falls. With three
//! versions, a weight that grows moves the borders between the other two, and people change versions
//! that nobody touched. Here each version runs a race of its own: a time is drawn from the session's
//! number and the version's name, exponentially distributed, and divided by the weight. The earliest
//! time wins. This is weighted rendezvous hashing (Schindelhauer, Schomaker: *Weighted Distributed
//! Hash Tables*, SPAA 2005). A version wins with exactly its share of the sum. A weight that grows
//! makes its own version win more often, and no other version.

use std::sync::Arc;

use super::{Outcome, Version};
use crate::draw::Random;

/// Versions and their weights, at least one.
#[derive(Clone, Debug)]
pub struct Split {
    first: Arm,
    others: Vec<Arm>,
}

/// One version of a split.
#[derive(Clone, Debug)]
pub struct Arm {
    weight: f64,
    drawn: Arc<Outcome>,
    held: Arc<Outcome>,
}

impl Arm {
    /// An arm of `weight`, finite and above 0. Both outcomes lead to the same version, and may be the
    /// same outcome.
    #[must_use]
    pub fn new(weight: f64, drawn: Arc<Outcome>, held: Arc<Outcome>) -> Self {
        Self {
            weight,
            drawn,
            held,
        }
    }

    /// The outcome of a request that was drawn by chance.
    #[must_use]
    pub fn drawn(&self) -> &Arc<Outcome> {
        &self.drawn
    }

    /// The outcome of a request whose session was drawn.
    #[must_use]
    pub fn held(&self) -> &Arc<Outcome> {
        &self.held
    }

    /// The weight, relative to the sum of all weights of the split.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        self.drawn.version()
    }

    /// Its time in the race for a session's `number`: an exponential variate divided by the weight.
    #[must_use]
    pub fn time(&self, number: u64) -> f64 {
        Self::time_of(self.version(), self.weight, number)
    }

    /// The time of `version` with this `weight`.
    pub(super) fn time_of(version: &Version, weight: f64, number: u64) -> f64 {
        Random::new(number ^ version.salt()).next_exponential() / weight
    }
}

impl Split {
    /// A split between `arms`. None: there are no arms.
    #[must_use]
    pub fn new(arms: Vec<Arm>) -> Option<Self> {
        let mut arms = arms.into_iter();
        arms.next().map(|first| Self {
            first,
            others: arms.collect(),
        })
    }

    /// The arms, in the order of the configuration. A version of weight 0 has none.
    pub fn arms(&self) -> impl Iterator<Item = &Arm> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The share of `arm`: its weight divided by the sum of all weights.
    #[must_use]
    pub fn share(&self, arm: &Arm) -> f64 {
        arm.weight / self.arms().map(Arm::weight).sum::<f64>()
    }

    /// The arm that wins the race for a session's `number`. Of two arms with the same time, which one
    /// number in about 2^53 has, the first one wins.
    #[must_use]
    pub fn pick(&self, number: u64) -> &Arm {
        if self.others.is_empty() {
            return &self.first;
        }
        let mut winner = (self.first.time(number), &self.first);
        for arm in &self.others {
            let time = arm.time(number);
            if time < winner.0 {
                winner = (time, arm);
            }
        }
        winner.1
    }
}
