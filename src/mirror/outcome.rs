//! What became of a request that a mirror selected.

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

    /// The outcome of a copy that was sent, by the answer that Envoy hands over: its `status`, 0
    /// where there is none, and whether a server gave it, not Envoy in its place.
    #[must_use]
    pub fn of_answer(status: u16, is_the_mirrors: bool) -> Self {
        match (status, is_the_mirrors) {
            (0, _) => Self::Failed,
            (_, true) => Self::Answered,
            (408 | 504, false) => Self::Timeout,
            (_, false) => Self::Failed,
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
