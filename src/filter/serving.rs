//! A configuration that is being served, and what belongs to it in this worker.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::metrics::ReleaseMetrics;
use crate::lookup::Lookup;
use crate::mirror::outbox::Places;
use crate::mirror::{Mirror, Samples};
use crate::release::{Release, Releases};

/// A configuration that is being served. Streams hold on to the one that they began with.
#[derive(Default)]
pub struct Serving {
    pub releases: Releases,
    /// Those of each release.
    pub metrics: Vec<ReleaseMetrics>,
    /// Those of each release's mirrors.
    mirrors: Vec<Vec<MirrorState>>,
}

/// What this worker knows of a mirror.
pub struct MirrorState {
    /// The copies on their way to it.
    pub places: Places,
    /// The differing answers of it that are logged.
    pub samples: RefCell<Samples>,
}

/// A mirror, by its release's place in the configuration and its own in the release.
#[derive(Clone, Copy, Debug)]
pub struct MirrorId {
    pub release: usize,
    pub mirror: usize,
}

thread_local! {
    /// What serves in this worker, by plugin: for as long as a root or a request holds on to it.
    static LAST_GOOD: RefCell<Lookup<Weak<Serving>>> = RefCell::default();
}

impl Serving {
    /// `releases` serve from now on for `plugin`, in place of what served before.
    pub fn begin(plugin: &str, releases: Releases) -> Rc<Self> {
        let before = Self::last_good(plugin);
        let serving = Rc::new(Self::new(releases, before.as_deref()));
        LAST_GOOD.with_borrow_mut(|last_good| {
            last_good.insert(plugin.as_bytes().into(), Rc::downgrade(&serving));
        });
        serving
    }

    /// What serves for `plugin`.
    pub fn last_good(plugin: &str) -> Option<Rc<Self>> {
        LAST_GOOD.with_borrow(|last_good| last_good.get(plugin.as_bytes()).and_then(Weak::upgrade))
    }

    /// Copies that were sent under the configuration `before` are still on their way: a mirror that
    /// stays keeps its places.
    fn new(releases: Releases, before: Option<&Self>) -> Self {
        let taken: Lookup<Places> = before.into_iter().flat_map(Self::places).collect();
        let state = |release: &Release, mirror: &Mirror| MirrorState {
            places: taken
                .get(&full_name(release, mirror))
                .cloned()
                .unwrap_or_default(),
            samples: RefCell::new(Samples::new(
                mirror.compare.as_ref().map_or(0, |compare| compare.samples),
            )),
        };
        let states = |release: &Release| -> Vec<MirrorState> {
            let mirrors = release.mirrors.iter();
            mirrors.map(|mirror| state(release, mirror)).collect()
        };
        let metrics = releases
            .all()
            .iter()
            .map(|release| ReleaseMetrics::define(release))
            .collect();
        let mirrors = releases
            .all()
            .iter()
            .map(|release| states(release))
            .collect();
        Self {
            releases,
            metrics,
            mirrors,
        }
    }

    fn places(&self) -> impl Iterator<Item = (Box<[u8]>, Places)> {
        let releases = self.releases.all().iter().zip(&self.mirrors);
        releases.flat_map(|(release, states)| {
            let mirrors = release.mirrors.iter().zip(states);
            mirrors.map(|(mirror, state)| (full_name(release, mirror), state.places.clone()))
        })
    }

    /// Whether any release has a mirror.
    pub fn has_mirrors(&self) -> bool {
        self.mirrors.iter().any(|states| !states.is_empty())
    }

    pub fn mirror(&self, id: MirrorId) -> Option<&Mirror> {
        let release = self.releases.all().get(id.release)?;
        release.mirrors.get(id.mirror).map(|mirror| &**mirror)
    }

    /// The names of the release and of its mirror.
    pub fn names(&self, id: MirrorId) -> Option<(&str, &str)> {
        let release = self.releases.all().get(id.release)?;
        Some((&release.name, &release.mirrors.get(id.mirror)?.name))
    }

    pub fn mirror_state(&self, id: MirrorId) -> Option<&MirrorState> {
        self.mirrors.get(id.release)?.get(id.mirror)
    }

    pub fn metrics_of(&self, id: MirrorId) -> Option<&ReleaseMetrics> {
        self.metrics.get(id.release)
    }
}

fn full_name(release: &Release, mirror: &Mirror) -> Box<[u8]> {
    [release.name.as_bytes(), b"/", mirror.name.as_bytes()]
        .concat()
        .into()
}
