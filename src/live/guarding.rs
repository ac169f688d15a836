//! The guard of a release as it serves in a worker.
//!
//! Once a second, and after each failure, a worker adds its responses to those of all workers. Once a
//! second it decides by itself from the sums. The worker that comes to a verdict first writes it where all workers read it.
//!
//! All of this belongs to a release of a plugin. The metrics do not: releases of two plugins that have
//! one name share them. So a gauge only says that it is worth reading what is shared.

use std::cell::{Cell, RefCell};

use super::{Live, LiveRelease};
use crate::event::ResponseClass;
use crate::guard::{Counted, Counts, FailureKind, Guard, Repeats, Rulings, Shown, Tally, Watch};
use crate::metrics::{Metric, ReleaseMetrics};
use crate::release::{Guarded, Release, Version};

/// What the workers of a proxy share.
pub trait Shared {
    /// The bytes under `key`, and their version. Both are empty for a key that nobody wrote.
    fn read(&self, key: &str) -> (Vec<u8>, u32);

    /// Changes the bytes under `key`, if their version is still `version`; 0 for any version. False:
    /// another worker changed them in the meantime.
    fn write(&self, key: &str, value: &[u8], version: u32) -> bool;

    /// Changes the bytes under `key`, of which `change` makes others from those that are there, if it
    /// does. None: it does not, or other workers change them all the time.
    fn update(&self, key: &str, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>>
    where
        Self: Sized,
    {
        /// Each failed attempt is the change of another worker.
        const ATTEMPTS: usize = 32;
        /// Of a key that nobody wrote. It has no version yet, and 0 would overwrite what another worker
        /// writes first.
        const UNWRITTEN: u32 = u32::MAX;
        for _ in 0..ATTEMPTS {
            let (before, version) = self.read(key);
            let after = change(&before)?;
            let version = if version == 0 { UNWRITTEN } else { version };
            if self.write(key, &after, version) {
                return Some(after);
            }
        }
        None
    }
}

/// What a worker knows of the versions of a release with a guard.
#[derive(Debug, Default)]
pub struct Guarding {
    /// Whether each version is out of traffic, in the order of [`Version::index`].
    failing: Vec<Cell<bool>>,
    /// In the same order.
    watches: RefCell<Vec<Watch>>,
    repeats: RefCell<Repeats>,
    /// When a version gets its traffic back, in milliseconds.
    next_retry: Cell<u64>,
    has_ticked: Cell<bool>,
    /// The responses that this worker saw since its last judgement. In the order of [`Version::index`].
    counted: RefCell<Vec<Tally>>,
    /// Whether there are some. True at first: the totals of before do not count.
    has_responses: Cell<bool>,
}

/// A response that ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedResponse<'a> {
    /// The version that gave it.
    pub version: &'a Version,
    /// How it ended.
    pub class: ResponseClass,
    /// The time since the head of the request, in milliseconds.
    pub milliseconds: u64,
    /// Whether it belongs to a tunnel, which may take any time.
    pub is_tunnel: bool,
    /// Whether it is no evidence against the version, for instance because none gave it.
    pub is_ignored: bool,
    /// The number of the request's session.
    pub session: Option<u64>,
}

impl Guarding {
    pub(super) fn of(release: &Release) -> Option<Self> {
        release.guard.as_ref()?;
        let versions = release.versions.iter();
        Some(Self {
            failing: versions.clone().map(|_| Cell::default()).collect(),
            watches: RefCell::new(versions.clone().map(|_| Watch::default()).collect()),
            counted: RefCell::new(versions.map(|_| Tally::default()).collect()),
            has_responses: Cell::new(true),
            ..Self::default()
        })
    }

    fn count(&self, version: &Version, is_failure: bool) {
        self.has_responses.set(true);
        if let Some(tally) = self.counted.borrow_mut().get_mut(version.index()) {
            tally.responses = tally.responses.saturating_add(1);
            tally.failures = tally.failures.saturating_add(is_failure.into());
        }
    }

    /// Adds the responses of this worker to those of all workers, and returns the sums. None: other
    /// workers are adding theirs, so the next time adds these.
    fn add_up<M>(&self, live: &LiveRelease<M>, shared: &impl Shared) -> Option<Vec<Tally>> {
        let mut counted = self.counted.borrow_mut();
        let add = |bytes: &[u8]| Counted::add(live.release.identity, bytes, &counted);
        let bytes = shared.update(&live.counted_key(), |bytes| Some(add(bytes).to_bytes()))?;
        counted.fill(Tally::default());
        Some(Counted::from_bytes(&bytes).tallies)
    }

    fn is_failing(&self, version: &Version) -> bool {
        self.failing.get(version.index()).is_some_and(Cell::get)
    }
}

/// Whether [`judge`] or [`due_probes`](super::due_probes) has something to do.
#[must_use]
pub fn is_judged<M>(live: &Live<M>) -> bool {
    let mut all = live.all().iter();
    all.any(|live| live.guarding.is_some() || live.reaching.is_some())
}

