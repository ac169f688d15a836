//! The number that decides for one request.

use super::session::{Found, Session, SessionId};
use super::{Apart, Cohort, Draw};
use crate::request::RequestHead;

/// The number of one request: its session's, or its chance if it has no session.
///
/// The ticket looks for the session when somebody first asks for the number, and only once. A
/// request that a rule on a header claims needs no number, and gets no id.
#[derive(Clone, Debug)]
pub struct Ticket<'r> {
    session: Option<&'r Session>,
    draw: Draw,
    found: Option<Found>,
    issues: bool,
    cohort: Option<&'r Cohort>,
    apart: Option<Option<Apart>>,
    invitation: Option<String>,
}

impl<'r> Ticket<'r> {
    /// A ticket of `session`. Without a session, or for a request that carries none, `draw.chance`
    /// is the number.
    #[must_use]
    pub fn new(session: Option<&'r Session>, draw: Draw) -> Self {
        Self {
            session,
            draw,
            found: None,
            issues: true,
            cohort: None,
            apart: None,
            invitation: None,
        }
    }

    /// The same ticket, of a release in which `cohort` takes part. None: all sessions do.
    #[must_use]
    pub fn in_cohort(self, cohort: Option<&'r Cohort>) -> Self {
        Self { cohort, ..self }
    }

    /// The reason for which the session takes no part in the release. None: it takes part.
    pub fn apart(&mut self, head: &RequestHead<'_>) -> Option<Apart> {
        let cohort = self.cohort?;
        if let Some(apart) = self.apart {
            return apart;
        }
        let apart = match self.find(head) {
            Found::Carried(_) => {
                let carried = self.session.and_then(|session| session.key(head));
                cohort.apart(carried.as_ref().map(|(_, key)| &**key))
            }
            Found::Issued(_, id) => cohort.apart(Some(&id.text())),
            Found::None => cohort.apart(None),
        };
        self.apart = Some(apart);
        apart
    }

    /// The same ticket, which issues no id from now on. If the request carries no session and got
    /// no id so far, its chance is its number.
    #[must_use]
    pub fn without_issuing(self) -> Self {
        Self {
            issues: false,
            ..self
        }
    }

    /// The number: uniform in 0 ..= 2^64 - 1, and the same for every request of a session.
    pub fn number(&mut self, head: &RequestHead<'_>) -> u64 {
        match self.find(head) {
            Found::Carried(number) | Found::Issued(number, _) => number,
            Found::None => self.draw.chance,
        }
    }

    /// The time of the request, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.draw.now
    }

    /// Has the response keep an invitation, by a `set-cookie` header of this value.
    pub fn set_invitation(&mut self, set_cookie: String) {
        self.invitation = Some(set_cookie);
    }

    /// The value of the `set-cookie` header that keeps an invitation.
    #[must_use]
    pub fn invitation(&self) -> Option<&str> {
        self.invitation.as_deref()
    }

    /// Whether the number is a session's.
    pub fn is_held(&mut self, head: &RequestHead<'_>) -> bool {
        self.find(head) != Found::None
    }

    /// The id that was issued because somebody asked for the number and the request carried no key.
    #[must_use]
    pub fn issued(&self) -> Option<SessionId> {
        match self.found {
            Some(Found::Issued(_, id)) => Some(id),
            _ => None,
        }
    }

    fn find(&mut self, head: &RequestHead<'_>) -> Found {
        let found = self.found.unwrap_or_else(|| {
            let found = self
                .session
                .map_or(Found::None, |session| session.find(head, self.draw.chance));
            match found {
                Found::Issued(..) if !self.issues => Found::None,
                found => found,
            }
        });
        self.found = Some(found);
        found
    }
}
