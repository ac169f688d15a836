//! The metrics of a configuration. All are defined when it is configured, so that a counter shows
//! as 0 before its first request, and a request only adds to them.

use std::cell::RefCell;

use super::abi::Metric;
use crate::event::{Event, ResponseClass};
use crate::lookup::Lookup;
use crate::mirror::{ComparisonResult, Mirror, MirrorOutcome};
use crate::release::{Outcome, Release};

/// What is counted for one release.
pub struct ReleaseMetrics {
    requests: Vec<Option<Metric>>,
    versions: Vec<VersionMetrics>,
    mirrors: Vec<MirrorMetrics>,
    conflicts: Option<Metric>,
}

struct VersionMetrics {
    responses: [Option<Metric>; ResponseClass::ALL.len()],
    duration: Option<Metric>,
}

struct MirrorMetrics {
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
            requests: release
                .outcomes
                .iter()
                .map(|outcome| request(outcome))
                .collect(),
            versions: release
                .versions
                .iter()
                .map(|version| VersionMetrics::define(name, version.name()))
                .collect(),
            mirrors: release
                .mirrors
                .iter()
                .map(|mirror| MirrorMetrics::define(name, mirror))
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

    /// A request that the `mirror`-th mirror selected came to this end.
    pub fn count_mirror(&self, mirror: usize, outcome: MirrorOutcome) {
        let mirror = self.mirrors.get(mirror);
        if let Some(Some(metric)) = mirror.and_then(|mirror| mirror.outcomes.get(outcome.index())) {
            metric.add(1);
        }
    }

    /// The `mirror`-th mirror took this long to answer.
    pub fn record_mirror_duration(&self, mirror: usize, milliseconds: u64) {
        if let Some(metric) = self.mirrors.get(mirror).and_then(|mirror| mirror.duration) {
            metric.record(milliseconds);
        }
    }

    /// An answer of the `mirror`-th mirror was compared.
    pub fn count_comparison(&self, mirror: usize, result: ComparisonResult) {
        let mirror = self.mirrors.get(mirror);
        if let Some(Some(metric)) = mirror.and_then(|mirror| mirror.comparisons.get(result.index()))
        {
            metric.add(1);
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
    fn define(release: &str, mirror: &Mirror) -> Self {
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
            known.insert(name.as_bytes().into(), *metric);
        }),
    })
}
