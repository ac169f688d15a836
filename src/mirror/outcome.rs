//! What became of a request that a mirror selected.

use core::time::Duration;
use std::fmt;

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

    /// The outcome of a copy that the mirror did not answer within `timeout`, or not whole: by the
    /// status that Envoy gave in its place, `elapsed` after the copy was sent.
    ///
    /// There is none, 0, where an answer began and did not come to its end; then the time tells.
    /// Envoy's timers count from the beginning of a turn of its event loop, so they may be through
    /// that much early.
    #[must_use]
    pub fn of_silence(status: u16, elapsed: Duration, timeout: Duration) -> Self {
        const TURN: Duration = Duration::from_millis(250);
        let is_late = match status {
            0 => elapsed + TURN.min(timeout / 4) >= timeout,
            status => matches!(status, 408 | 504),
        };
        if is_late { Self::Timeout } else { Self::Failed }
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
