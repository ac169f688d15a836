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

impl Release {
    /// Whether `outcome` may be overruled: it leads to another version than the principal, and not by
    /// a rule that is not guarded.
    #[must_use]
    pub fn may_overrule(&self, outcome: &Outcome) -> bool {
        self.principal.index() != outcome.version().index()
            && !self.unguarded.contains(&outcome.index())
    }
}
