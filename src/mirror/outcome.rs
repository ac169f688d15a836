//! The outcome of a request that a mirror selected.

use core::time::Duration;
use std::fmt;

use super::{RequestKind, Uncarriable};

/// The outcome of a request that a mirror selected. Each request has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorOutcome {
    /// The mirror answered, with any status.
    Answered,
    /// The mirror did not answer in time.
    Timeout,
    /// The mirror could not be reached, broke off, or answered more than Envoy buffers.
    Failed,
    /// The request is larger than the mirror's limit.
    TooLarge,
    /// Too many copies wait for answers, or copies hold too many bytes.
    TooMany,
    /// Envoy does not know the cluster.
    NoCluster,
    /// The request cannot be copied: an upgrade, CONNECT, a gRPC stream, a header value that is not
    /// UTF-8, or a request that did not come to its end.
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

    /// Its index in [`MirrorOutcome::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The outcome of a copy of this `kind` whose call has ended. `header` returns the first value of a
    /// header of the answer. `elapsed` is the time since the copy was sent.
    ///
    /// An answer is the mirror's own if it has `x-envoy-upstream-service-time`, which Envoy adds to the
    /// answers of servers. If Envoy answers in place of a server that is late, the status is 504. For
    /// gRPC it is 200, with the message of a 504. There is no answer if it broke off or is too long.
    /// Then the time decides. Envoy's timers count from the beginning of a turn of its event loop, so
    /// they can fire early by as much.
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
