//! Releases and mirrors as they serve in a worker, each with its metrics and its state.
//!
//! A request, a copy and a comparison hold the release or the mirror that they belong to. An update
//! of the configuration does not change what they hold.

mod guarding;
mod reaching;
mod selected;
mod shares;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub use guarding::{EndedResponse, Guarding, Shared, follow, forget, is_judged, judge};
pub use reaching::{DueProbe, Overruled, Reaching, due_probes, passed_on, resent};
pub use selected::{Selected, SelectedMirror};
pub use shares::follow_clock;

use crate::lookup::FixedHasher;
use crate::metrics::{self, Define, Metric, MirrorMetrics, ReleaseMetrics};
use crate::mirror::limits::{Budget, Permit, Permits};
use crate::mirror::{FoundCluster, Mirror, Samples};
use crate::release::{Release, Releases};

/// All releases of one plugin configuration that serves.
pub type Live<M> = Releases<Rc<LiveRelease<M>>>;

/// A release that serves. `M` is a metric of the host.
#[derive(Debug)]
pub struct LiveRelease<M> {
    /// The compiled release.
    pub release: Arc<Release>,
    /// The name of its plugin.
    plugin: Rc<str>,
    metrics: OnceCell<ReleaseMetrics<M>>,
    define: Define<M>,
    /// Its mirrors, in the order of [`Release::mirrors`].
    pub mirrors: Vec<Rc<LiveMirror<M>>>,
    guarding: Option<Guarding>,
    reaching: Option<Reaching>,
}

/// A mirror that serves.
#[derive(Debug)]
pub struct LiveMirror<M> {
    /// The compiled mirror.
    pub mirror: Arc<Mirror>,
    /// The release that it belongs to.
    pub release: Arc<Release>,
    metrics: OnceCell<MirrorMetrics<M>>,
    define: Define<M>,
    /// Which of its clusters this proxy has.
    pub found_cluster: FoundCluster,
    /// Limits the log lines about differing answers.
    pub samples: RefCell<Samples>,
    /// The bytes that all copies of this worker may hold.
    pub budget: Budget,
    permits: Permits,
}

/// The permits of mirrors, by [`LiveMirror::full_name`].
type PermitsByName = HashMap<String, Permits, FixedHasher>;

/// Makes `releases` of `plugin` live after those of `before`, with metrics that `define` defines: at once, or the
/// metrics of each release when it is first used, if there are more than
/// [`MOST_AT_ONCE`](metrics::MOST_AT_ONCE). All copies of the worker share `budget`.
///
/// A release that was not compiled again stays as it is. A mirror that stays keeps its permits: copies
/// that were sent before are still on their way.
pub fn live<M: Metric>(
    plugin: &str,
    mut releases: Releases,
    before: Option<&Live<M>>,
    budget: &Budget,
    define: Define<M>,
) -> Live<M> {
    let numbers = releases
        .all()
        .iter()
        .map(|release| metrics::number(release));
    let is_at_once = numbers.sum::<usize>() <= metrics::MOST_AT_ONCE;
    let mut kept: HashMap<*const Release, &Rc<LiveRelease<M>>, FixedHasher> = HashMap::default();
    if let Some(before) = before {
        releases.share_hosts(before);
        let all = before.all().iter();
        kept.extend(all.map(|live| (Arc::as_ptr(&live.release), live)));
    }
    let permits = before.into_iter().flat_map(mirrors);
    let permits = permits.map(|mirror| (mirror.full_name(), mirror.permits.clone()));
    let permits: PermitsByName = permits.collect();
    let budget = budget.with_limit(releases.settings().mirror_budget);
    let plugin: Rc<str> = plugin.into();
    let after = releases.map(|release| {
        let kept = kept.get(&Arc::as_ptr(&release)).copied().cloned();
        let live = kept.unwrap_or_else(|| {
            Rc::new(LiveRelease::new(
                release, &plugin, &budget, &permits, define,
            ))
        });
        if is_at_once {
            live.define_all();
        }
        live
    });
    if let Some(before) = before {
        shares::end_removed(before, &after);
    }
    after
}

/// All mirrors of all releases.
pub fn mirrors<M>(live: &Live<M>) -> impl Iterator<Item = &LiveMirror<M>> {
    let mirrors = live.all().iter().flat_map(|release| &release.mirrors);
    mirrors.map(|mirror| &**mirror)
}

impl<M: Metric> LiveRelease<M> {
    fn new(
        release: Arc<Release>,
        plugin: &Rc<str>,
        budget: &Budget,
        permits: &PermitsByName,
        define: Define<M>,
    ) -> Self {
        let mirrors = release.mirrors.iter().map(|mirror| {
            let mut live = LiveMirror::new(&release, mirror, budget, define);
            if let Some(permits) = permits.get(&live.full_name()) {
                live.permits = permits.clone();
            }
            Rc::new(live)
        });
        Self {
            metrics: OnceCell::new(),
            define,
            mirrors: mirrors.collect(),
            guarding: Guarding::of(&release),
            reaching: Reaching::of(&release),
            plugin: Rc::clone(plugin),
            release,
        }
    }

    fn define_all(&self) {
        self.metrics();
        for mirror in &self.mirrors {
            mirror.metrics();
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> &ReleaseMetrics<M> {
        self.metrics.get_or_init(|| {
            let metrics = ReleaseMetrics::define(&self.release, &mut { self.define });
            if self.release.ramp().is_none() {
                metrics.set_shares(&self.release.configured_shares(0));
            }
            metrics
        })
    }
}

impl<M> LiveRelease<M> {
    /// Where the workers of a proxy share `what` of this release.
    fn key(&self, what: &str) -> String {
        format!("halftone.{what}.{}.{}", self.plugin, self.release.name)
    }
}

impl<M> LiveMirror<M> {
    fn new(
        release: &Arc<Release>,
        mirror: &Arc<Mirror>,
        budget: &Budget,
        define: Define<M>,
    ) -> Self {
        let samples = mirror.compare.as_ref().map(|compare| compare.samples);
        Self {
            metrics: OnceCell::new(),
            define,
            found_cluster: FoundCluster::default(),
            samples: RefCell::new(Samples::new(samples.unwrap_or_default())),
            permits: Permits::default(),
            budget: budget.clone(),
            mirror: Arc::clone(mirror),
            release: Arc::clone(release),
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> &MirrorMetrics<M>
    where
        M: Metric,
    {
        let define =
            || MirrorMetrics::define(&self.release.name, &self.mirror, &mut { self.define });
        self.metrics.get_or_init(define)
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
