//! What became of a request that a mirror selected.

use core::time::Duration;
use std::fmt;

use super::{RequestKind, Uncarriable};

/// What became of a request that a mirror selected. Each has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorOutcome {
    /// The mirror answered, whatever it said.
    Answered,
    /// It did not answer in time.
    Timeout,
    /// It could not be reached, broke off, or answered more than Envoy holds.
    Failed,
    /// The request is larger than what is copied.
    TooLarge,
    /// Too many copies are on their way, or too many bytes of them are held.
    TooMany,
    /// Envoy knows no such cluster.
    NoCluster,
    /// It cannot be copied for what it is: an upgrade, CONNECT, a gRPC stream, a header value that is
    /// not UTF-8, or a request that never came to its end.
    Skipped,
}

impl MirrorOutcome {
    /// Every outcome, in the order of [`MirrorOutcome::index`].
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Timeout,
        Self::Failed,
        Self::TooLarge,
        Self::TooMany,
        Self::NoCluster,
        Self::Skipped,
    ];

    /// Its place in [`MirrorOutcome::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The outcome of a copy of this `kind` whose call has ended: by the first value of each `header`
    /// of the answer, how long after it was sent that was, and how long it might have been.
    ///
    /// An answer is the mirror's own if it has `x-envoy-upstream-service-time`, which Envoy writes on
    /// what came from a server. Where it speaks in the server's place, it says 504 of one that is
    /// late, and to gRPC 200 and the words of a 504. There is no answer at all where one began and
    /// did not come to its end, or is too long; then the time tells. Envoy's timers count from the
    /// beginning of a turn of its event loop, so they may be through that much early.
    #[must_use]
    pub fn of_answer(
        kind: RequestKind,
        header: impl Fn(&str) -> Option<Vec<u8>>,
        elapsed: Duration,
        timeout: Duration,
    ) -> Self {
        const TURN: Duration = Duration::from_millis(250);
        let is_error = |status: &[u8]| matches!(status.first(), Some(b'4' | b'5'));
        let is_late = match header(":status") {
            None => elapsed + TURN.min(timeout / 4) >= timeout,
            Some(status) => {
                let may_be_envoys = kind == RequestKind::Grpc || is_error(&status);
                if !may_be_envoys || header("x-envoy-upstream-service-time").is_some() {
                    return Self::Answered;
                }
                let words = || header("grpc-message");
                status == b"504"
                    || status == b"408"
                    || words().is_some_and(|words| words == b"upstream request timeout")
            }
        };
        if is_late { Self::Timeout } else { Self::Failed }
    }
}

impl From<Uncarriable> for MirrorOutcome {
    fn from(reason: Uncarriable) -> Self {
        match reason {
            Uncarriable::Bytes => Self::Skipped,
            Uncarriable::TooLarge => Self::TooLarge,
        }
    }
}

impl fmt::Display for MirrorOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::NoCluster => "no_cluster",
            Self::Skipped => "skipped",
        })
    }
}
