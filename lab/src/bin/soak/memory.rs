//! The slope of Envoy's memory.

use std::time::Duration;

/// The most that Envoy's private memory may grow, in MiB a minute.
///
/// If each update leaked one configuration, its text alone would exceed this. It is also 58 bytes for each request, at
/// 300 a second.
pub const MOST_GROWTH: f64 = 1.0;

/// The shortest warm-up. Tunnels hold configurations, and the first tunnels are replaced within a minute. The
/// allocators of Envoy and of its VMs take a few minutes more.
const SHORTEST_WARM_UP: Duration = Duration::from_secs(5 * 60);

/// The part of the run that is warm-up, if that is longer.
const WARM_UP: u32 = 3;

/// The shortest time after the warm-up in which growth differs from the ups and downs of a minute.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// The time before which samples do not count, or `None` if too few would be left.
pub fn warm_up(length: Duration) -> Option<Duration> {
    let warm_up = (length / WARM_UP).max(SHORTEST_WARM_UP);
    (length >= warm_up + SHORTEST).then_some(warm_up)
}

/// Samples of the memory, each with the time since the start.
#[derive(Debug, Default)]
pub struct Samples(pub Vec<(Duration, u64)>);

impl Samples {
    /// The slope of the line of least squares through the samples after `from`, in MiB a minute. `None` if there are
    /// fewer than two.
    #[must_use]
    pub fn slope(&self, from: Duration) -> Option<f64> {
        let points: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter(|(at, _)| *at >= from)
            .map(|(at, bytes)| (at.as_secs_f64() / 60.0, *bytes as f64 / f64::from(1 << 20)))
            .collect();
        let count = points.len() as f64;
        let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let covariance: f64 = points
            .iter()
            .map(|point| (point.0 - x) * (point.1 - y))
            .sum();
        let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        let slope = covariance / variance;
        slope.is_finite().then_some(slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn a_run_of_ten_minutes_is_long_enough() {
        let minutes = |number: u64| Duration::from_secs(60 * number);
        assert_eq!(warm_up(minutes(9)), None);
        assert_eq!(warm_up(minutes(10)), Some(minutes(5)));
        assert_eq!(warm_up(minutes(30)), Some(minutes(10)));
    }

    /// The number of copies that Envoy keeps of a configuration's text, rounded down.
    const COPIES: usize = 2;

    #[test]
    fn the_bound_is_below_a_leak_of_one_configuration_for_each_update() {
        let text = Plan::new(30).unwrap().configuration(0, 3).to_string();
        let leaked = (60 * COPIES * text.len()) as f64 / f64::from(1 << 20);
        assert!(leaked > MOST_GROWTH, "{leaked} MiB a minute");
    }

    #[test]
    fn the_slope_is_that_of_the_samples_after_the_warm_up() {
        let minute = |number: u64| Duration::from_secs(60 * number);
        let mut samples = Samples(vec![(minute(0), 0), (minute(1), 1 << 30)]);
        assert_eq!(samples.slope(minute(1)), None);
        for number in 2..10 {
            samples.0.push((minute(number), number << 20));
        }
        let slope = samples.slope(minute(2)).unwrap();
        assert!((slope - 1.0).abs() < 1e-9, "{slope}");
    }
}
