//! Releases and mirrors as they serve in a worker, each with its metrics and its state.
//!
//! A request, a copy and a comparison hold the release or the mirror that they belong to. An update
//! of the configuration does not change what they hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::event::Event;
use crate::lookup::FixedHasher;
use crate::metrics::{Kind, Metric, MirrorMetrics, ReleaseMetrics};
use crate::mirror::limits::{Budget, Permit, Permits};
use crate::mirror::{Mirror, Samples};
use crate::release::{Release, Releases};

/// All releases of one plugin configuration that serves.
pub type Live<M> = Releases<Rc<LiveRelease<M>>>;

/// A release that serves. `M` is a metric of the host.
#[derive(Debug)]
pub struct LiveRelease<M> {
    /// The compiled release.
    pub release: Arc<Release>,
    /// Its metrics.
    pub metrics: ReleaseMetrics<M>,
    /// Its mirrors, in the order of [`Release::mirrors`].
    pub mirrors: Vec<Rc<LiveMirror<M>>>,
}

/// A mirror that serves.
#[derive(Debug)]
pub struct LiveMirror<M> {
    /// The compiled mirror.
    pub mirror: Arc<Mirror>,
    /// The release that it belongs to.
    pub release: Arc<Release>,
    /// Its metrics.
    pub metrics: MirrorMetrics<M>,
    /// Limits the log lines about differing answers.
    pub samples: RefCell<Samples>,
    /// The bytes that all copies of this worker may hold.
    pub budget: Budget,
    permits: Permits,
}

/// The permits of mirrors, by [`LiveMirror::full_name`].
type PermitsByName = HashMap<String, Permits, FixedHasher>;

/// Makes `releases` live after those of `before`, with metrics that `define` defines. All copies of the
/// worker share `budget`.
///
/// A mirror that stays keeps its permits: copies that were sent before are still on their way.
pub fn live<M: Metric>(
    releases: Releases,
    before: Option<&Live<M>>,
    budget: &Budget,
    define: &mut impl FnMut(Kind, &Event<'_>) -> M,
) -> Live<M> {
    let before = before.into_iter().flat_map(mirrors);
    let permits = before.map(|mirror| (mirror.full_name(), mirror.permits.clone()));
    let permits: PermitsByName = permits.collect();
    let budget = budget.with_limit(releases.settings().mirror_budget);
    releases.map(|release| Rc::new(LiveRelease::new(release, &budget, &permits, define)))
}

/// All mirrors of all releases.
pub fn mirrors<M>(live: &Live<M>) -> impl Iterator<Item = &LiveMirror<M>> {
    let mirrors = live.all().iter().flat_map(|release| &release.mirrors);
    mirrors.map(|mirror| &**mirror)
}

impl<M: Metric> LiveRelease<M> {
    fn new(
        release: Arc<Release>,
        budget: &Budget,
        permits: &PermitsByName,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self {
        let metrics = ReleaseMetrics::define(&release, define);
        let mirrors = release.mirrors.iter().map(|mirror| {
            let mut live = LiveMirror::new(&release, mirror, budget, define);
            if let Some(permits) = permits.get(&live.full_name()) {
                live.permits = permits.clone();
            }
            Rc::new(live)
        });
        Self {
            metrics,
            mirrors: mirrors.collect(),
            release,
        }
    }
}

impl<M> LiveMirror<M> {
    fn new(
        release: &Arc<Release>,
        mirror: &Arc<Mirror>,
        budget: &Budget,
        define: &mut impl FnMut(Kind, &Event<'_>) -> M,
    ) -> Self
    where
        M: Metric,
    {
        let samples = mirror.compare.as_ref().map(|compare| compare.samples);
        Self {
            metrics: MirrorMetrics::define(&release.name, mirror, define),
            samples: RefCell::new(Samples::new(samples.unwrap_or_default())),
            permits: Permits::default(),
            budget: budget.clone(),
            mirror: Arc::clone(mirror),
            release: Arc::clone(release),
        }
    }

    /// The names of its release and of itself: `reviews/v3-shadow`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.release.name, self.mirror.name)
    }

    /// The permit to send one more copy. None: too many copies wait for the mirror's answer.
    #[must_use]
    pub fn permit(&self) -> Option<Permit> {
        self.permits.take(self.mirror.max_in_flight)
    }
}
