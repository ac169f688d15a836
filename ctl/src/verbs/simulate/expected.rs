//! The shares that a configuration promises a request, computed and not drawn.
//!
//! All but percentages and splits is settled by the head of a request. Percentages of different
//! rules, and splits, are drawn independently, so their shares multiply in order. Those of one rule
//! share one draw: of its matches, the one that takes most decides.

use halftone::release::{Condition, Match, Outcome, Release, Split, Strategy, Target, Ticket};
use halftone::request::RequestHead;

/// The probability of each end that a decision of `release` can come to for a request with `head`,
/// by [`Outcome::index`].
#[must_use]
pub fn shares(release: &Release, head: &RequestHead<'_>) -> Vec<f64> {
    let is_held = Ticket::new(release.session.as_ref(), 0).is_held(head);
    let mut shares = Shares {
        of: vec![0.0; release.outcomes().len()],
        is_held,
    };
    let probability = |matches: &[Match]| probability(matches, head);
    match &release.strategy {
        Strategy::BlueGreen { active, preview } => {
            let previewed = preview
                .as_ref()
                .map_or(0.0, |one| probability(&one.matches));
            if let Some(preview) = preview {
                shares.add(&preview.outcome, previewed);
            }
            shares.add(active, 1.0 - previewed);
        }
        Strategy::Canary {
            take_over: Some(take_over),
            ..
        } => shares.add(take_over, 1.0),
        Strategy::Canary {
            take_over: None,
            rules,
            split,
            principal,
        } => {
            let mut left = 1.0;
            for rule in rules {
                let claimed = left * probability(&rule.matches);
                match &rule.target {
                    Target::Version(outcome) => shares.add(outcome, claimed),
                    Target::Split(split) => shares.add_split(split, claimed),
                }
                left -= claimed;
            }
            match split {
                Some(split) => shares.add_split(split, left),
                None => shares.add(principal, left),
            }
        }
    }
    shares.of
}

struct Shares {
    of: Vec<f64>,
    is_held: bool,
}

impl Shares {
    fn add(&mut self, outcome: &Outcome, share: f64) {
        if let Some(sum) = self.of.get_mut(outcome.index()) {
            *sum += share;
        }
    }

    fn add_split(&mut self, split: &Split, share: f64) {
        let sum: f64 = split.arms().map(|arm| arm.weight()).sum();
        for arm in split.arms() {
            let outcome = if self.is_held {
                arm.held()
            } else {
                arm.drawn()
            };
            self.add(outcome, share * arm.weight() / sum);
        }
    }
}

/// That one of `matches` holds.
fn probability(matches: &[Match], head: &RequestHead<'_>) -> f64 {
    let of_each = matches.iter().map(|one| probability_of(one, head));
    of_each.fold(0.0, f64::max)
}

fn probability_of(one: &Match, head: &RequestHead<'_>) -> f64 {
    // No condition but a percentage asks for a number.
    let mut ticket = Ticket::new(None, 0);
    let of_each = one.conditions().iter().map(|condition| match condition {
        Condition::Percentage(percentage) => percentage.percent() / 100.0,
        _ if condition.holds(head, &mut ticket) => 1.0,
        _ => 0.0,
    });
    of_each.fold(1.0, f64::min)
}
