//! The sessions that take no part in a release, and what they get.

use std::sync::Arc;

use super::Outcome;
use crate::draw::{Apart, Cohort, Ticket};
use crate::request::RequestHead;

/// The cohort of a release, and the outcomes of the sessions that are not in it.
#[derive(Clone, Debug)]
pub struct Aside {
    cohort: Cohort,
    excluded: Option<Arc<Outcome>>,
    held_out: Option<Arc<Outcome>>,
}

impl Aside {
    /// All but the sessions of `cohort`. `excluded` is the outcome of those that are in no range,
    /// `held_out` that of the holdout.
    #[must_use]
    pub fn new(
        cohort: Cohort,
        excluded: Option<Arc<Outcome>>,
        held_out: Option<Arc<Outcome>>,
    ) -> Self {
        Self {
            cohort,
            excluded,
            held_out,
        }
    }

    /// The cohort.
    #[must_use]
    pub fn cohort(&self) -> &Cohort {
        &self.cohort
    }

    /// The outcome of sessions that are `apart`.
    pub(super) fn outcome(&self, apart: Apart) -> Option<&Arc<Outcome>> {
        match apart {
            Apart::Excluded => self.excluded.as_ref(),
            Apart::Holdout => self.held_out.as_ref(),
        }
    }

    /// The outcome of a request whose session takes no part.
    pub(super) fn choose(
        &self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
    ) -> Option<&Arc<Outcome>> {
        self.outcome(ticket.apart(head)?)
    }
}
