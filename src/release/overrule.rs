//! What overrules a decision: a version that fails, or that has no endpoint, loses its requests to the
//! principal.

use std::sync::Arc;

use super::{Outcome, Release};
use crate::guard::Guard;

/// The guard of a release.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// Its rules.
    pub guard: Guard,
    /// The outcome of a request whose version is failing: the principal.
    pub outcome: Arc<Outcome>,
}

/// The fallback of a release.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The outcome of a request whose version has no endpoint: the principal.
    pub outcome: Arc<Outcome>,
    /// Asks whether the version answers again. None: a request each second tries.
    pub probe: Option<Probe>,
    /// Whether a request without a body that met no endpoint is sent again, to the principal.
    pub resend: bool,
}

/// A request of Halftone's own to a version that had no endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The path that is requested.
    pub path: Box<str>,
    /// The time between two probes, in milliseconds.
    pub every: u64,
}

impl Release {
    /// Whether `outcome` may be overruled: it leads to another version than the principal, and not by
    /// a rule that is not guarded.
    #[must_use]
    pub fn may_overrule(&self, outcome: &Outcome) -> bool {
        self.principal.index() != outcome.version().index()
            && !self.unguarded.contains(&outcome.index())
    }
}
