//! The number that decides for one request.

use super::session::{Found, Session, SessionId};
use crate::request::RequestHead;

/// One request's number: its session's, or its own chance where it has none.
///
/// It is found when it is first asked for, and only once: a request that a rule on a header claims
/// needs none, and then no id is issued either.
#[derive(Clone, Debug)]
pub struct Ticket<'r> {
    session: Option<&'r Session>,
    chance: u64,
    found: Option<Found>,
    issues: bool,
}

impl<'r> Ticket<'r> {
    /// A ticket of `session`; without a session, or for a request that carries none, of `chance`: a
    /// random number.
    #[must_use]
    pub fn new(session: Option<&'r Session>, chance: u64) -> Self {
        Self {
            session,
            chance,
            found: None,
            issues: true,
        }
    }

    /// The same ticket, by which from now on no id is issued: a request that carries no session, and
    /// got none so far, has its chance.
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
            Found::None => self.chance,
        }
    }

    /// Whether a session decides, not chance.
    pub fn is_held(&mut self, head: &RequestHead<'_>) -> bool {
        self.find(head) != Found::None
    }

    /// The id that was made because a number was asked for and the request carried no key.
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
                .map_or(Found::None, |session| session.find(head, self.chance));
            match found {
                Found::Issued(..) if !self.issues => Found::None,
                found => found,
            }
        });
        self.found = Some(found);
        found
    }
}
