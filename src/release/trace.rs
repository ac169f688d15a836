//! How a decision comes about, for those who want to know.

use super::{Arm, Outcome, Preview, RampedSplit, Rule, Split};
use crate::matching;

/// Hears each step of a decision. `()` hears nothing and costs nothing, so the filter pays nothing
/// for `halftonectl explain`.
pub trait Trace<'r>: matching::Trace<'r> {
    /// Whether it wants to hear of rules that cannot match. They are skipped otherwise.
    fn hears(&self) -> bool {
        true
    }

    /// The preview of a blue-green release was tested.
    fn preview(&mut self, _preview: &'r Preview, _matched: bool) {}

    /// A rule was tested. Those after one that matches are not tested.
    fn rule(&mut self, _rule: &'r Rule, _matched: bool) {}

    /// A split gave `winner` to the request with this `number`.
    fn split(&mut self, _split: &'r Split, _number: u64, _winner: &'r Arm) {}

    /// A ramp gave `outcome` to the request with this `number` at the time `now`.
    fn ramp(&mut self, _ramp: &'r RampedSplit, _number: u64, _now: u64, _outcome: &'r Outcome) {}
}

impl Trace<'_> for () {
    fn hears(&self) -> bool {
        false
    }
}
