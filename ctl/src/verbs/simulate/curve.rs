//! `simulate --ramp`: the percentage of the version that grows, by time.

use std::io::{self, Write};

use halftone::config::time;
use halftone::release::{RampedSplit, Release, Shape};
use serde::Serialize;

use crate::shown::{bar, percent};
use crate::terminal::{FAINT, GOOD, Line, STRONG, escaped};

/// The number of instants beside the points. Each is a row.
const INSTANTS: u64 = 16;

/// A ramp, by time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CurveReport {
    /// The release.
    pub release: String,
    /// The version that grows.
    pub version: String,
    /// `linear` or `steps`.
    pub shape: &'static str,
    /// The percentage at which the ramp is held, whatever the curve. Absent: it follows the clock.
    pub hold: Option<f64>,
    /// The time of the call, or the one given by `--at`.
    pub at: String,
    /// The percentage at that time, 0 to 100.
    pub percentage: f64,
    /// The curve, in the order of time.
    pub curve: Vec<InstantReport>,
}

/// The percentage at an instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstantReport {
    /// The time.
    pub time: String,
    /// The percentage, 0 to 100.
    pub percentage: f64,
    /// Whether it is a point of the configuration.
    pub point: bool,
}

impl CurveReport {
    /// The curve of `ramp`, at `now` in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn new(release: &Release, ramp: &RampedSplit, now: u64) -> Self {
        let curve = ramp.ramp();
        let at_point = |time: u64| {
            let mut points = curve.points().iter();
            points.any(|point| curve.start().saturating_add(point.after) == time)
        };
        Self {
            release: release.name.to_string(),
            version: ramp.version().name().into(),
            shape: match curve.shape() {
                Shape::Linear => "linear",
                Shape::Steps => "steps",
            },
            hold: curve.hold(),
            at: time::text(now),
            percentage: curve.percentage(now),
            curve: instants(ramp)
                .into_iter()
                .map(|instant| InstantReport {
                    time: time::text(instant),
                    percentage: curve.by_clock(instant),
                    point: at_point(instant),
                })
                .collect(),
        }
    }

    /// Writes the report for people.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (release, version) = (escaped(&self.release), escaped(&self.version));
        let title = format!("release {release} · ramp of {version} · {}", self.shape);
        writeln!(out, "{}\n", Line::styled(STRONG, title))?;
        let width = self.curve.iter().map(|one| one.time.len()).max();
        let width = width.unwrap_or_default();
        for one in &self.curve {
            let share = one.percentage / 100.0;
            let line = format!("  {:width$}  {:>8}", one.time, percent(share));
            let line = match one.point {
                true => Line::from(line),
                false => Line::styled(FAINT, line),
            };
            let bar = bar(share);
            let line = match bar.as_str() {
                "" => line,
                bar => line.and("  ").and_styled(GOOD, bar),
            };
            writeln!(out, "{line}")?;
        }
        let now = percent(self.percentage / 100.0);
        match self.hold {
            Some(_) => writeln!(out, "\nAt {}: {now}, where the ramp is held.", self.at),
            None => writeln!(out, "\nAt {}: {now}.", self.at),
        }
    }
}

/// The times of the points, and others at equal distances between the first and the last, in order.
fn instants(ramp: &RampedSplit) -> Vec<u64> {
    let curve = ramp.ramp();
    let points = curve.points().iter();
    let mut times: Vec<u64> = points
        .map(|point| curve.start().saturating_add(point.after))
        .collect();
    if let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) {
        let length = last - first;
        times.extend((1..INSTANTS).map(|part| first + length / INSTANTS * part));
    }
    times.sort_unstable();
    times.dedup();
    times
}
