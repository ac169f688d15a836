//! The shares that a configuration promises, computed and not drawn.
//!
//! The head of a request settles all conditions but percentages. Percentages of different rules, and
//! splits, are drawn independently, so their shares multiply. The percentages of one rule share one
//! draw, so the largest of its matches decides.

use super::{Outcome, RampedSplit, Release, Split, Strategy, Target};
use crate::draw::{Draw, Percentage, Ticket};
use crate::matching::{Condition, Match};
use crate::request::RequestHead;

impl Release {
    /// The probability of each outcome, in the order of [`Release::outcomes`], for all sessions whose
    /// requests have this `head` at the time `now`. The sum is 1.
    #[must_use]
    pub fn shares(&self, head: &RequestHead<'_>, now: u64) -> Vec<f64> {
        let is_held = Ticket::new(self.session.as_ref(), Draw::default()).is_held(head);
        let mut shares = vec![0.0; self.outcomes.len()];
        let mut add = |outcome, share| add_to(&mut shares, outcome, share);
        let (apart, part) = self.apart(is_held);
        for (outcome, share) in apart {
            let left = self.strategy.share_named(head, share, &mut add);
            add(outcome.index(), left);
        }
        let left = self.strategy.share_claims(head, part, is_held, &mut add);
        self.strategy.share_rest(left, is_held, now, &mut add);
        shares
    }

    /// The share of each version, in the order of [`Release::versions`], of the requests that no rule
    /// and no preview claims, at the time `now`. The sum is 1.
    #[must_use]
    pub fn configured_shares(&self, now: u64) -> Vec<f64> {
        let mut shares = vec![0.0; self.versions.len()];
        let is_held = self.session.is_some();
        let mut add = |outcome: usize, share| {
            if let Some(outcome) = self.outcomes.get(outcome) {
                add_to(&mut shares, outcome.version().index(), share);
            }
        };
        let (apart, part) = self.apart(is_held);
        for (outcome, share) in apart {
            add(outcome.index(), share);
        }
        self.strategy.share_rest(part, is_held, now, &mut add);
        shares
    }

    /// The outcomes of the sessions that take no part, each with its share, and the share of those that
    /// take part.
    fn apart(&self, is_held: bool) -> (Vec<(&Outcome, f64)>, f64) {
        let Some(aside) = self.aside.as_deref().filter(|_| self.strategy.draws()) else {
            return (Vec::new(), 1.0);
        };
        let shares = aside.cohort().shares(is_held);
        let apart = shares.iter().filter_map(|(apart, share)| {
            let outcome = aside.outcome(*apart)?;
            Some((&**outcome, *share))
        });
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        (apart.collect(), 1.0 - all)
    }
}

fn add_to(shares: &mut [f64], index: usize, share: f64) {
    if let Some(sum) = shares.get_mut(index) {
        *sum += share;
    }
}

impl Strategy {
    /// Whether sessions can be apart: none is while a version takes over.
    fn draws(&self) -> bool {
        matches!(
            self,
            Self::Canary {
                take_over: None,
                ..
            }
        )
    }

    /// Adds what the rules that name a version claim of the sessions that are apart, which are the part
    /// `left` of all and in no percentage. Returns the part that they leave.
    fn share_named(
        &self,
        head: &RequestHead<'_>,
        left: f64,
        add: &mut impl FnMut(usize, f64),
    ) -> f64 {
        let Self::Canary { rules, .. } = self else {
            return left;
        };
        let mut rules = rules.all().iter();
        let first = rules.find(|rule| probability(&rule.matches, head, |_| 0.0) > 0.0);
        match first.map(|rule| &rule.target) {
            Some(Target::Version(outcome)) => {
                add(outcome.index(), left);
                0.0
            }
            _ => left,
        }
    }

    /// Adds the shares of the preview or of the rules, of the part `left` of all, and returns the part
    /// that they leave.
    fn share_claims(
        &self,
        head: &RequestHead<'_>,
        mut left: f64,
        is_held: bool,
        add: &mut impl FnMut(usize, f64),
    ) -> f64 {
        let part = |percentage: &Percentage| percentage.percent() / 100.0;
        match self {
            Self::BlueGreen {
                preview: Some(preview),
                ..
            } => {
                let claimed = left * probability(&preview.matches, head, part);
                add(preview.outcome.index(), claimed);
                left -= claimed;
            }
            Self::Canary {
                take_over: None,
                rules,
                ..
            } => {
                for rule in rules.all() {
                    let claimed = left * probability(&rule.matches, head, part);
                    match &rule.target {
                        Target::Version(outcome) => add(outcome.index(), claimed),
                        Target::Split(split) => split.share_out(claimed, is_held, add),
                    }
                    left -= claimed;
                }
            }
            _ => {}
        }
        left
    }

    /// Adds the shares of what decides the rest, which is the part `left` of all.
    fn share_rest(&self, left: f64, is_held: bool, now: u64, add: &mut impl FnMut(usize, f64)) {
        match self {
            Self::BlueGreen { active: all, .. }
            | Self::Canary {
                take_over: Some(all),
                ..
            }
            | Self::Canary {
                split: None,
                ramp: None,
                principal: all,
                ..
            } => add(all.index(), left),
            Self::Canary {
                split: Some(split), ..
            } => split.share_out(left, is_held, add),
            Self::Canary {
                ramp: Some(ramp), ..
            } => ramp.share_out(left, now, add),
        }
    }
}

impl RampedSplit {
    fn share_out(&self, share: f64, now: u64, add: &mut impl FnMut(usize, f64)) {
        let sum: f64 = self.arms(now).map(|arm| arm.weight()).sum();
        for arm in self.arms(now) {
            add(arm.drawn().index(), share * arm.weight() / sum);
        }
    }
}

impl Split {
    fn share_out(&self, share: f64, is_held: bool, add: &mut impl FnMut(usize, f64)) {
        for arm in self.arms() {
            let outcome = if is_held { arm.held() } else { arm.drawn() };
            add(outcome.index(), share * self.share(arm));
        }
    }
}

/// The probability that one of `matches` holds. `part` is that of a percentage.
fn probability(
    matches: &[Match],
    head: &RequestHead<'_>,
    part: impl Fn(&Percentage) -> f64,
) -> f64 {
    let of_one = |one: &Match| {
        let of_each = one.conditions().iter().map(|condition| match condition {
            Condition::Percentage(percentage) => part(percentage),
            _ if condition.holds(head) => 1.0,
            _ => 0.0,
        });
        of_each.fold(1.0, f64::min)
    };
    matches.iter().map(of_one).fold(0.0, f64::max)
}
