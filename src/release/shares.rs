//! The shares that a configuration promises, computed and not drawn.
//!
//! The head of a request settles all conditions but percentages. Percentages of different rules, and
//! splits, are drawn independently, so their shares multiply. The percentages of one rule share one
//! draw, so the largest of its matches decides.

use super::{Release, Split, Strategy, Target};
use crate::draw::{Draw, Ticket};
use crate::matching::{Condition, Match};
use crate::request::RequestHead;

impl Release {
    /// The probability of each outcome, in the order of [`Release::outcomes`], for all sessions whose
    /// requests have this `head`. The sum is 1.
    #[must_use]
    pub fn shares(&self, head: &RequestHead<'_>) -> Vec<f64> {
        let is_held = Ticket::new(self.session.as_ref(), Draw::default()).is_held(head);
        let mut shares = vec![0.0; self.outcomes.len()];
        self.strategy.share(head, is_held, &mut |outcome, share| {
            if let Some(sum) = shares.get_mut(outcome) {
                *sum += share;
            }
        });
        shares
    }
}

impl Strategy {
    fn share(&self, head: &RequestHead<'_>, is_held: bool, add: &mut impl FnMut(usize, f64)) {
        match self {
            Self::BlueGreen { active, preview } => {
                let previewed = preview.as_ref().map_or(0.0, |preview| {
                    let share = probability(&preview.matches, head);
                    add(preview.outcome.index(), share);
                    share
                });
                add(active.index(), 1.0 - previewed);
            }
            Self::Canary {
                take_over: Some(take_over),
                ..
            } => add(take_over.index(), 1.0),
            Self::Canary {
                take_over: None,
                rules,
                split,
                principal,
            } => {
                let mut left = 1.0;
                for rule in rules.all() {
                    let claimed = left * probability(&rule.matches, head);
                    match &rule.target {
                        Target::Version(outcome) => add(outcome.index(), claimed),
                        Target::Split(split) => split.share_out(claimed, is_held, add),
                    }
                    left -= claimed;
                }
                match split {
                    Some(split) => split.share_out(left, is_held, add),
                    None => add(principal.index(), left),
                }
            }
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

/// The probability that one of `matches` holds.
fn probability(matches: &[Match], head: &RequestHead<'_>) -> f64 {
    let of_one = |one: &Match| {
        let of_each = one.conditions().iter().map(|condition| match condition {
            Condition::Percentage(percentage) => percentage.percent() / 100.0,
            _ if condition.holds(head) => 1.0,
            _ => 0.0,
        });
        of_each.fold(1.0, f64::min)
    };
    matches.iter().map(of_one).fold(0.0, f64::max)
}
