//! The metrics of a configuration. All are defined when it is configured, so that a counter shows
//! as 0 before its first request, and a request only adds to them.

use std::cell::RefCell;

use super::host::Metric;
use crate::event::{Event, ResponseClass};
use crate::mirror::{ComparisonResult, Mirror, MirrorOutcome};
use crate::release::{Lookup, Outcome, Release};

/// What is counted for one release.
pub struct ReleaseMetrics {
    requests: Vec<Option<Metric>>,
    versions: Vec<VersionMetrics>,
    conflicts: Option<Metric>,
}

struct VersionMetrics {
    responses: [Option<Metric>; ResponseClass::ALL.len()],
    duration: Option<Metric>,
}

/// The metrics of one mirror.
pub struct MirrorMetrics {
    outcomes: [Option<Metric>; MirrorOutcome::ALL.len()],
    duration: Option<Metric>,
    comparisons: [Option<Metric>; ComparisonResult::ALL.len()],
}

impl ReleaseMetrics {
    /// Defines the metrics of `release`.
    pub fn define(release: &Release) -> Self {
        let name = &*release.name;
        let request = |outcome: &Outcome| {
            let (version, reason) = (outcome.version().name(), outcome.reason());
            counter(&Event::Request {
                release: name,
                version,
                reason,
            })
        };
        Self {
            requests: release.outcomes().into_iter().map(request).collect(),
            versions: release
                .versions
                .iter()
                .map(|version| VersionMetrics::define(name, version.name()))
                .collect(),
            conflicts: counter(&Event::Conflict { release: name }),
        }
    }

    /// A request was decided.
    pub fn count_request(&self, outcome: &Outcome) {
        if let Some(Some(metric)) = self.requests.get(outcome.index()) {
            metric.add(1);
        }
    }

    /// A response of the `version`-th version ended, `milliseconds` after its request's head.
    pub fn count_response(&self, version: usize, class: ResponseClass, milliseconds: u64) {
        let Some(version) = self.versions.get(version) else {
            return;
        };
        if let Some(Some(metric)) = version.responses.get(class.index()) {
            metric.add(1);
        }
        if let Some(metric) = version.duration {
            metric.record(milliseconds);
        }
    }

    /// An earlier plugin of this proxy had decided.
    pub fn count_conflict(&self) {
        if let Some(metric) = self.conflicts {
            metric.add(1);
        }
    }
}

impl VersionMetrics {
    fn define(release: &str, version: &str) -> Self {
        Self {
            responses: ResponseClass::ALL.map(|class| {
                counter(&Event::Response {
                    release,
                    version,
                    class,
                })
            }),
            duration: defined(
                &Event::RequestDuration { release, version },
                Metric::histogram,
            ),
        }
    }
}

impl MirrorMetrics {
    /// Defines the metrics of a mirror of `release`.
    pub fn define(release: &str, mirror: &Mirror) -> Self {
        let compare = mirror.compare.as_ref();
        let mirror = &*mirror.name;
        Self {
            comparisons: ComparisonResult::ALL.map(|result| {
                compare.and_then(|_| {
                    counter(&Event::Comparison {
                        release,
                        mirror,
                        result,
                    })
                })
            }),
            outcomes: MirrorOutcome::ALL.map(|outcome| {
                counter(&Event::Mirror {
                    release,
                    mirror,
                    outcome,
                })
            }),
            duration: defined(
                &Event::MirrorDuration { release, mirror },
                Metric::histogram,
            ),
        }
    }

    /// Counts the outcome of a request that the mirror selected.
    pub fn count(&self, outcome: MirrorOutcome) {
        add_one(self.outcomes.get(outcome.index()));
    }

    /// Records that the mirror took this long to answer.
    pub fn record_duration(&self, milliseconds: u64) {
        if let Some(metric) = self.duration {
            metric.record(milliseconds);
        }
    }

    /// Counts the result of a comparison with production's answer.
    pub fn count_comparison(&self, result: ComparisonResult) {
        add_one(self.comparisons.get(result.index()));
    }
}

fn add_one(metric: Option<&Option<Metric>>) {
    if let Some(Some(metric)) = metric {
        metric.add(1);
    }
}

fn counter(event: &Event<'_>) -> Option<Metric> {
    defined(event, Metric::counter)
}

/// The gauge of `event`.
pub fn gauge(event: &Event<'_>) -> Option<Metric> {
    defined(event, Metric::gauge)
}

/// The metric of `event`, defined once in the life of a worker's VM: Envoy keeps an entry for every
/// definition, also of a name that it has, and configurations come and go.
fn defined(event: &Event<'_>, define: fn(&str) -> Option<Metric>) -> Option<Metric> {
    thread_local! {
        static DEFINED: RefCell<Lookup<Metric>> = RefCell::default();
    }
    let name = event.to_string();
    DEFINED.with_borrow_mut(|known| match known.get(name.as_bytes()) {
        Some(metric) => Some(*metric),
        None => define(&name).inspect(|metric| {
            known.insert(name.as_bytes(), *metric);
        }),
    })
}
