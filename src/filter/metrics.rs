//! The metrics of a configuration. They are defined when it is configured, so that a counter shows 0
//! before its first request, and a request only adds to them.

use std::cell::RefCell;

use super::abi::Metric;
use crate::event::{Event, ResponseClass};
use crate::lookup::Lookup;
use crate::mirror::{ComparisonResult, Mirror, MirrorOutcome};
use crate::release::{Outcome, Release, Version};

/// The metrics of one release.
pub struct ReleaseMetrics {
    /// In the order of [`Outcome::index`].
    requests: Vec<Metric>,
    /// In the order of [`Version::index`].
    versions: Vec<VersionMetrics>,
    conflicts: Metric,
}

struct VersionMetrics {
    responses: [Metric; ResponseClass::ALL.len()],
    duration: Metric,
}

/// The metrics of one mirror.
pub struct MirrorMetrics {
    outcomes: [Metric; MirrorOutcome::ALL.len()],
    duration: Metric,
    /// None: the mirror's answers are not compared.
    comparisons: Option<[Metric; ComparisonResult::ALL.len()]>,
}

impl ReleaseMetrics {
    /// Defines the metrics of `release`.
    pub fn define(release: &Release) -> Self {
        let name = &*release.name;
        let requests = release.outcomes.iter().map(|outcome| {
            counter(&Event::Request {
                release: name,
                version: outcome.version().name(),
                reason: outcome.reason(),
            })
        });
        let versions = release.versions.iter();
        Self {
            requests: requests.collect(),
            versions: versions
                .map(|version| VersionMetrics::define(name, version.name()))
                .collect(),
            conflicts: counter(&Event::Conflict { release: name }),
        }
    }

    /// A request was decided.
    pub fn count_request(&self, outcome: &Outcome) {
        add_one(&self.requests, outcome.index());
    }

    /// A response of `version` ended, `milliseconds` after the head of its request.
    pub fn count_response(&self, version: &Version, class: ResponseClass, milliseconds: u64) {
        if let Some(version) = self.versions.get(version.index()) {
            add_one(&version.responses, class.index());
            version.duration.record(milliseconds);
        }
    }

    /// An earlier plugin of this proxy had decided.
    pub fn count_conflict(&self) {
        self.conflicts.add(1);
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
            duration: histogram(&Event::RequestDuration { release, version }),
        }
    }
}

impl MirrorMetrics {
    /// Defines the metrics of `mirror`, of the release named `release`.
    pub fn define(release: &str, mirror: &Mirror) -> Self {
        let compare = mirror.compare.as_ref();
        let mirror = &*mirror.name;
        Self {
            outcomes: MirrorOutcome::ALL.map(|outcome| {
                counter(&Event::Mirror {
                    release,
                    mirror,
                    outcome,
                })
            }),
            duration: histogram(&Event::MirrorDuration { release, mirror }),
            comparisons: compare.map(|_| {
                ComparisonResult::ALL.map(|result| {
                    counter(&Event::Comparison {
                        release,
                        mirror,
                        result,
                    })
                })
            }),
        }
    }

    /// A selected request came to this outcome.
    pub fn count(&self, outcome: MirrorOutcome) {
        add_one(&self.outcomes, outcome.index());
    }

    /// The mirror answered after this time.
    pub fn record_duration(&self, milliseconds: u64) {
        self.duration.record(milliseconds);
    }

    /// An answer was compared.
    pub fn count_comparison(&self, result: ComparisonResult) {
        if let Some(comparisons) = &self.comparisons {
            add_one(comparisons, result.index());
        }
    }
}

fn add_one(metrics: &[Metric], index: usize) {
    if let Some(metric) = metrics.get(index) {
        metric.add(1);
    }
}

fn counter(event: &Event<'_>) -> Metric {
    defined(event, Metric::counter)
}

fn histogram(event: &Event<'_>) -> Metric {
    defined(event, Metric::histogram)
}

/// The gauge of `event`.
pub fn gauge(event: &Event<'_>) -> Metric {
    defined(event, Metric::gauge)
}

/// The metric of `event`, defined once in the life of a VM. Envoy keeps an entry for each definition,
/// even of a name that it has, and configurations come and go.
fn defined(event: &Event<'_>, define: fn(&str) -> Metric) -> Metric {
    thread_local! {
        static DEFINED: RefCell<Lookup<Metric>> = RefCell::default();
    }
    let name = event.to_string();
    DEFINED.with_borrow_mut(|known| match known.get(name.as_bytes()) {
        Some(metric) => *metric,
        None => {
            let metric = define(&name);
            known.insert(name.into_bytes().into(), metric);
            metric
        }
    })
}
