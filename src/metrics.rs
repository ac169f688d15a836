//! The metrics of releases and mirrors. They are defined when a configuration is read, so that a
//! counter shows 0 before its first request, and a request only adds to them. Those of very many
//! releases are defined by the first request of each release ([`MOST_AT_ONCE`]).

use crate::event::{Event, ResponseClass};
use crate::guard::{FailureKind, Guard};
use crate::mirror::{ComparisonResult, Mirror, MirrorOutcome};
use crate::release::{Outcome, Release, Version};

/// A counter, a gauge or a histogram of the host.
pub trait Metric: Copy {
    /// Adds 1 to a counter.
    fn add_one(self) {
        self.add_many(1);
    }

    /// Adds `count` to a counter. An addition of 0 costs nothing.
    fn add_many(self, count: u32);

    /// Adds a value to a histogram, or sets a gauge to it.
    fn record(self, value: u64);

    /// The value of a counter or of a gauge, over all workers; 0 if the host does not tell.
    fn value(self) -> u64 {
        0
    }
}

/// What a metric does with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number of events.
    Counter,
    /// A value that is set.
    Gauge,
    /// The distribution of a time, in milliseconds.
    Histogram,
}

/// The most metrics that are defined when a configuration is read. Envoy takes about 50 µs for each
/// in the thread that answers probes and applies updates, and its other threads wait meanwhile.
pub const MOST_AT_ONCE: usize = 5_000;

/// Defines a metric in the host.
pub type Define<M> = fn(Kind, &Event<'_>) -> M;

/// A metric that exists only to be counted.
#[derive(Clone, Copy, Debug)]
struct Undefined;

impl Metric for Undefined {
    fn add_one(self) {}

    fn add_many(self, _count: u32) {}

    fn record(self, _value: u64) {}
}

/// The number of metrics of `release` and its mirrors.
#[must_use]
pub fn number(release: &Release) -> usize {
    let mut number = 0;
    let mut define = |_: Kind, _: &Event<'_>| {
        number += 1;
        Undefined
    };
    ReleaseMetrics::define(release, &mut define);
    for mirror in &release.mirrors {
        MirrorMetrics::define(&release.name, mirror, &mut define);
    }
    number
}

/// The metrics of one release.
#[derive(Clone, Debug)]
pub struct ReleaseMetrics<M> {
    /// In the order of [`Outcome::index`].
    requests: Vec<M>,
    /// In the order of [`Version::index`].
    versions: Vec<VersionMetrics<M>>,
    conflicts: M,
    unread: M,
}

#[derive(Clone, Debug)]
struct VersionMetrics<M> {
    /// None: the release does not count its responses.
    responses: Option<ResponseMetrics<M>>,
    share: M,
    /// None: the release has no guard.
    guard: Option<GuardMetrics<M>>,
    /// None: the release has no fallback.
    unreachable: Option<M>,
}

/// The metrics of the responses of one version.
#[derive(Clone, Debug)]
struct ResponseMetrics<M> {
    classes: [M; ResponseClass::ALL.len()],
    duration: M,
}

/// The metrics of one version of a release with a guard.
#[derive(Clone, Debug)]
struct GuardMetrics<M> {
    /// In the order of [`FailureKind::ALL`]. None: the kind is no failure.
    failures: [Option<M>; FailureKind::ALL.len()],
    ignored: M,
    is_failing: M,
}

/// The metrics of one mirror.
#[derive(Clone, Debug)]
pub struct MirrorMetrics<M> {
    outcomes: [M; MirrorOutcome::ALL.len()],
    responses: [M; ResponseClass::OF_COMPLETE.len()],
    duration: M,
    /// None: the mirror's answers are not compared.
    comparisons: Option<[M; ComparisonResult::ALL.len()]>,
}

