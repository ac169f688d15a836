//! What was decided, and why.

use std::fmt;
use std::sync::Arc;

use super::Release;
use super::session::SessionId;
use super::ticket::Ticket;
use super::version::Version;
use crate::mirror::{Mirror, is_copy};
use crate::request::RequestHead;

/// Why a version was chosen. It prints as users see it everywhere: in metrics, access logs and
/// explanations.
///
/// ```
/// use halftone::release::Reason;
///
/// assert_eq!(Reason::Rule("testers".into()).to_string(), "rule:testers");
/// assert_eq!(Reason::TakeOver.to_string(), "take-over");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Blue-green: the active version.
    Active,
    /// Blue-green: the request may see the version that is not active.
    Preview,
    /// Canary: one version takes all.
    TakeOver,
    /// Canary: the first rule that matches, by its name.
    Rule(Box<str>),
    /// Canary: no rule matched; drawn at random by weight.
    Split,
    /// Canary: no rule matched; by weight, the same as before for this session.
    Session,
    /// Nothing else claimed the request.
    Principal,
}

impl Reason {
    /// What it prints, in two parts.
    fn text(&self) -> (&'static str, &str) {
        match self {
            Self::Active => ("active", ""),
            Self::Preview => ("preview", ""),
            Self::TakeOver => ("take-over", ""),
            Self::Rule(name) => ("rule:", name),
            Self::Split => ("split", ""),
            Self::Session => ("session", ""),
            Self::Principal => ("principal", ""),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.text();
        f.write_str(kind)?;
        f.write_str(name)
    }
}

/// A version and the reason for it: one of the few ends that a decision of this release can come
/// to.
///
/// All of them are known when the configuration is compiled. What they are counted by and what the
/// access log prints is made then, not on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    index: usize,
    version: Arc<Version>,
    reason: Reason,
    log_entry: Box<str>,
}

impl Outcome {
    /// The `index`-th outcome of the release named `release`.
    #[must_use]
    pub fn new(release: &str, index: usize, version: Arc<Version>, reason: Reason) -> Self {
        let (kind, name) = reason.text();
        let log_entry = [release, "/", version.name(), "/", kind, name].concat();
        Self {
            index,
            version,
            reason,
            log_entry: log_entry.into(),
        }
    }

    /// Its place in [`Release::outcomes`].
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The version that it leads to.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// For a client that asks: `release=reviews version=v2 reason=rule:testers`. Few ask, so it is
    /// made when one does.
    #[must_use]
    pub fn explanation(&self) -> String {
        let (release, _) = self.log_entry.split_once('/').unwrap_or_default();
        let (version, reason) = (self.version.name(), &self.reason);
        format!("release={release} version={version} reason={reason}")
    }

    /// For the access log: `reviews/v2/rule:testers`.
    #[must_use]
    pub fn log_entry(&self) -> &str {
        &self.log_entry
    }
}

/// What [`Release::decide`] came to for one request.
#[derive(Clone, Debug)]
pub struct Decision<'r> {
    /// The release that claims the request's host.
    pub release: &'r Release,
    /// The version, and why.
    pub outcome: &'r Outcome,
    ticket: Ticket<'r>,
}

impl<'r> Decision<'r> {
    pub(super) fn new(release: &'r Release, outcome: &'r Outcome, ticket: Ticket<'r>) -> Self {
        Self {
            release,
            outcome,
            ticket,
        }
    }

    /// The id that the response brings to the client, where the request carried no session.
    #[must_use]
    pub fn issued(&self) -> Option<SessionId> {
        self.ticket.issued()
    }

    /// Selects mirrors for the request that was decided, which has this `head`. None: the request is
    /// itself a copy, and no mirror gets a copy of a copy.
    ///
    /// Mirrors draw by the session of the request, if it has one. They issue no id: a mirror changes
    /// nothing for the client.
    #[must_use]
    pub fn copies<'h>(&self, head: &'h RequestHead<'h>) -> Option<Copies<'r, 'h>> {
        (!self.release.mirrors.is_empty() && !is_copy(head)).then(|| Copies {
            head,
            ticket: self.ticket.clone().without_issuing(),
        })
    }

    /// The mirrors that get a copy of the request that was decided, which has this `head`.
    pub fn mirrors(&self, head: &RequestHead<'_>) -> impl Iterator<Item = &'r Arc<Mirror>> {
        let mut copies = self.copies(head);
        self.release
            .mirrors
            .iter()
            .filter(move |mirror| copies.as_mut().is_some_and(|copies| copies.are_for(mirror)))
    }

    /// The value of the `set-cookie` header that the response brings to the client, where an id was
    /// issued.
    #[must_use]
    pub fn set_cookie(&self) -> Option<String> {
        let cookie = self.release.session.as_ref()?.cookie()?;
        self.issued().map(|id| cookie.set(id))
    }
}

/// Selects the mirrors that get copies of one request.
#[derive(Clone, Debug)]
pub struct Copies<'r, 'h> {
    head: &'h RequestHead<'h>,
    ticket: Ticket<'r>,
}

impl Copies<'_, '_> {
    /// Whether `mirror` gets a copy.
    pub fn are_for(&mut self, mirror: &Mirror) -> bool {
        mirror.selects(self.head, &mut self.ticket)
    }
}
