//! The versions and outcomes of one release, each with its index.

use std::sync::Arc;

use super::names;
use crate::config::Named;
use crate::config::path::Path;
use crate::config::violation::Violations;
use crate::release::{Outcome, Reason, Version};

/// Gives every version of a release, and every outcome, an index of its own.
pub struct Versions<'c> {
    release: &'c str,
    authorities: Option<&'c Named<String>>,
    versions: Vec<Arc<Version>>,
    outcomes: usize,
}

impl<'c> Versions<'c> {
    /// None yet, of the release named `release`, which routes by `authorities` or by a header.
    pub fn new(release: &'c str, authorities: Option<&'c Named<String>>) -> Self {
        Self {
            release,
            authorities,
            versions: Vec::new(),
            outcomes: 0,
        }
    }

    /// The version `name`: a new one where it is first named.
    pub fn version(
        &mut self,
        name: &str,
        path: &Path<'_>,
        violations: &mut Violations,
    ) -> Arc<Version> {
        if let Some(known) = self.versions.iter().find(|version| version.name() == name) {
            return Arc::clone(known);
        }
        names::label_value(name, path, violations);
        let authority = self
            .authorities
            .and_then(|authorities| authorities.get(name));
        let version = Arc::new(Version::new(
            name,
            self.versions.len(),
            authority.map(String::as_str),
        ));
        self.versions.push(Arc::clone(&version));
        version
    }

    /// The version `name`, which must be there. `example` is what to write if it is missing.
    pub fn required(
        &mut self,
        name: Option<&str>,
        path: &Path<'_>,
        example: &str,
        violations: &mut Violations,
    ) -> Arc<Version> {
        let name = names::required(name, path, example, violations);
        self.version(name, path, violations)
    }

    /// A new outcome.
    pub fn outcome(&mut self, version: &Arc<Version>, reason: Reason) -> Outcome {
        let outcome = Outcome::new(self.release, self.outcomes, Arc::clone(version), reason);
        self.outcomes += 1;
        outcome
    }

    /// All versions that were named, each at its index.
    pub fn into_inner(self) -> Vec<Arc<Version>> {
        self.versions
    }
}