/// Adopts the verdicts about releases that were known before this worker read its configuration, at the
/// time `now` in milliseconds since 1970-01-01T00:00:00Z.
pub fn follow<M: Metric>(live: &Live<M>, now: u64, shared: &impl Shared) {
    for judge in judges(live, now, shared) {
        let (bytes, _) = shared.read(&judge.live.guard_key());
        let rulings = Rulings::from_bytes(&bytes);
        if rulings.identity == judge.live.release.identity {
            judge.adopt(&rulings);
        }
    }
}

fn judges<'a, M: Metric, S: Shared>(
    live: &'a Live<M>,
    now: u64,
    shared: &'a S,
) -> impl Iterator<Item = Judge<'a, M, S>> {
    live.all().iter().filter_map(move |live| {
        Some(Judge {
            live,
            guarding: live.guarding.as_ref()?,
            guarded: live.release.guard.as_ref()?,
            metrics: live.metrics.get()?,
            now,
            shared,
        })
    })
}

/// Judges the versions of all guarded releases, at the time `now` in milliseconds since
/// 1970-01-01T00:00:00Z. Once a second. `report` gets each verdict of this worker, for the log.
pub fn judge<M: Metric>(live: &Live<M>, now: u64, shared: &impl Shared, report: impl Fn(String)) {
    for judge in judges(live, now, shared) {
        judge.judge(&report);
    }
}

/// Forgets the verdicts and the missing endpoints of releases of `before` that `after` lacks, or has with another
/// configuration.
pub fn forget<M: Metric>(before: &Live<M>, after: &Live<M>, shared: &impl Shared) {
    let is_kept = |old: &LiveRelease<M>| old.guarding.is_none() && old.reaching.is_none();
    for old in before.all().iter().filter(|old| !is_kept(old)) {
        let (name, identity) = (&old.release.name, old.release.identity);
        let mut after = after.all().iter().map(|live| &live.release);
        if after.any(|new| new.name == *name && new.identity == identity) {
            continue;
        }
        let Some(metrics) = old.metrics.get() else {
            continue;
        };
        let is_own = |bytes: &[u8]| Rulings::from_bytes(bytes).identity == identity;
        let ended = shared.update(&old.guard_key(), |bytes| {
            (!bytes.is_empty() && is_own(bytes)).then(Vec::new)
        });
        for version in &old.release.versions {
            if ended.is_some() {
                metrics.set_failing(version, false);
            }
            old.set_reachable(version, shared);
        }
    }
}

/// One release at one tick.
struct Judge<'a, M, S> {
    live: &'a LiveRelease<M>,
    guarding: &'a Guarding,
    guarded: &'a Guarded,
    metrics: &'a ReleaseMetrics<M>,
    now: u64,
    shared: &'a S,
}

impl<M: Metric, S: Shared> Judge<'_, M, S> {
    fn judge(&self, report: &impl Fn(String)) {
        self.follow_others();
        // The worker whose requests these are judges them.
        if !self.guarding.has_responses.get() {
            return;
        }
        let release = &self.live.release;
        let Some(totals) = self.guarding.add_up(self.live, self.shared) else {
            return;
        };
        self.guarding.has_responses.set(false);
        let of = |version: &Version| totals.get(version.index()).copied().unwrap_or_default();
        let principal = of(&release.principal);
        let mut failing = Vec::new();
        let mut watches = self.guarding.watches.borrow_mut();
        for (version, watch) in release.versions.iter().zip(watches.iter_mut()) {
            if version.index() == release.principal.index() || self.guarding.is_failing(version) {
                continue;
            }
            let totals = Counts {
                version: of(version),
                principal,
            };
            let shown = watch.add(&self.guarded.guard, totals);
            failing.extend(shown.map(|shown| (version, shown)));
        }
        drop(watches);
        for (version, shown) in failing {
            if self.rule(version) {
                report(self.message(version, shown));
            }
        }
    }

    /// Adopts what other workers have ruled. Shared data costs more than a gauge, so it is read only if
    /// something has changed.
    fn follow_others(&self) {
        let (guarding, release) = (self.guarding, &self.live.release);
        let is_first = !guarding.has_ticked.replace(true);
        let mut versions = release.versions.iter();
        let differs =
            |version: &Version| self.metrics.is_failing(version) != guarding.is_failing(version);
        if !(is_first || self.now >= guarding.next_retry.get() || versions.any(|one| differs(one)))
        {
            return;
        }
        let key = self.live.guard_key();
        let (bytes, version) = self.shared.read(&key);
        let mut rulings = Rulings::from_bytes(&bytes);
        if rulings.identity != release.identity || bytes.is_empty() {
            rulings = self.no_rulings();
            if is_first {
                // Verdicts of another configuration, from before this worker's life.
                self.shared.write(&key, &rulings.to_bytes(), version);
                for version in &release.versions {
                    self.metrics.set_failing(version, false);
                }
            }
        }
        self.adopt(&rulings);
    }

    fn no_rulings(&self) -> Rulings {
        Rulings {
            identity: self.live.release.identity,
            all: Vec::new(),
        }
    }

    fn adopt(&self, rulings: &Rulings) {
        for version in &self.live.release.versions {
            let is_failing = rulings.is_failing(version.name(), self.now);
            let mut has_changed = false;
            let mut watches = self.guarding.watches.borrow_mut();
            let watch = watches.get_mut(version.index());
            if let (Some(failing), Some(watch)) =
                (self.guarding.failing.get(version.index()), watch)
                && failing.replace(is_failing) != is_failing
            {
                // Nothing of before counts when the version gets its traffic back.
                *watch = Watch::default();
                self.guarding.repeats.borrow_mut().forget(version.index());
                has_changed = true;
            }
            // A gauge that is set although no version here is failing is that of another plugin.
            if has_changed || is_failing && !self.metrics.is_failing(version) {
                self.metrics.set_failing(version, is_failing);
            }
        }
        let untils = rulings.all.iter().map(|ruled| ruled.until);
        let next = untils.filter(|until| *until > self.now).min();
        self.guarding.next_retry.set(next.unwrap_or(u64::MAX));
    }

    /// `version` is failing. False: another worker has changed the verdicts in the meantime, which the
    /// next tick reads.
    fn rule(&self, version: &Version) -> bool {
        let key = self.live.guard_key();
        let (bytes, read) = self.shared.read(&key);
        let mut rulings = Rulings::from_bytes(&bytes);
        if rulings.identity != self.live.release.identity {
            rulings = self.no_rulings();
        }
        if rulings.is_failing(version.name(), self.now) {
            self.adopt(&rulings);
            return false;
        }
        rulings.rule(version.name(), self.now, self.guarded.guard.retry);
        let is_written = self.shared.write(&key, &rulings.to_bytes(), read);
        if is_written {
            self.adopt(&rulings);
        }
        is_written
    }

    fn message(&self, version: &Version, shown: Shown) -> String {
        let (release, principal) = (&self.live.release.name, &self.live.release.principal);
        format!(
            "guard of release {release}: version {} fails and loses its traffic to {}: {shown}",
            version.name(),
            principal.name()
        )
    }
}

