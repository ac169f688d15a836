//! Releases that have another name than in an older configuration. The sessions of a release are drawn by its name.

use std::collections::BTreeSet;

use super::accepted::{Accepted, Served};
use super::given::{self, PlacedFinding};
use crate::change;
use crate::clock;
use crate::outcome::Failure;

/// A warning for each release whose sessions change version by its new name. `old` is the file or folder of the older
/// configuration.
///
/// # Errors
///
/// The older configuration cannot be read, or has violations.
pub fn check(old: &str, configurations: &[Accepted<'_>]) -> Result<Vec<PlacedFinding>, Failure> {
    let mut given = given::read(&[old.to_owned()]);
    if let Some(failure) = given.failures.pop() {
        return Err(failure);
    }
    let mut findings = std::mem::take(&mut given.findings);
    let before = super::accepted(&given, &mut findings);
    if !findings.is_empty() {
        let findings = findings.into_iter().map(|one| one.finding);
        return Err(Failure::Refused(findings.collect()));
    }
    let names = |all: &[Accepted<'_>]| -> BTreeSet<String> {
        let releases = all.iter().flat_map(Accepted::releases);
        releases.map(|one| one.release.name.to_string()).collect()
    };
    let (old_names, new_names) = (names(&before), names(configurations));
    let mut removed = before.iter().flat_map(Accepted::releases);
    let removed: Vec<Served<'_>> = removed
        .by_ref()
        .filter(|one| !new_names.contains(&*one.release.name))
        .collect();
    let added = configurations.iter().flat_map(Accepted::releases);
    let added = added.filter(|one| !old_names.contains(&*one.release.name));
    let now = clock::now();
    let warn = |after: Served<'_>| {
        let mut claimed = after.hosts();
        let (host, before) = claimed.find_map(|claimed| {
            let same = |one: &&Served<'_>| one.hosts().any(|other| other.host == claimed.host);
            Some((claimed.host.clone(), *removed.iter().find(same)?))
        })?;
        let share = change::moving(before.release, after.release, &host, now)?;
        let name = &before.release.name;
        let message = format!(
            "the release was named {name} in {old}, so {:.0} % of its sessions change version; write name: {name}, or session: {{ salt: {name} }}",
            (share * 100.0).max(1.0)
        );
        Some(after.finding("name", message).of("renamed-release"))
    };
    Ok(added.filter_map(warn).collect())
}
