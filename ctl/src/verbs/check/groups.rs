//! Exclusive releases of different configurations whose ranges overlap: they share users.
//!
//! Two releases of one name are one release, in two versions of a file or in two overlays.

use std::collections::BTreeMap;

use super::accepted::{Accepted, Served};
use super::given::PlacedFinding;

/// Checks the ranges of each group. The compiler has compared those of one configuration.
pub fn check(configurations: &[Accepted<'_>]) -> Vec<PlacedFinding> {
    let mut groups: BTreeMap<&str, Vec<(f64, f64, Served<'_>)>> = BTreeMap::new();
    for release in configurations.iter().flat_map(Accepted::releases) {
        let cohort = release.release.aside.as_deref().map(|aside| aside.cohort());
        if let Some(exclusive) = cohort.and_then(|cohort| cohort.exclusive.as_ref()) {
            let (from, to) = exclusive.range();
            let group = groups.entry(exclusive.group()).or_default();
            group.push((from, to, release));
        }
    }
    groups
        .values_mut()
        .flat_map(|group| overlapping(group))
        .collect()
}

/// A finding for each range that starts before the furthest end of those before it.
fn overlapping(group: &mut [(f64, f64, Served<'_>)]) -> Vec<PlacedFinding> {
    group.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut findings = Vec::new();
    let mut furthest: Option<&(f64, f64, Served<'_>)> = None;
    for range in group.iter() {
        let (from, to, release) = range;
        if let Some((other_from, other_to, other)) = furthest
            && from < other_to
            && other.release.name != release.release.name
            && other.placed.place != release.placed.place
        {
            let message = format!(
                "the range {from} to {to} overlaps that of release {} in {}, {other_from} to {other_to}, so they share users; write ranges that do not overlap",
                other.release.name, other.placed.file
            );
            findings.push(release.finding("exclusive", message));
        }
        if furthest.is_none_or(|(_, end, _)| end < to) {
            furthest = Some(range);
        }
    }
    findings
}
