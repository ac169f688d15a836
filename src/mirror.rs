//! Mirrors: copies of requests that another service gets besides the one that answers.
//!
//! A mirror selects requests by content, session and percentage; [`MirrorRequest`] is what it gets,
//! [`outbox`] bounds all copies together, and [`compare`] tells how its answer differs from
//! production's. Nothing here sends anything.

pub mod compare;
pub mod grpc;
mod json_diff;
pub mod outbox;
mod outcome;
mod request;
mod sample;
mod secrets;

use core::time::Duration;

pub use compare::{
    Answer, BodyMode, Compare, Comparison, ComparisonResult, Difference, Place, Reading,
};
pub use json_diff::{
    DEEPEST, Diff, Ignored, JsonDifference, MOST_DIFFERENCES, Pointer, Side, diff,
};
pub use outcome::MirrorOutcome;
pub use request::{Edits, MARK, MirrorRequest, Uncarriable, is_never_copied};
pub use sample::{Sample, Samples};
pub use secrets::Secrets;

use crate::release::{Match, Percentage, Ticket, any_matches};
use crate::request::RequestHead;

/// A mirror of a release.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Unique in the release; it labels the metrics.
    pub name: Box<str>,
    /// The cluster that gets the copies, by Envoy's name.
    pub cluster: Box<str>,
    /// The part of the sessions, or of the requests, that is mirrored. All mirrors of a release
    /// share one draw: what a smaller one takes, a larger one takes too.
    pub percentage: Percentage,
    /// Any of them; none: every request.
    pub matches: Vec<Match>,
    /// The methods that are mirrored.
    pub methods: Vec<Box<str>>,
    /// How long the mirror may take to answer. Above 0.
    pub timeout: Duration,
    /// The longest body that is copied, in bytes.
    pub max_body: usize,
    /// How many copies may wait for this mirror's answer at once, in each worker.
    pub max_in_flight: u32,
    /// What is different in a copy's head.
    pub edits: Edits,
    /// How its answers are compared with production's; none: they are not.
    pub compare: Option<Compare>,
}

impl Mirror {
    /// Whether it gets a copy of a request that is not itself one.
    #[must_use]
    pub fn selects(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> bool {
        self.methods
            .iter()
            .any(|method| method.as_bytes() == head.method())
            && (self.matches.is_empty() || any_matches(&self.matches, head, ticket))
            && (self.percentage.is_all() || self.percentage.takes(ticket.number(head)))
    }
}

/// Whether a request is a copy already, of this proxy or of one before it.
#[must_use]
pub fn is_copy(head: &RequestHead<'_>) -> bool {
    head.headers(MARK).next().is_some()
}

/// What a request is, as far as it decides whether it can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A head, and a body of any kind.
    Plain,
    /// gRPC: a copy is made of a call whose request is one message.
    Grpc,
    /// An upgrade, or CONNECT: there is no request to copy, only a connection.
    Tunnel,
}

impl RequestKind {
    /// What the request with this head is.
    #[must_use]
    pub fn of(head: &RequestHead<'_>) -> Self {
        if head.method() == b"CONNECT" || head.headers("upgrade").next().is_some() {
            Self::Tunnel
        } else if head.headers("content-type").any(grpc::is_grpc) {
            Self::Grpc
        } else {
            Self::Plain
        }
    }
}

/// The length that a request says its body has.
#[must_use]
pub fn announced_length(head: &RequestHead<'_>) -> Option<usize> {
    let length = head.headers("content-length").next()?;
    std::str::from_utf8(length).ok()?.parse().ok()
}
