//! The guard: whether a version fails more often than the principal, from counts.
//!
//! The counts come once a second, as [`Tally`]s. [`Evidence`] compares a version with the principal,
//! [`Recent`] compares it with a fixed bound, and [`Rulings`] are what follows. Nothing here knows how
//! responses are counted.

mod counted;
mod evidence;
mod recent;
mod repeats;
mod ruling;
mod watch;

use std::fmt;

pub use counted::Counted;
pub use evidence::{ALTERNATIVES, Evidence};
pub use recent::Recent;
pub use repeats::Repeats;
pub use ruling::{Ruled, Rulings};
pub use watch::{Shown, Watch};

/// What the guard of a release counts as a failure, and when it rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Whether each kind of [`FailureKind::ALL`] but `Slow` is a failure.
    pub failures: [bool; 3],
    /// A response that takes more milliseconds than this is a failure.
    pub slower_than: Option<u64>,
    /// By how much the failure rate of a version must exceed the principal's, 0 to 1.
    pub margin: f64,
    /// There is no verdict before this many failures.
    pub at_least: u64,
    /// The failure rate, 0 to 1, above which a version fails whatever the principal does.
    pub ceiling: Option<f64>,
    /// Whether versions are compared with the principal.
    pub compares: bool,
    /// The milliseconds after which a version gets its traffic back for the first time. None: never.
    pub retry: Option<u64>,
}

/// How a response failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Its status is 500 or more.
    Status5xx,
    /// The version broke it off, did not connect, or timed out.
    Reset,
    /// Its `grpc-status` says that the server failed.
    Grpc,
    /// It took too long.
    Slow,
}

impl FailureKind {
    /// Every kind, in the order of [`FailureKind::index`].
    pub const ALL: [Self; 4] = [Self::Status5xx, Self::Reset, Self::Grpc, Self::Slow];

    /// Its index in [`FailureKind::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Status5xx => 0,
            Self::Reset => 1,
            Self::Grpc => 2,
            Self::Slow => 3,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status5xx => "5xx",
            Self::Reset => "reset",
            Self::Grpc => "grpc",
            Self::Slow => "slow",
        })
    }
}

impl Guard {
    /// Whether `kind` is a failure.
    #[must_use]
    pub fn counts(&self, kind: FailureKind) -> bool {
        match kind {
            FailureKind::Slow => self.slower_than.is_some(),
            _ => self.failures.get(kind.index()) == Some(&true),
        }
    }
}

/// Responses, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All responses.
    pub responses: u64,
    /// Those that failed, at most `responses`.
    pub failures: u64,
}

impl Tally {
    /// What came on top of `before`, of two totals of one counter. A total that shrank counts as no
    /// change.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let responses = self.responses.saturating_sub(before.responses);
        let failures = self.failures.saturating_sub(before.failures);
        Self {
            responses,
            failures: failures.min(responses),
        }
    }
}

/// The responses of a version, and those of the principal in the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those of the version.
    pub version: Tally,
    /// Those of the principal.
    pub principal: Tally,
}

impl Counts {
    /// Like [`Tally::since`], for both.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            version: self.version.since(before.version),
            principal: self.principal.since(before.principal),
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            version: self.version + other.version,
            principal: self.principal + other.principal,
        }
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            responses: self.responses.saturating_add(other.responses),
            failures: self.failures.saturating_add(other.failures),
        }
    }
}

/// Prints `12 of 340 responses failed`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} responses failed",
            self.failures, self.responses
        )
    }
}