impl<M> LiveRelease<M> {
    /// Where workers share the verdicts.
    fn guard_key(&self) -> String {
        self.key("guard")
    }

    /// Where workers share the counts of responses.
    fn counted_key(&self) -> String {
        self.key("counted")
    }
}

impl<M: Metric> LiveRelease<M> {
    /// Whether the guard has taken the traffic from `version`.
    pub(super) fn is_failing(&self, version: &Version) -> bool {
        let guarding = self.guarding.as_ref();
        guarding.is_some_and(|guarding| guarding.is_failing(version))
    }

    /// Counts a response. `flags` gives Envoy's flags of it, and `now` the time of a clock that never
    /// goes back, in milliseconds; both are asked only if the response failed.
    pub fn count_response(
        &self,
        ended: EndedResponse<'_>,
        shared: &impl Shared,
        flags: impl FnOnce() -> u64,
        now: impl FnOnce() -> u64,
    ) {
        let (version, session) = (ended.version, ended.session);
        let metrics = self.metrics();
        metrics.count_response(version, ended.class, ended.milliseconds);
        let (Some(guarding), Some(guarded)) = (&self.guarding, &self.release.guard) else {
            return;
        };
        let failure = failure(&guarded.guard, &ended, flags);
        if let Some(kind) = failure {
            let mut repeats = guarding.repeats.borrow_mut();
            let counts = !ended.is_ignored
                && session.is_none_or(|session| repeats.count(session, version.index(), now()));
            metrics.count_failure(version, kind, !counts);
            if !counts {
                return;
            }
        }
        if ended.class != ResponseClass::Aborted {
            guarding.count(version, failure.is_some());
        }
        if failure.is_some() {
            // Each worker is to have seen it at its next tick, and not at the next but one.
            guarding.add_up(self, shared);
        }
    }
}

/// Envoy's flags of a response that the version broke off or did not begin: UT, LR, UR, UF, UC, UPE.
const BROKEN_OFF: u64 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 23;

/// How a response failed, if it is a failure for `guard`.
fn failure(
    guard: &Guard,
    ended: &EndedResponse<'_>,
    flags: impl FnOnce() -> u64,
) -> Option<FailureKind> {
    let kind = match ended.class {
        ResponseClass::Aborted => return None,
        ResponseClass::Reset => Some(FailureKind::Reset),
        ResponseClass::GrpcError => Some(FailureKind::Grpc),
        ResponseClass::Status(5..) => {
            let is_reset = guard.counts(FailureKind::Reset) && flags() & BROKEN_OFF != 0;
            Some(if is_reset {
                FailureKind::Reset
            } else {
                FailureKind::Status5xx
            })
        }
        ResponseClass::Status(_) => None,
    };
    let is_slow = guard
        .slower_than
        .is_some_and(|most| ended.milliseconds > most);
    let slow = (is_slow && !ended.is_tunnel).then_some(FailureKind::Slow);
    kind.filter(|kind| guard.counts(*kind)).or(slow)
}
