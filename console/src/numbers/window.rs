//! The last seconds of a version.

use std::collections::VecDeque;

use serde::Serialize;

use super::quantile::quantile;
use super::series::Point;
use super::totals::Ended;

/// What people read as "now", in seconds: short enough to see a change, and longer than the five seconds in which Envoy
/// flushes its histograms.
const SECONDS: u64 = 10;

/// Reasons are counted for this time, in seconds.
const MINUTE: u64 = 60;

/// The last seconds of a version.
#[derive(Debug)]
pub struct Window {
    seconds: u64,
    ended: VecDeque<(u64, Ended)>,
}

/// What a version does now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Now {
    /// Requests in the window.
    #[serde(skip)]
    pub requests: f64,
    /// Requests a second.
    pub rate: f64,
    /// The part of the release's requests, 0 to 1. None: the release has none.
    pub share: Option<f64>,
    /// The part of the responses that are no failures, 0 to 1.
    pub success: Option<f64>,
    /// Half of the responses take less, in milliseconds.
    pub p50: Option<f64>,
    /// 99 % of the responses take less, in milliseconds.
    pub p99: Option<f64>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            ended: VecDeque::new(),
        }
    }
}

impl Window {
    /// A window of a minute.
    #[must_use]
    pub fn minute() -> Self {
        Self {
            seconds: MINUTE,
            ended: VecDeque::new(),
        }
    }

    /// Adds what ended until `now`.
    pub fn push(&mut self, now: u64, ended: Ended) {
        self.ended.push_back((now, ended));
        while let Some((time, _)) = self.ended.front() {
            let is_inside = now.saturating_sub(*time) < self.seconds;
            if is_inside && self.ended.len() as u64 <= self.seconds {
                break;
            }
            self.ended.pop_front();
        }
    }

    /// The requests in the window.
    #[must_use]
    pub fn requests(&self) -> f64 {
        self.ended.iter().map(|(_, ended)| ended.requests).sum()
    }

    /// Whether nothing ended in the window.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests() <= 0.0
    }

    /// What the version does now.
    #[must_use]
    pub fn now(&self) -> Now {
        let mut all = Ended::default();
        for (_, ended) in &self.ended {
            all.add(ended);
        }
        let first = self.ended.front().map_or(0, |(time, _)| *time);
        let last = self.ended.back().map_or(0, |(time, _)| *time);
        let seconds = (last.saturating_sub(first) + 1) as f64;
        Now {
            requests: all.requests,
            rate: all.requests / seconds,
            share: None,
            success: (all.responses > 0.0).then(|| 1.0 - all.failed / all.responses),
            p50: quantile(&all.buckets, 0.5),
            p99: quantile(&all.buckets, 0.99),
        }
    }

    /// The latest second, with the quantiles of the window.
    #[must_use]
    pub fn point(&self, time: u64) -> Point {
        let now = self.now();
        let mut latest = self.ended.iter().rev();
        let last = latest.next().map(|(_, ended)| ended);
        // A proxy that did not answer is late by some seconds.
        let seconds = latest
            .next()
            .map_or(1, |(before, _)| time.saturating_sub(*before));
        let success = last
            .filter(|last| last.responses > 0.0)
            .map(|last| 1.0 - last.failed / last.responses);
        Point {
            time,
            rate: last.map_or(0.0, |last| last.requests / seconds.max(1) as f64) as f32,
            success: success.map(|success| success as f32),
            p50: now.p50.map(|p50| p50 as f32),
            p99: now.p99.map(|p99| p99 as f32),
        }
    }
}
