//! Ramps: a version that grows by the clock.
//!
//! Each instant has a split: the version that grows has the weight `S·p/(1 − p)`, where `S` is the sum
//! of the other weights and `p` its share. The other weights stay, so sessions move only to the version
//! that grows. All operations are correctly rounded and monotone: the weight never falls as time passes,
//! and every proxy computes the same one.

use std::sync::Arc;

use super::{Arm, Outcome, Split, Version};

/// The percentage of a version, as a function of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    start: u64,
    points: Vec<Point>,
    shape: Shape,
    hold: Option<f64>,
}

/// A point of a ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The time after the start, in milliseconds.
    pub after: u64,
    /// The percentage from then on, 0 to 100.
    pub percentage: f64,
}

/// The percentage between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It grows in a straight line.
    Linear,
    /// It stays until the next point.
    Steps,
}

impl Ramp {
    /// A ramp that starts at `start`, in milliseconds since 1970-01-01T00:00:00Z. Neither times nor
    /// percentages of `points` fall. With `hold`, the percentage is this one at all times.
    #[must_use]
    pub fn new(start: u64, points: Vec<Point>, shape: Shape, hold: Option<f64>) -> Self {
        Self {
            start,
            points,
            shape,
            hold,
        }
    }

    /// The percentage at `now`, 0 to 100. `now` is in milliseconds since 1970-01-01T00:00:00Z. Before
    /// the first point it is 0, after the last point that of the last point.
    #[must_use]
    pub fn percentage(&self, now: u64) -> f64 {
        self.hold.unwrap_or_else(|| self.by_clock(now))
    }

    /// The percentage at `now` without `hold`.
    #[must_use]
    pub fn by_clock(&self, now: u64) -> f64 {
        let Some(elapsed) = now.checked_sub(self.start) else {
            return 0.0;
        };
        let next = self.points.partition_point(|point| point.after <= elapsed);
        let (reached, coming) = self.points.split_at_checked(next).unwrap_or_default();
        match (reached.last(), coming.first(), self.shape) {
            (Some(from), Some(to), Shape::Linear) => {
                let part = (elapsed - from.after) as f64 / (to.after - from.after) as f64;
                let grown = from.percentage + (to.percentage - from.percentage) * part;
                grown.min(to.percentage)
            }
            (Some(from), _, _) => from.percentage,
            (None, _, _) => 0.0,
        }
    }

    /// The start, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The time of the last point, in milliseconds since 1970-01-01T00:00:00Z. The percentage does not
    /// change any more.
    #[must_use]
    pub fn end(&self) -> u64 {
        let last = self.points.last();
        self.start.saturating_add(last.map_or(0, |last| last.after))
    }

    /// The points, in order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The percentage between two points.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The percentage at which it is held. None: it follows the clock.
    #[must_use]
    pub fn hold(&self) -> Option<f64> {
        self.hold
    }
}

/// A split of which one version grows by a ramp.
#[derive(Clone, Debug)]
pub struct RampedSplit {
    ramp: Ramp,
    grown: Arc<Outcome>,
    others: Split,
    /// The sum of the weights of `others`.
    sum: f64,
}

impl RampedSplit {
    /// The version of `grown` grows by `ramp`. The `others` share what is left.
    #[must_use]
    pub fn new(ramp: Ramp, grown: Arc<Outcome>, others: Split) -> Self {
        let sum = others.arms().map(Arm::weight).sum();
        Self {
            ramp,
            grown,
            others,
            sum,
        }
    }

    /// The ramp.
    #[must_use]
    pub fn ramp(&self) -> &Ramp {
        &self.ramp
    }

    /// The version that grows.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        self.grown.version()
    }

    /// The versions at `now`, each with its weight: those that have one above 0, the one that grows
    /// first. At 100 % it is alone.
    pub fn arms(&self, now: u64) -> impl Iterator<Item = Arm> {
        let percentage = self.ramp.percentage(now);
        let weight = self.weight(percentage);
        let arm = |weight| Arm::new(weight, Arc::clone(&self.grown), Arc::clone(&self.grown));
        let others = self.others.arms().filter(move |_| percentage < 100.0);
        (weight > 0.0)
            .then(|| arm(weight))
            .into_iter()
            .chain(others.cloned())
    }

    /// The weight of the version that grows. At 100 % it is that of all others, which do not run.
    fn weight(&self, percentage: f64) -> f64 {
        if percentage >= 100.0 {
            self.sum
        } else {
            self.sum * (percentage / (100.0 - percentage))
        }
    }

    /// The outcome for a session's `number` at `now`.
    #[must_use]
    pub fn pick(&self, number: u64, now: u64) -> &Arc<Outcome> {
        let percentage = self.ramp.percentage(now);
        if percentage >= 100.0 {
            return &self.grown;
        }
        let winner = self.others.pick(number);
        let weight = self.weight(percentage);
        let wins = weight > 0.0
            && Arm::time_of(self.grown.version(), weight, number) < winner.time(number);
        if wins { &self.grown } else { winner.drawn() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000;

    fn ramp(points: &[(u64, f64)], shape: Shape, hold: Option<f64>) -> Ramp {
        let point = |(after, percentage): &(u64, f64)| Point {
            after: *after,
            percentage: *percentage,
        };
        Ramp::new(START, points.iter().map(point).collect(), shape, hold)
    }

    #[test]
    fn the_percentage_is_0_before_the_first_point_and_follows_the_shape_after_it() {
        let points = [(1_000, 1.0), (2_000, 11.0), (2_000, 21.0), (4_000, 100.0)];
        let linear = ramp(&points, Shape::Linear, None);
        let steps = ramp(&points, Shape::Steps, None);
        let table = [
            (0, 0.0, 0.0),
            (START, 0.0, 0.0),
            (START + 999, 0.0, 0.0),
            (START + 1_000, 1.0, 1.0),
            (START + 1_500, 6.0, 1.0),
            (START + 1_999, 10.99, 1.0),
            (START + 2_000, 21.0, 21.0),
            (START + 3_000, 60.5, 21.0),
            (START + 4_000, 100.0, 100.0),
            (u64::MAX, 100.0, 100.0),
        ];
        for (now, expected, in_steps) in table {
            assert_eq!(linear.percentage(now), expected, "linear at {now}");
            assert_eq!(steps.percentage(now), in_steps, "steps at {now}");
        }
        let held = ramp(&points, Shape::Linear, Some(25.0));
        for now in [0, START + 1_500, u64::MAX] {
            assert_eq!(held.percentage(now), 25.0, "held at {now}");
        }
        assert_eq!((held.start(), held.end()), (START, START + 4_000));
    }
}