impl<M: Metric> ReleaseMetrics<M> {
    /// Defines the metrics of `release` by `define`.
    pub fn define(release: &Release, define: &mut impl FnMut(Kind, &Event<'_>) -> M) -> Self {
        let name = &*release.name;
        let mut requests = Vec::with_capacity(release.outcomes.len());
        for outcome in &release.outcomes {
            let event = Event::Request {
                release: name,
                version: outcome.version().name(),
                reason: outcome.reason(),
            };
            requests.push(define(Kind::Counter, &event));
        }
        let mut versions = Vec::with_capacity(release.versions.len());
        for version in &release.versions {
            let mut metrics = VersionMetrics::define(name, version.name(), define);
            let counts_responses = release.counts_responses;
            metrics.responses =
                counts_responses.then(|| ResponseMetrics::define(name, version.name(), define));
            let guard = release.guard.as_ref();
            metrics.guard =
                guard.map(|one| GuardMetrics::define(name, version.name(), &one.guard, define));
            let unreachable = Event::Unreachable {
                release: name,
                version: version.name(),
            };
            let fallback = release.fallback.as_ref();
            metrics.unreachable = fallback.map(|_| define(Kind::Gauge, &unreachable));
            versions.push(metrics);
        }
        Self {
            requests,
            versions,
            conflicts: define(Kind::Counter, &Event::Conflict { release: name }),
            unread: define(Kind::Counter, &Event::BudgetExceeded { release: name }),
        }
    }

    /// A request was decided.
    pub fn count_request(&self, outcome: &Outcome) {
        add_one(&self.requests, outcome.index());
    }

    /// A response of `version` ended, `milliseconds` after the head of its request.
    pub fn count_response(&self, version: &Version, class: ResponseClass, milliseconds: u64) {
        let version = self.versions.get(version.index());
        if let Some(responses) = version.and_then(|version| version.responses.as_ref()) {
            add_one(&responses.classes, class.index());
            responses.duration.record(milliseconds);
        }
    }

    /// Sets the configured shares of the versions, 0 to 1 each, in the order of [`Version::index`].
    pub fn set_shares(&self, shares: &[f64]) {
        for (version, share) in self.versions.iter().zip(shares) {
            version.set_share(*share);
        }
    }

    /// Sets the configured share of `version`, 0 to 1.
    pub fn set_share(&self, version: &Version, share: f64) {
        if let Some(version) = self.versions.get(version.index()) {
            version.set_share(share);
        }
    }

    /// A response of `version` failed. It counts as evidence, unless it is `ignored`.
    pub fn count_failure(&self, version: &Version, kind: FailureKind, ignored: bool) {
        if let Some(guard) = self.guard(version) {
            match guard.failures.get(kind.index()) {
                Some(Some(_)) if ignored => guard.ignored.add_one(),
                Some(Some(failures)) => failures.add_one(),
                _ => {}
            }
        }
    }

    /// Whether the guard of some release of this name has taken the traffic from `version`.
    #[must_use]
    pub fn is_failing(&self, version: &Version) -> bool {
        self.guard(version)
            .is_some_and(|guard| guard.is_failing.value() > 0)
    }

    /// The guard has taken the traffic from `version`, or given it back.
    pub fn set_failing(&self, version: &Version, is_failing: bool) {
        if let Some(guard) = self.guard(version) {
            guard.is_failing.record(is_failing.into());
        }
    }

    /// Whether `version` of some release of this name has no endpoint.
    #[must_use]
    pub fn is_unreachable(&self, version: &Version) -> bool {
        self.unreachable(version)
            .is_some_and(|unreachable| unreachable.value() > 0)
    }

    /// `version` has no endpoint, or answers again.
    pub fn set_unreachable(&self, version: &Version, is_unreachable: bool) {
        if let Some(unreachable) = self.unreachable(version) {
            unreachable.record(is_unreachable.into());
        }
    }

    fn unreachable(&self, version: &Version) -> Option<M> {
        self.versions.get(version.index())?.unreachable
    }

    fn guard(&self, version: &Version) -> Option<&GuardMetrics<M>> {
        self.versions.get(version.index())?.guard.as_ref()
    }

    /// An earlier plugin of this proxy had decided.
    pub fn count_conflict(&self) {
        self.conflicts.add_one();
    }

    /// The budget of a request left this number of values unread.
    pub fn count_unread(&self, values: u32) {
        self.unread.add_many(values);
    }
}

impl<M: Metric> VersionMetrics<M> {
    fn define(
        release: &str,
        version: &str,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self {
        Self {
            share: define(Kind::Gauge, &Event::Share { release, version }),
            responses: None,
            guard: None,
            unreachable: None,
        }
    }

    fn set_share(&self, share: f64) {
        const PARTS: f64 = 1e6;
        self.share.record((share * PARTS).round() as u64);
    }
}

impl<M: Metric> ResponseMetrics<M> {
    fn define(
        release: &str,
        version: &str,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self {
        let duration = Event::RequestDuration { release, version };
        Self {
            duration: define(Kind::Histogram, &duration),
            classes: ResponseClass::ALL.map(|class| {
                let event = Event::Response {
                    release,
                    version,
                    class,
                };
                define(Kind::Counter, &event)
            }),
        }
    }
}

impl<M: Metric> GuardMetrics<M> {
    fn define(
        release: &str,
        version: &str,
        guard: &Guard,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self {
        let ignored = Event::IgnoredFailure { release, version };
        Self {
            failures: FailureKind::ALL.map(|kind| {
                let event = Event::Failure {
                    release,
                    version,
                    kind,
                };
                guard.counts(kind).then(|| define(Kind::Counter, &event))
            }),
            ignored: define(Kind::Counter, &ignored),
            is_failing: define(Kind::Gauge, &Event::Guard { release, version }),
        }
    }
}

impl<M: Metric> MirrorMetrics<M> {
    /// Defines the metrics of `mirror`, of the release named `release`, by `define`.
    pub fn define(
        release: &str,
        mirror: &Mirror,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self {
        let compare = mirror.compare.as_ref();
        let mirror = &*mirror.name;
        Self {
            duration: define(Kind::Histogram, &Event::MirrorDuration { release, mirror }),
            outcomes: MirrorOutcome::ALL.map(|outcome| {
                let event = Event::Mirror {
                    release,
                    mirror,
                    outcome,
                };
                define(Kind::Counter, &event)
            }),
            responses: ResponseClass::OF_COMPLETE.map(|class| {
                let event = Event::MirrorResponse {
                    release,
                    mirror,
                    class,
                };
                define(Kind::Counter, &event)
            }),
            comparisons: compare.map(|_| {
                ComparisonResult::ALL.map(|result| {
                    let event = Event::Comparison {
                        release,
                        mirror,
                        result,
                    };
                    define(Kind::Counter, &event)
                })
            }),
        }
    }

    /// A selected request came to this outcome.
    pub fn count(&self, outcome: MirrorOutcome) {
        add_one(&self.outcomes, outcome.index());
    }

    /// The mirror gave an answer of this class after this time.
    pub fn count_answer(&self, class: ResponseClass, milliseconds: u64) {
        add_one(&self.responses, class.index());
        self.duration.record(milliseconds);
    }

    /// An answer was compared.
    pub fn count_comparison(&self, result: ComparisonResult) {
        if let Some(comparisons) = &self.comparisons {
            add_one(comparisons, result.index());
        }
    }
}

fn add_one<M: Metric>(metrics: &[M], index: usize) {
    if let Some(metric) = metrics.get(index) {
        metric.add_one();
    }
}
