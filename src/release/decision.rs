//! What a release decided for one request.

use std::sync::Arc;

use super::{Outcome, Release};
use crate::draw::{SessionId, Ticket};
use crate::matching::Trace;
use crate::mirror::{Mirror, is_copy};
use crate::request::RequestHead;

/// The decision of a release for one request.
#[derive(Clone, Debug)]
pub struct Decision<'r> {
    /// The release that decided.
    pub release: &'r Release,
    /// The version and the reason.
    pub outcome: &'r Arc<Outcome>,
    ticket: Ticket<'r>,
}

impl<'r> Decision<'r> {
    pub(super) fn new(release: &'r Release, outcome: &'r Arc<Outcome>, ticket: Ticket<'r>) -> Self {
        Self {
            release,
            outcome,
            ticket,
        }
    }

    /// The same decision with another outcome.
    #[must_use]
    pub fn with_outcome(self, outcome: &'r Arc<Outcome>) -> Self {
        Self { outcome, ..self }
    }

    /// The number of the request's session, which has this `head`. None: it has no session.
    #[must_use]
    pub fn session(&self, head: &RequestHead<'_>) -> Option<u64> {
        let mut ticket = self.ticket.clone().without_issuing();
        ticket.is_held(head).then(|| ticket.number(head))
    }

    /// The id that the response brings to the client. None: the request carries a session, or the
    /// decision needed none.
    #[must_use]
    pub fn issued(&self) -> Option<SessionId> {
        self.ticket.issued()
    }

    /// The value of the `set-cookie` header that brings the issued id to the client.
    #[must_use]
    pub fn set_cookie(&self) -> Option<String> {
        let cookie = self.release.session.as_ref()?.cookie()?;
        self.issued().map(|id| cookie.set(id))
    }

    /// The value of the `set-cookie` header that keeps the invitation that came in the query.
    #[must_use]
    pub fn set_invitation(&self) -> Option<&str> {
        self.ticket.invitation()
    }

    /// Selects mirrors for the request that was decided, which has this `head`. None: the request is
    /// itself a copy, and no mirror gets a copy of a copy.
    ///
    /// Mirrors draw by the session of the request, if it has one. They issue no id, and all sessions
    /// take part: a mirror changes nothing for the client.
    #[must_use]
    pub fn copies<'h, 'a>(&self, head: &'h RequestHead<'a>) -> Option<Copies<'r, 'h, 'a>> {
        (!self.release.mirrors.is_empty() && !is_copy(head)).then(|| Copies {
            head,
            ticket: self.ticket.clone().without_issuing().in_cohort(None),
        })
    }

    /// The mirrors that get a copy of the request that was decided, which has this `head`.
    pub fn mirrors(&self, head: &RequestHead<'_>) -> impl Iterator<Item = &'r Arc<Mirror>> {
        let mut copies = self.copies(head);
        self.release.mirrors.iter().filter(move |mirror| {
            copies
                .as_mut()
                .is_some_and(|copies| copies.are_for(mirror, &mut ()))
        })
    }
}

/// Selects the mirrors that get copies of one request.
#[derive(Clone, Debug)]
pub struct Copies<'r, 'h, 'a> {
    head: &'h RequestHead<'a>,
    ticket: Ticket<'r>,
}

impl Copies<'_, '_, '_> {
    /// Whether `mirror` gets a copy.
    pub fn are_for<'m>(&mut self, mirror: &'m Mirror, trace: &mut impl Trace<'m>) -> bool {
        mirror.selects(self.head, &mut self.ticket, trace)
    }
}
