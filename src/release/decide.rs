//! The decision: which version a request gets. The heart of Halftone.

use std::sync::Arc;

use super::{Aside, Decision, Outcome, RampedSplit, Release, Rule, Split, Strategy, Target, Trace};
use crate::draw::{Draw, Ticket};
use crate::matching::any_holds;
use crate::request::RequestHead;

impl Release {
    /// The version for a request, and the reason. The same release, head and draw always give the
    /// same decision. `trace` hears how it comes about.
    #[must_use]
    pub fn decide<'r>(
        &'r self,
        head: &RequestHead<'_>,
        draw: Draw,
        trace: &mut impl Trace<'r>,
    ) -> Decision<'r> {
        let aside = self.aside.as_deref();
        let mut ticket =
            Ticket::new(self.session.as_ref(), draw).in_cohort(aside.map(Aside::cohort));
        let outcome = self.strategy.choose(aside, head, &mut ticket, trace);
        Decision::new(self, outcome, ticket)
    }
}

impl Strategy {
    fn choose<'r>(
        &'r self,
        aside: Option<&'r Aside>,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> &'r Arc<Outcome> {
        match self {
            Self::BlueGreen { active, preview } => {
                let previewed = preview.as_ref().filter(|preview| {
                    let matched = any_holds(&preview.matches, head, ticket, trace);
                    trace.preview(preview, matched);
                    matched
                });
                previewed.map_or(active, |preview| &preview.outcome)
            }
            Self::Canary {
                take_over: Some(take_over),
                ..
            } => take_over,
            Self::Canary {
                take_over: None,
                rules,
                split,
                ramp,
                principal,
            } => {
                let rule = rules.first(head, ticket, trace);
                if let Some(aside) = aside
                    && !rule.is_some_and(Rule::names_a_version)
                    && let Some(outcome) = aside.choose(head, ticket)
                {
                    return outcome;
                }
                match (rule, split) {
                    (Some(rule), _) => rule.target.choose(head, ticket, trace),
                    (None, Some(split)) => split.choose(head, ticket, trace),
                    (None, None) => match ramp {
                        Some(ramp) => ramp.choose(head, ticket, trace),
                        None => principal,
                    },
                }
            }
        }
    }
}

impl Rule {
    /// Whether it sends all requests that it matches to one version. Such a rule claims the sessions that
    /// take no part in the release too.
    pub(super) fn names_a_version(&self) -> bool {
        matches!(self.target, Target::Version(_))
    }
}

impl Target {
    fn choose<'r>(
        &'r self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> &'r Arc<Outcome> {
        match self {
            Self::Version(outcome) => outcome,
            Self::Split(split) => split.choose(head, ticket, trace),
        }
    }
}

impl Split {
    fn choose<'r>(
        &'r self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> &'r Arc<Outcome> {
        let number = ticket.number(head);
        let winner = self.pick(number);
        trace.split(self, number, winner);
        if ticket.is_held(head) {
            winner.held()
        } else {
            winner.drawn()
        }
    }
}

impl RampedSplit {
    fn choose<'r>(
        &'r self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> &'r Arc<Outcome> {
        let (number, now) = (ticket.number(head), ticket.now());
        let outcome = self.pick(number, now);
        trace.ramp(self, number, now, outcome);
        outcome
    }
}
