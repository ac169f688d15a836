//! The report of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::Answer;

/// The answers and errors of a load.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// The number of answers by upstream, without Envoy's own answers.
    pub upstreams: BTreeMap<String, u64>,
    /// The number of requests without a complete answer.
    pub failures: u64,
    /// The error of the first of them.
    pub first_failure: Option<String>,
    /// The time from the first request to the last answer.
    pub took: Duration,
    /// The latency of each answer, sorted.
    latencies: Vec<Duration>,
}

impl Report {
    /// The number of complete answers.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// The number of answers other than 200 and of requests without an answer.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let good = self.statuses.get(&200).copied().unwrap_or_default();
        self.answers() - good + self.failures
    }

    /// Answers per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The percentile `percent` (0 to 100) of the latencies. 0 if there are no answers.
    #[must_use]
    pub fn latency(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent)
            .div_ceil(100)
            .saturating_sub(1);
        self.latencies.get(rank).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, answer: anyhow::Result<Answer>, latency: Duration) {
        match answer {
            Ok(answer) => {
                *self.statuses.entry(answer.status.as_u16()).or_default() += 1;
                if let Some(upstream) = answer.upstream() {
                    match self.upstreams.get_mut(upstream) {
                        Some(count) => *count += 1,
                        None => drop(self.upstreams.insert(upstream.to_owned(), 1)),
                    }
                }
                self.latencies.push(latency);
            }
            Err(error) => {
                self.failures += 1;
                self.first_failure
                    .get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    /// Adds the report of another load, whether it ran after this one or at the same time. Durations are added.
    pub fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (upstream, count) in other.upstreams {
            *self.upstreams.entry(upstream).or_default() += count;
        }
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.took += other.took;
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
    }

    /// Sorts the latencies and sets the duration.
    pub(super) fn finish(&mut self, took: Duration) {
        self.latencies.sort_unstable();
        self.took = took;
    }
}
