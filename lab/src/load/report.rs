//! What a load counted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::Answer;

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by the upstream that gave them. Envoy's own answers are not here.
    pub upstreams: BTreeMap<String, u64>,
    /// Requests without a whole answer.
    pub failures: u64,
    /// What was wrong with the first of them.
    pub first_failure: Option<String>,
    /// From the first request to the last answer.
    pub took: Duration,
    /// One for each answer, sorted.
    latencies: Vec<Duration>,
}

impl Report {
    /// The number of whole answers.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// The number of answers other than 200, and of requests without an answer.
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

    /// The latency that `percent` (0 to 100) of the answers kept within. 0 when there were none.
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

    /// Takes in what came of another load, after this one or at the same time. What both took is added up.
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

    /// All is there, after so long.
    pub(super) fn finish(&mut self, took: Duration) {
        self.latencies.sort_unstable();
        self.took = took;
    }
}
