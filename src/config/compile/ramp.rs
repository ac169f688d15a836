//! Ramps: the version that grows, its start and its points.

use std::sync::Arc;

use super::versions::Versions;
use super::{names, numbers};
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::config::{
    CanaryConfig, DurationConfig, RampConfig, RampPointConfig, ShapeConfig, TimeConfig,
};
use crate::release::{Arm, Point, Ramp, RampedSplit, Reason, Shape, Split, Version};

/// Finding the point of an instant takes a search among them.
const MOST_POINTS: usize = 100;

/// The weight of the version that grows is at most 10^16 times the sum of the others, and finite.
const LARGEST_SUM: f64 = 1e290;

const DEFAULT_SHAPE: ShapeConfig = ShapeConfig::Linear;

/// The ramp of the canary at `path`. `others` are the weights of its split, and `None` without one.
#[inline(never)]
pub fn compile<'c>(
    canary: &'c CanaryConfig,
    others: Option<Vec<(Arc<Version>, f64)>>,
    principal: &Arc<Version>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<RampedSplit> {
    let ramp = canary.ramp.as_ref()?;
    let ramp_path = path.field("ramp");
    let version_path = ramp_path.field("version");
    let version = versions.required(
        ramp.version.as_deref(),
        &version_path,
        "the version that grows, such as version: \"v2\"",
        violations,
    );
    let name = version.name();
    let weights = canary.split.iter().flatten();
    let named = weights.filter_map(|weight| weight.version.as_deref());
    let has_weight = ramp.version.is_some() && named.into_iter().any(|other| other == name);
    if has_weight {
        let message = format!(
            "version {} has a weight in {} already; remove it there: the ramp gives it its weight",
            quoted(name),
            path.field("split")
        );
        violations.add(&version_path, message);
    }
    let is_principal = Arc::ptr_eq(&version, principal);
    if others.is_none() && is_principal && ramp.version.is_some() {
        let message = format!(
            "version {} is the principal, which has what the ramp leaves; write another version, or a split",
            quoted(name)
        );
        violations.add(&version_path, message);
    }
    let others = others.unwrap_or_else(|| vec![(Arc::clone(principal), 1.0)]);
    let sum: f64 = others.iter().map(|(_, weight)| weight).sum();
    if sum > LARGEST_SUM {
        let message = numbers::out_of_bounds("weights with a sum of at most 1e290", sum);
        violations.add(
            &path.field("split"),
            format!("{message}; divide all weights"),
        );
    }
    let curve = compile_curve(ramp, &ramp_path, violations);
    let grown = versions.outcome(&version, Reason::Ramp);
    let arms = others.into_iter().map(|(version, weight)| {
        let outcome = versions.outcome(&version, Reason::Ramp);
        Arm::new(weight, Arc::clone(&outcome), outcome)
    });
    Some(RampedSplit::new(curve, grown, Split::new(arms.collect())?))
}

/// The percentage by time.
fn compile_curve(ramp: &RampConfig, path: &Path<'_>, violations: &mut Violations) -> Ramp {
    let start_path = path.field("start");
    let start = match &ramp.start {
        Some(TimeConfig(text)) => numbers::time(text, &start_path, violations),
        None => {
            violations.add(
                &start_path,
                "missing; write the time from which `after` counts, such as start: \"2026-12-01T09:00:00Z\"",
            );
            None
        }
    };
    let points = compile_points(ramp.points.as_deref(), &path.field("points"), violations);
    let shape = match ramp.shape.unwrap_or(DEFAULT_SHAPE) {
        ShapeConfig::Linear => Shape::Linear,
        ShapeConfig::Steps => Shape::Steps,
    };
    let hold = ramp
        .hold
        .map(|percent| numbers::percent(percent, &path.field("hold"), violations));
    Ramp::new(start.unwrap_or_default(), points, shape, hold)
}

fn compile_points(
    points: Option<&[RampPointConfig]>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Point> {
    let problem = points.map_or("missing", |_| "empty");
    let points = points.unwrap_or_default();
    if points.is_empty() {
        let message = format!(
            "{problem}; write at least one point, such as points: [{{ after: \"24h\", percentage: 100 }}]"
        );
        violations.add(path, message);
    }
    if points.len() > MOST_POINTS {
        let message = format!("has {} points; write at most {MOST_POINTS}", points.len());
        violations.add(path, message);
    }
    let mut compiled: Vec<Point> = Vec::with_capacity(points.len().min(MOST_POINTS));
    for (index, point) in points.iter().take(MOST_POINTS).enumerate() {
        let path = path.index(index);
        let one = compile_point(point, &path, violations);
        if let (Some(before), Some(one)) = (compiled.last(), &one) {
            if one.after < before.after {
                let after = point.after.as_ref().map_or("", |DurationConfig(text)| text);
                let message = names::expected_got(
                    "a time that is not before that of the point before",
                    after,
                );
                violations.add(
                    &path.field("after"),
                    format!("{message}; order the points by time"),
                );
            }
            if one.percentage < before.percentage {
                let message = numbers::out_of_bounds(
                    &format!(
                        "at least {}, the percentage of the point before",
                        before.percentage
                    ),
                    one.percentage,
                );
                violations.add(
                    &path.field("percentage"),
                    format!("{message}; a ramp never falls: to go back, write hold"),
                );
            }
        }
        compiled.extend(one);
    }
    compiled
}

/// A point, or nothing if a field of it is missing or wrong.
fn compile_point(
    point: &RampPointConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<Point> {
    let after_path = path.field("after");
    let after = match &point.after {
        Some(DurationConfig(text)) => numbers::duration(text, &after_path, violations),
        None => {
            violations.add(
                &after_path,
                "missing; write the time after the start, such as after: \"1h\"",
            );
            None
        }
    };
    let percentage_path = path.field("percentage");
    let percentage = match point.percentage {
        Some(percentage) => Some(numbers::percent(percentage, &percentage_path, violations)),
        None => {
            violations.add(
                &percentage_path,
                "missing; write a number from 0 to 100, such as percentage: 10",
            );
            None
        }
    };
    Some(Point {
        after: u64::try_from(after?.as_millis()).ok()?,
        percentage: percentage?,
    })
}
