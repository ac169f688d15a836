//! The versions and outcomes of one release while it is compiled.

use std::collections::HashMap;
use std::sync::Arc;

use super::names;
use crate::config::Named;
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::lookup::FixedHasher;
use crate::release::{Outcome, Outcomes, Reason, Version};

/// Collects the versions and outcomes of a release, and gives each its index.
pub struct Versions<'c> {
    authorities: HashMap<&'c str, &'c str, FixedHasher>,
    /// Names that no version may have, and what draws by each.
    taken: Vec<(&'static str, &'static str)>,
    versions: Vec<Arc<Version>>,
    /// The versions by the names that the configuration has for them.
    by_name: HashMap<&'c str, Arc<Version>, FixedHasher>,
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
        let authorities = authorities.into_iter().flat_map(Named::iter);
        Self {
            taken,
            authorities: authorities
                .map(|(version, authority)| (version.as_str(), authority.as_str()))
                .collect(),
            versions: Vec::new(),
            by_name: HashMap::default(),
            outcomes: Outcomes::new(release),
        }
    }

    /// The version `name`. It is added if it is new.
    pub fn version(
        &mut self,
        name: &'c str,
        path: &Path<'_>,
        violations: &mut Violations,
    ) -> Arc<Version> {
        if let Some(known) = self.by_name.get(name) {
            return Arc::clone(known);
        }
        let label = names::label_value(name, path, violations);
        if let Some((_, drawing)) = self.taken.iter().find(|(taken, _)| *taken == name) {
            let message = format!(
                "the {drawing} draw by the name {}, so both would select the same sessions; rename the version, such as {}",
                quoted(name),
                path.assign("\"v2\"")
            );
            violations.add(path, message);
        }
        let authority = self.authorities.get(name).copied();
        let version = Arc::new(Version::new(label, self.versions.len(), authority));
        self.versions.push(Arc::clone(&version));
        self.by_name.insert(name, Arc::clone(&version));
        version
    }

    /// The version `name`, which must be there. `example` is what to write if it is missing.
    pub fn required(
        &mut self,
        name: Option<&'c str>,
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
