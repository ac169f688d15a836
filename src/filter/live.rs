//! Releases and mirrors as they serve in this worker, each with its metrics and its state.
//!
//! A request, a copy and a comparison hold the release or the mirror that they belong to. An update
//! of the configuration does not change what they hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use proxy_wasm::types::MetricType;

use super::abi::Metric;
use crate::event::Event;
use crate::lookup::FixedHasher;
use crate::metrics::{Kind, MirrorMetrics, ReleaseMetrics};
use crate::mirror::outbox::{Budget, Permit, Permits};
use crate::mirror::{Mirror, Samples};
use crate::release::{Release, Releases};

/// All releases of one plugin configuration that serves.
pub type Live = Releases<Rc<LiveRelease>>;

/// A release that serves.
pub struct LiveRelease {
    /// The compiled release.
    pub release: Arc<Release>,
    /// Its metrics.
    pub metrics: ReleaseMetrics<Metric>,
    /// Its mirrors, in the order of [`Release::mirrors`].
    pub mirrors: Vec<Rc<LiveMirror>>,
}

/// A mirror that serves.
pub struct LiveMirror {
    /// The compiled mirror.
    pub mirror: Arc<Mirror>,
    /// The release that it belongs to.
    pub release: Arc<Release>,
    /// Its metrics.
    pub metrics: MirrorMetrics<Metric>,
    /// Limits the log lines about differing answers.
    pub samples: RefCell<Samples>,
    /// The bytes that all copies of this worker may hold.
    pub budget: Budget,
    permits: Permits,
}

/// A table by name.
type Table<V> = HashMap<String, V, FixedHasher>;

thread_local! {
    /// The bytes that all copies of this worker hold, whatever plugin they belong to.
    static BUDGET: Budget = Budget::default();

    /// What serves in this worker, by plugin, as long as a root or a request holds it.
    static LAST_GOOD: RefCell<Table<Weak<Live>>> = RefCell::default();
}

/// Serves `releases` for `plugin` from now on.
pub fn begin(plugin: &str, releases: Releases) -> Rc<Live> {
    let before = last_good(plugin);
    let before = before.iter().flat_map(|live| mirrors(live));
    let permits: Table<Permits> = before
        .map(|mirror| (mirror.full_name(), mirror.permits.clone()))
        .collect();
    let limit = releases.settings().mirror_budget;
    let budget = BUDGET.with(|budget| budget.with_limit(limit));
    let live = releases.map(|release| Rc::new(LiveRelease::new(release, &budget, &permits)));
    let live = Rc::new(live);
    LAST_GOOD.with_borrow_mut(|last_good| {
        last_good.insert(plugin.to_owned(), Rc::downgrade(&live));
    });
    live
}

/// What serves for `plugin`.
pub fn last_good(plugin: &str) -> Option<Rc<Live>> {
    LAST_GOOD.with_borrow(|last_good| last_good.get(plugin).and_then(Weak::upgrade))
}

/// All mirrors of all releases.
pub fn mirrors(live: &Live) -> impl Iterator<Item = &LiveMirror> {
    let mirrors = live.all().iter().flat_map(|release| &release.mirrors);
    mirrors.map(|mirror| &**mirror)
}

fn define(kind: Kind, event: &Event<'_>) -> Metric {
    let kind = match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Histogram => MetricType::Histogram,
    };
    Metric::of(kind, event)
}

impl LiveRelease {
    fn new(release: Arc<Release>, budget: &Budget, permits: &Table<Permits>) -> Self {
        let mirrors = release.mirrors.iter();
        Self {
            metrics: ReleaseMetrics::define(&release, &mut define),
            mirrors: mirrors
                .map(|mirror| Rc::new(LiveMirror::new(&release, mirror, budget, permits)))
                .collect(),
            release,
        }
    }
}

impl LiveMirror {
    fn new(
        release: &Arc<Release>,
        mirror: &Arc<Mirror>,
        budget: &Budget,
        permits: &Table<Permits>,
    ) -> Self {
        let samples = mirror.compare.as_ref().map(|compare| compare.samples);
        let mut live = Self {
            metrics: MirrorMetrics::define(&release.name, mirror, &mut define),
            samples: RefCell::new(Samples::new(samples.unwrap_or_default())),
            permits: Permits::default(),
            budget: budget.clone(),
            mirror: Arc::clone(mirror),
            release: Arc::clone(release),
        };
        // A copy that was sent before the update still has a permit of the mirror of this name.
        if let Some(permits) = permits.get(&live.full_name()) {
            live.permits = permits.clone();
        }
        live
    }

    /// The names of its release and of itself: `reviews/v3-shadow`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.release.name, self.mirror.name)
    }

    /// The permit to send one more copy. None: too many copies wait for the mirror's answer.
    pub fn permit(&self) -> Option<Permit> {
        self.permits.take(self.mirror.max_in_flight)
    }
}
