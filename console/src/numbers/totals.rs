//! The counters of one proxy.

use std::collections::BTreeMap;

use halftone_exposition::Sample;

/// A version of a release, or a mirror of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The release.
    pub release: String,
    /// The version, or the mirror.
    pub version: String,
}

/// Requests that ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// The requests that were decided.
    pub requests: f64,
    /// The responses.
    pub responses: f64,
    /// The responses that are failures of the version: 5xx, gRPC errors and broken streams.
    pub failed: f64,
    /// The durations in milliseconds: upper bounds with cumulative counts.
    pub buckets: Vec<(f64, f64)>,
}

/// The counters and gauges of one proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Each version.
    pub versions: BTreeMap<Key, Ended>,
    /// The requests of each version and reason.
    pub reasons: BTreeMap<(Key, String), f64>,
    /// The copies of each mirror, by `outcome` or `result` and its value.
    pub mirrors: BTreeMap<Key, BTreeMap<(&'static str, String), f64>>,
    /// The configured shares, 0 to 1.
    pub configured: BTreeMap<Key, f64>,
    /// Whether the guard returned the version.
    pub guarded: BTreeMap<Key, bool>,
    /// Whether the version has no endpoint.
    pub unreachable: BTreeMap<Key, bool>,
    /// The plugins with a rejected configuration.
    pub rejected: f64,
}

impl Totals {
    /// The counters in `samples`.
    pub fn of<'p>(samples: impl Iterator<Item = Sample<'p>>) -> Self {
        let mut totals = Self::default();
        for sample in samples {
            totals.count(&sample);
        }
        totals
    }

    fn count(&mut self, sample: &Sample<'_>) {
        let label = |name: &str| sample.label(name).unwrap_or_default();
        let key = |version: &str| Key {
            release: label("release").into(),
            version: label(version).into(),
        };
        let value = sample.value;
        match sample.name {
            "halftone_requests_total" => {
                let key = key("version");
                self.versions.entry(key.clone()).or_default().requests += value;
                let reason = label("reason").to_owned();
                *self.reasons.entry((key, reason)).or_default() += value;
            }
            "halftone_responses_total" => {
                let ended = self.versions.entry(key("version")).or_default();
                match label("class") {
                    // The client left: that says nothing of the version.
                    "aborted" => {}
                    "5xx" | "reset" | "grpc_error" => {
                        ended.responses += value;
                        ended.failed += value;
                    }
                    _ => ended.responses += value,
                }
            }
            "halftone_request_duration_milliseconds_bucket" => {
                let Ok(bound) = label("le").parse() else {
                    return;
                };
                let ended = self.versions.entry(key("version")).or_default();
                add(&mut ended.buckets, bound, value);
            }
            "halftone_mirrors_total" => self.mirrored(key("mirror"), "outcome", sample),
            "halftone_comparisons_total" => self.mirrored(key("mirror"), "result", sample),
            "halftone_share_ppm" => {
                self.configured.insert(key("version"), value / 1e6);
            }
            "halftone_guard" => {
                self.guarded.insert(key("version"), value > 0.0);
            }
            "halftone_unreachable" => {
                self.unreachable.insert(key("version"), value > 0.0);
            }
            "halftone_config_rejected" => self.rejected += value,
            _ => {}
        }
    }

    fn mirrored(&mut self, mirror: Key, kind: &'static str, sample: &Sample<'_>) {
        let outcomes = self.mirrors.entry(mirror).or_default();
        let outcome = (kind, sample.label(kind).unwrap_or_default().to_owned());
        *outcomes.entry(outcome).or_default() += sample.value;
    }

    /// What was counted after `before`. A counter that is smaller than before has begun at 0 again.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let grown = |now: f64, before: f64| if now < before { now } else { now - before };
        let none = Ended::default();
        let versions = self.versions.iter().map(|(key, now)| {
            let before = before.versions.get(key).unwrap_or(&none);
            let buckets = now.buckets.iter().map(|(bound, count)| {
                let mut old = before.buckets.iter();
                let old = old.find(|(other, _)| other == bound);
                (*bound, grown(*count, old.map_or(0.0, |(_, count)| *count)))
            });
            let ended = Ended {
                requests: grown(now.requests, before.requests),
                responses: grown(now.responses, before.responses),
                failed: grown(now.failed, before.failed),
                buckets: buckets.collect(),
            };
            (key.clone(), ended)
        });
        let reasons = self.reasons.iter().map(|(key, now)| {
            let before = before.reasons.get(key).copied().unwrap_or_default();
            (key.clone(), grown(*now, before))
        });
        Self {
            versions: versions.collect(),
            reasons: reasons.collect(),
            ..Self::default()
        }
    }

    /// Adds the requests of another proxy.
    pub fn add(&mut self, other: &Self) {
        for (key, ended) in &other.versions {
            self.versions.entry(key.clone()).or_default().add(ended);
        }
        for (key, requests) in &other.reasons {
            *self.reasons.entry(key.clone()).or_default() += requests;
        }
    }
}

impl Ended {
    /// Only requests.
    #[must_use]
    pub fn requests(requests: f64) -> Self {
        Self {
            requests,
            ..Self::default()
        }
    }

    /// Adds those of another proxy, or of another second.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.responses += other.responses;
        self.failed += other.failed;
        for (bound, count) in &other.buckets {
            add(&mut self.buckets, *bound, *count);
        }
    }
}

/// Adds to the bucket of a bound. Every proxy has the same bounds, in order.
fn add(buckets: &mut Vec<(f64, f64)>, bound: f64, count: f64) {
    match buckets.iter_mut().find(|(other, _)| *other == bound) {
        Some(bucket) => bucket.1 += count,
        None => buckets.push((bound, count)),
    }
}
