//! The versions and outcomes of one release while it is compiled.

use std::sync::Arc;

use super::names;
use crate::config::Named;
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::release::{Outcome, Outcomes, Reason, Version};

/// Collects the versions and outcomes of a release, and gives each its index.
pub struct Versions<'c> {
    authorities: Option<&'c Named<String>>,
    /// Names that no version may have, and what draws by each.
    taken: Vec<(&'static str, &'static str)>,
    versions: Vec<Arc<Version>>,
    outcomes: Outcomes,
}

impl<'c> Versions<'c> {
    /// No versions yet, of the release named `release`. `authorities` are those of its route, if it
    /// routes by authority. No version may have one of the names in `taken`, each with what draws by
    /// it.
    pub fn new(
        release: &str,
        authorities: Option<&'c Named<String>>,
        taken: Vec<(&'static str, &'static str)>,
    ) -> Self {
        Self {
            authorities,
            taken,
            versions: Vec::new(),
            outcomes: Outcomes::new(release),
        }
    }

    /// The version `name`. It is added if it is new.
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
        if let Some((_, drawing)) = self.taken.iter().find(|(taken, _)| *taken == name) {
            let message = format!(
                "the {drawing} draw by the name {}, so both would select the same sessions; rename the version, such as {}",
                quoted(name),
                path.assign("\"v2\"")
            );
            violations.add(path, message);
        }
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

    /// Adds an outcome.
    pub fn outcome(&mut self, version: &Arc<Version>, reason: Reason) -> Arc<Outcome> {
        self.outcomes.add(version, reason)
    }

    /// All versions and all outcomes, in the order of their indices.
    pub fn into_all(self) -> (Vec<Arc<Version>>, Vec<Arc<Outcome>>) {
        (self.versions, self.outcomes.into_all())
    }
}
