//! Mirrors: services that get copies of requests, in addition to the service that answers.
//!
//! A mirror selects requests by content, session and percentage. [`capture`] copies a request while it
//! passes, within the [`limits`]. [`MirrorRequest`] is the head of a copy, and [`outbox`] holds copies
//! until the mirror answers. [`pairing`] brings both answers together, and [`compare`] compares them.
//! Nothing here sends anything.

pub mod capture;
mod cluster;
pub mod compare;
pub mod grpc;
mod json_diff;
pub mod limits;
pub mod outbox;
mod outcome;
pub mod pairing;
mod redact;
mod request;
mod sample;
mod secrets;

use core::time::Duration;
use std::sync::Arc;

pub use cluster::FoundCluster;
pub use compare::{
    Answer, BodyMode, Compare, Comparison, ComparisonResult, Difference, Place, Reading,
};
pub use json_diff::{
    DEEPEST, Diff, Ignored, JsonDifference, MOST_DIFFERENCES, MOST_STEPS, Pointer, Side, diff,
    diff_within,
};
pub use outcome::MirrorOutcome;
pub use redact::Redact;
pub use request::{Edits, MARK, MirrorRequest, Uncarriable, is_never_copied};
pub use sample::{Sample, Samples};
pub use secrets::{SecretHeader, Secrets};

use crate::draw::{Percentage, Ticket};
use crate::matching::{self, Match, Trace};
use crate::request::RequestHead;

/// A mirror of a release.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Unique in the release. It labels the metrics.
    pub name: Box<str>,
    /// The cluster that gets the copies, by Envoy's name.
    pub cluster: Box<str>,
    /// The name of the same cluster at a waypoint, where `cluster` does not exist. None: it has only one
    /// name, because the configuration names the cluster itself.
    pub waypoint_cluster: Option<Box<str>>,
    /// The percentage of the sessions, or of the requests, that is mirrored. All mirrors of a release
    /// share one draw: a mirror with a larger percentage also gets what a smaller one gets.
    pub percentage: Percentage,
    /// One of them must hold. Empty: all requests.
    pub matches: Vec<Match>,
    /// The methods that are mirrored.
    pub methods: Vec<Box<str>>,
    /// The longest time that the mirror may take to answer. Above 0.
    pub timeout: Duration,
    /// The longest body that is copied, in bytes.
    pub max_body: usize,
    /// The most copies that may wait for the mirror's answer at once, in each worker.
    pub max_in_flight: u32,
    /// The changes in the head of a copy.
    pub edits: Edits,
    /// How its answers are compared with production's. None: they are not.
    pub compare: Option<Arc<Compare>>,
}

impl Mirror {
    /// Whether it gets a copy of a request that is not a copy itself.
    #[must_use]
    pub fn selects<'m>(
        &'m self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'m>,
    ) -> bool {
        self.methods
            .iter()
            .any(|method| method.as_bytes() == head.method())
            && (self.matches.is_empty() || matching::any_holds(&self.matches, head, ticket, trace))
            && (self.percentage.is_all() || matching::is_in(self.percentage, head, ticket, trace))
    }

    /// The outcome of a request that the mirror selects, if its head tells that there is no copy.
    /// `length` is the announced length of its body.
    #[must_use]
    pub fn refusal(&self, kind: RequestKind, length: Option<usize>) -> Option<MirrorOutcome> {
        if kind == RequestKind::Tunnel {
            Some(MirrorOutcome::Skipped)
        } else if length.is_some_and(|length| length > self.max_body) {
            Some(MirrorOutcome::TooLarge)
        } else {
            None
        }
    }

    /// How the answers to a request are compared. None: they are not. `chance` is a random number.
    #[must_use]
    pub fn comparison(&self, chance: u64) -> Option<&Arc<Compare>> {
        let compare = self.compare.as_ref();
        compare.filter(|compare| compare.percentage.takes(chance))
    }
}

/// Whether a request is a copy, made by this proxy or by an earlier one.
#[must_use]
pub fn is_copy(head: &RequestHead<'_>) -> bool {
    head.headers(MARK).next().is_some()
}

/// The kind of a request, which decides whether it can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A head and any body.
    Plain,
    /// gRPC. It is copied if the request is one message.
    Grpc,
    /// An upgrade or CONNECT. There is no request to copy, only a connection.
    Tunnel,
}

impl RequestKind {
    /// The kind of the request with this head.
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

/// The length of the body that a request announces, in bytes.
#[must_use]
pub fn announced_length(head: &RequestHead<'_>) -> Option<usize> {
    let length = head.headers("content-length").next()?;
    std::str::from_utf8(length).ok()?.parse().ok()
}
