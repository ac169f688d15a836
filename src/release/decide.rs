//! The decision: which version a request gets. The heart of Halftone.

use super::decision::{Decision, Outcome};
use super::matching::any_matches;
use super::split::Split;
use super::ticket::Ticket;
use super::{Release, Strategy, Target};
use crate::request::RequestHead;

impl Release {
    /// The version for a request, and the reason. `chance` is a random number, a new one for each
    /// request; it decides where no session does. The same release, head and chance always come to
    /// the same decision.
    #[must_use]
    pub fn decide<'r>(&'r self, head: &RequestHead<'_>, chance: u64) -> Decision<'r> {
        let mut ticket = Ticket::new(self.session.as_ref(), chance);
        let outcome = self.strategy.choose(head, &mut ticket);
        Decision::new(self, outcome, ticket)
    }
}

impl Strategy {
    fn choose(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> &Outcome {
        match self {
            Self::BlueGreen { active, preview } => match preview {
                Some(preview) if any_matches(&preview.matches, head, ticket) => &preview.outcome,
                _ => active,
            },
            Self::Canary {
                take_over: Some(take_over),
                ..
            } => take_over,
            Self::Canary {
                take_over: None,
                rules,
                split,
                principal,
            } => {
                match rules
                    .iter()
                    .find(|rule| any_matches(&rule.matches, head, ticket))
                {
                    Some(rule) => rule.target.choose(head, ticket),
                    None => split
                        .as_ref()
                        .map_or(principal, |split| split.choose(head, ticket)),
                }
            }
        }
    }
}

impl Target {
    fn choose(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> &Outcome {
        match self {
            Self::Version(outcome) => outcome,
            Self::Split(split) => split.choose(head, ticket),
        }
    }
}

impl Split {
    fn choose(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> &Outcome {
        let arm = self.pick(ticket.number(head));
        if ticket.is_held(head) {
            arm.held()
        } else {
            arm.drawn()
        }
    }
}
