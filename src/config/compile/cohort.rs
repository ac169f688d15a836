//! The cohort of a release: its range in a group of exclusive releases, and its holdout.

use std::collections::HashMap;
use std::sync::Arc;

use super::versions::Versions;
use super::{names, numbers};
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::config::{ExclusiveConfig, HoldoutConfig, ReleaseConfig};
use crate::draw::{Cohort, Exclusive, Holdout};
use crate::lookup::FixedHasher;
use crate::release::{Aside, Reason, Version};

/// The sessions that take no part in `release`. None: all take part.
#[inline(never)]
pub fn compile<'c>(
    release: &'c ReleaseConfig,
    principal: &Arc<Version>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<Aside> {
    let (exclusive, holdout) = (release.exclusive.as_ref(), release.holdout.as_ref());
    let canary = release.canary.as_ref();
    let has_session = canary.is_some_and(|canary| canary.session.is_some());
    let fields = [
        ("exclusive", exclusive.is_some()),
        ("holdout", holdout.is_some()),
    ];
    for (field, _) in fields
        .iter()
        .filter(|(_, is_there)| *is_there && !has_session)
    {
        violations.add(
            &path.field(field),
            "needs a session, because it is about users; write canary.session, such as session: { key: [{ header: \"x-user-id\" }] }",
        );
    }
    let cohort = Cohort {
        exclusive: exclusive
            .map(|one| compile_exclusive(one, &path.field("exclusive"), violations)),
        holdout: holdout.map(|one| compile_holdout(one, &path.field("holdout"), violations)),
    };
    let mut outcome =
        |is_there: bool, reason| is_there.then(|| versions.outcome(principal, reason));
    let excluded = outcome(exclusive.is_some(), Reason::Excluded);
    let held_out = outcome(holdout.is_some(), Reason::Holdout);
    (exclusive.is_some() || holdout.is_some()).then(|| Aside::new(cohort, excluded, held_out))
}

fn compile_exclusive(
    exclusive: &ExclusiveConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Exclusive {
    let group = group(exclusive.group.as_deref(), path, violations);
    let mut end = |field: &str, end: Option<f64>, example: &str| {
        let path = path.field(field);
        match end {
            Some(end) => numbers::percent(end, &path, violations),
            None => {
                let message =
                    format!("missing; write a number from 0 to 100, such as {field}: {example}");
                violations.add(&path, message);
                0.0
            }
        }
    };
    let from = end("from", exclusive.from, "0");
    let to = end("to", exclusive.to, "20");
    if let (Some(_), Some(_), false) = (exclusive.from, exclusive.to, from < to) {
        let expected = format!("a number above {from}, which is from");
        violations.add(&path.field("to"), numbers::out_of_bounds(&expected, to));
    }
    Exclusive::new(group, from, to)
}

fn compile_holdout(
    holdout: &HoldoutConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Holdout {
    let group = group(holdout.group.as_deref(), path, violations);
    let percentage_path = path.field("percentage");
    let percentage = match holdout.percentage {
        Some(percentage) => numbers::percent(percentage, &percentage_path, violations),
        None => {
            violations.add(
                &percentage_path,
                "missing; write a number from 0 to 100, such as percentage: 5",
            );
            0.0
        }
    };
    Holdout::new(group, percentage)
}

fn group<'c>(group: Option<&'c str>, path: &Path<'_>, violations: &mut Violations) -> &'c str {
    let path = path.field("group");
    let example = "the name that the releases of the group share, such as group: \"q4\"";
    let group = names::required(group, &path, example, violations);
    names::label_value(group, &path, violations)
}

/// The ranges of each group, which do not overlap.
#[derive(Debug, Default)]
pub struct Ranges {
    /// By group, in the order of the ranges.
    by_group: HashMap<Box<str>, Vec<Range>, FixedHasher>,
}

#[derive(Debug)]
struct Range {
    from: f64,
    to: f64,
    release: usize,
}

impl Ranges {
    /// Adds the range of the release `one`, which has this `index`.
    pub fn add(
        &mut self,
        one: &ReleaseConfig,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let Some(exclusive) = &one.exclusive else {
            return;
        };
        let (Some(group), Some(from), Some(to)) = (&exclusive.group, exclusive.from, exclusive.to)
        else {
            return;
        };
        let ranges = self.by_group.entry(group.as_str().into()).or_default();
        let place = ranges.partition_point(|range| range.to <= from);
        match ranges.get(place).filter(|range| range.from < to) {
            Some(other) => {
                let message = format!(
                    "the range {from} to {to} of the group {} overlaps that of releases[{}], {} to {}, so they share users; write ranges that do not overlap",
                    quoted(group),
                    other.release,
                    other.from,
                    other.to
                );
                violations.add(&path.field("exclusive"), message);
            }
            None => ranges.insert(
                place,
                Range {
                    from,
                    to,
                    release: index,
                },
            ),
        }
    }
}
