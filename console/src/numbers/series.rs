//! The past of a version.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The points by the second: five minutes.
const FINE: usize = 300;

/// The seconds of a coarse point.
const STEP: u64 = 15;

/// The coarse points: six hours.
const COARSE: usize = 6 * 3600 / STEP as usize;

/// The past that a chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Span {
    /// Five minutes, by the second.
    #[default]
    #[serde(rename = "5m")]
    Minutes,
    /// An hour, by the quarter of a minute.
    #[serde(rename = "1h")]
    Hour,
    /// Six hours, by the quarter of a minute.
    #[serde(rename = "6h")]
    Hours,
}

/// One point of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Seconds since 1970.
    pub time: u64,
    /// Requests a second.
    pub rate: f32,
    /// The part of the responses that are no failures.
    pub success: Option<f32>,
    /// Milliseconds.
    pub p50: Option<f32>,
    /// Milliseconds.
    pub p99: Option<f32>,
}

/// The points of a version.
#[derive(Debug, Default)]
pub struct Series {
    fine: VecDeque<Point>,
    coarse: VecDeque<Point>,
    /// The points that are not yet one of `coarse`.
    open: Vec<Point>,
}

impl Series {
    /// Adds a point.
    pub fn push(&mut self, point: Point) {
        if self
            .open
            .first()
            .is_some_and(|first| first.time / STEP != point.time / STEP)
        {
            let whole = mean(&self.open);
            self.open.clear();
            push(&mut self.coarse, whole, COARSE);
        }
        self.open.push(point.clone());
        push(&mut self.fine, point, FINE);
    }

    /// The points of a span, in order.
    #[must_use]
    pub fn points(&self, span: Span) -> Vec<Point> {
        let last = match span {
            Span::Minutes => return self.fine.iter().cloned().collect(),
            Span::Hour => 3600 / STEP as usize,
            Span::Hours => COARSE,
        };
        let skipped = self.coarse.len().saturating_sub(last);
        let open = (!self.open.is_empty()).then(|| mean(&self.open));
        self.coarse
            .iter()
            .skip(skipped)
            .cloned()
            .chain(open)
            .collect()
    }
}

fn push(points: &mut VecDeque<Point>, point: Point, most: usize) {
    if points.len() >= most {
        points.pop_front();
    }
    points.push_back(point);
}

fn mean(points: &[Point]) -> Point {
    let of = |value: fn(&Point) -> Option<f32>| {
        let values: Vec<f32> = points.iter().filter_map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f32>() / values.len() as f32)
    };
    Point {
        time: points.last().map_or(0, |last| last.time),
        rate: of(|point| Some(point.rate)).unwrap_or_default(),
        success: of(|point| point.success),
        p50: of(|point| point.p50),
        p99: of(|point| point.p99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(time: u64, rate: f32) -> Point {
        Point {
            time,
            rate,
            success: None,
            p50: None,
            p99: None,
        }
    }

    #[test]
    fn seven_hours_take_the_space_of_six() {
        let mut series = Series::default();
        for time in 0..7 * 3600 {
            series.push(point(time, 2.0));
        }
        assert_eq!(series.points(Span::Minutes).len(), FINE);
        assert_eq!(series.points(Span::Hours).len(), COARSE + 1);
        assert_eq!(series.points(Span::Hour).len(), 241);
        assert!(series.open.len() as u64 <= STEP);
    }

    #[test]
    fn a_coarse_point_is_the_mean_of_its_seconds() {
        let mut series = Series::default();
        for time in 0..16 {
            series.push(point(time, if time < 5 { 3.0 } else { 0.0 }));
        }
        let rates: Vec<f32> = series
            .points(Span::Hours)
            .iter()
            .map(|point| point.rate)
            .collect();
        assert_eq!(rates, [1.0, 0.0]);
    }
}
