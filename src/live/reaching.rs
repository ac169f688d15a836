//! The fallback of a release as it serves in a worker.
//!
//! That a version has no endpoint is a state that all workers share. The worker whose response shows it
//! sets the state and the gauge, and the one whose request or probe is answered clears both. Releases
//! of two plugins that have one name share the gauge, so the state is read if the gauge is set.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Live, LiveRelease, Shared};
use crate::metrics::{Metric, ReleaseMetrics};
use crate::mirror::{Edits, MirrorRequest, RequestKind, is_never_copied};
use crate::release::{Outcome, Probe, Release, Route, Version};
use crate::request::{Header, RequestHead};

/// Envoy's flags of a response without a version: no healthy endpoint, no such cluster.
const NO_ENDPOINT: u64 = 1 << 1 | 1 << 24;

/// The time between two requests that try a version, in milliseconds. It is a little less than the time
/// between two ticks, which let a worker try.
const BETWEEN_TRIES: u64 = 900;

/// The longest time that the answer to a probe or to a request that is sent again may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
const RESEND_TIMEOUT: Duration = Duration::from_secs(15);

/// What a worker knows of a release with a fallback.
#[derive(Debug, Default)]
pub struct Reaching {
    /// Whether a request may try a version. Each tick lets one.
    may_try: Cell<bool>,
    /// Whether this worker has found that a version has no endpoint, and each tick since found it so.
    has_gone: Cell<bool>,
    /// Whether the cluster of the principal is to be learned again. Each tick wants it once.
    is_learning: Cell<bool>,
    principal: RefCell<Learned>,
}

/// The cluster of the principal, as far as its responses have shown it.
#[derive(Debug, Default)]
enum Learned {
    #[default]
    Nothing,
    One(String),
    /// Requests of this release go to several clusters, so none is that of all.
    Several,
}

/// What overrules a decision.
#[derive(Debug)]
pub enum Overruled<'r> {
    /// Nothing does.
    No,
    /// Nothing does, although the version had no endpoint: the response shows whether it has one.
    Try,
    /// The request gets this outcome.
    By(&'r Arc<Outcome>),
}

/// A probe that is due.
#[derive(Debug)]
pub struct DueProbe<M> {
    /// The release.
    pub release: Rc<LiveRelease<M>>,
    /// The version that had no endpoint.
    pub version: Arc<Version>,
    cluster: String,
}

impl Reaching {
    pub(super) fn of(release: &Release) -> Option<Self> {
        release.fallback.as_ref().map(|_| Self {
            is_learning: Cell::new(true),
            ..Self::default()
        })
    }
}

/// Lets requests try versions that had no endpoint, and returns the probes that are due at the time
/// `now`. Once a second.
pub fn due_probes<M: Metric>(live: &Live<M>, now: u64, shared: &impl Shared) -> Vec<DueProbe<M>> {
    let mut due = Vec::new();
    for live in live.all() {
        if let (Some(reaching), Some(fallback), Some(metrics)) =
            (&live.reaching, &live.release.fallback, live.metrics.get())
        {
            reaching.may_try.set(true);
            reaching.is_learning.set(true);
            if reaching.has_gone.get() {
                reaching.has_gone.set(live.keeps_gauges(metrics, shared));
            }
            let Some(probe) = &fallback.probe else {
                continue;
            };
            let versions = live.release.versions.iter();
            let unreachable = |version: &&Arc<Version>| {
                metrics.is_unreachable(version) && live.is_gone(version, shared)
            };
            for version in versions.filter(unreachable) {
                let (cluster, _) = shared.read(&live.key_of("cluster", version));
                let between = probe.every.saturating_sub(1_000 - BETWEEN_TRIES);
                if let (Ok(cluster), true) = (
                    String::from_utf8(cluster),
                    live.claims(version, between, now, shared),
                ) {
                    due.push(DueProbe {
                        release: Rc::clone(live),
                        version: Arc::clone(version),
                        cluster,
                    });
                }
            }
        }
    }
    due
}

impl<M: Metric> DueProbe<M> {
    /// The request.
    #[must_use]
    pub fn request(&self) -> Option<MirrorRequest<'_>> {
        let Probe { path, .. } = self.release.release.fallback.as_ref()?.probe.as_ref()?;
        let mut hosts = self.release.release.hosts.iter();
        let host = hosts.find(|host| !host.starts_with('*'));
        let authority = self.version.authority().or(host.map(|host| &**host));
        let mut headers = vec![
            (":method", "GET"),
            (":path", &**path),
            (":authority", authority.unwrap_or(self.version.name())),
            ("user-agent", "halftone-probe"),
        ];
        if let Route::Header(name) = &self.release.release.route {
            headers.push((name, self.version.name()));
        }
        Some(MirrorRequest {
            cluster: &self.cluster,
            headers,
            timeout: PROBE_TIMEOUT,
        })
    }

    /// The probe was answered with this `:status`.
    pub fn answered(&self, status: Option<&[u8]>, shared: &impl Shared) {
        const SUCCESSFUL: [u8; 3] = [b'2', b'3', b'4'];
        let first = status.and_then(|status| status.first());
        if first.is_some_and(|first| SUCCESSFUL.contains(first)) {
            self.release.set_reachable(&self.version, shared);
        }
    }
}

impl<M: Metric> LiveRelease<M> {
    /// What overrules `outcome`. `now` gives the time in milliseconds since 1970-01-01T00:00:00Z.
    pub fn overrule(
        &self,
        outcome: &Outcome,
        shared: &impl Shared,
        now: impl FnOnce() -> u64,
    ) -> Overruled<'_> {
        let (release, version) = (&self.release, outcome.version());
        if let Some(guarded) = &release.guard
            && self.is_failing(version)
            && release.may_overrule(outcome)
        {
            return Overruled::By(&guarded.outcome);
        }
        match (&release.fallback, &self.reaching) {
            (Some(fallback), Some(reaching))
                if !self.is_principal(version)
                    && self.metrics().is_unreachable(version)
                    && self.is_gone(version, shared) =>
            {
                let tries = || {
                    fallback.probe.is_none()
                        && reaching.may_try.replace(false)
                        && self.claims(version, BETWEEN_TRIES, now(), shared)
                };
                if release.may_overrule(outcome) && !tries() {
                    Overruled::By(&fallback.outcome)
                } else {
                    Overruled::Try
                }
            }
            _ => Overruled::No,
        }
    }

    /// The head of a response of `version` passes, to a request that was a try if `is_try` is set. `flags`
    /// gives Envoy's flags of it, and `cluster` its cluster. True: the version has no endpoint.
    pub fn has_no_endpoint(
        &self,
        version: &Version,
        is_try: bool,
        status: u64,
        shared: &impl Shared,
        flags: impl FnOnce() -> u64,
        cluster: impl FnOnce() -> String,
    ) -> bool {
        /// Envoy's own status, and those that it can be configured to give for an unknown cluster.
        const STATUSES: [u64; 3] = [503, 500, 404];
        let (Some(reaching), Some(fallback)) = (&self.reaching, &self.release.fallback) else {
            return false;
        };
        if self.is_principal(version) {
            if fallback.resend && reaching.is_learning.replace(false) {
                reaching.principal.borrow_mut().add(cluster());
            }
            return false;
        }
        let has_none = STATUSES.contains(&status) && flags() & NO_ENDPOINT != 0;
        if has_none {
            if fallback.probe.is_some() {
                shared.write(&self.key_of("cluster", version), cluster().as_bytes(), 0);
            }
            let identity = self.release.identity.to_le_bytes();
            shared.write(&self.key_of("gone", version), &identity, 0);
            self.metrics().set_unreachable(version, true);
            reaching.has_gone.set(true);
        } else if is_try {
            self.set_reachable(version, shared);
        }
        has_none
    }

    /// Whether a request without a body may be sent again when the version of `outcome` has no
    /// endpoint. [`resent`] says whether its head allows it.
    #[must_use]
    pub fn resends(&self, outcome: &Outcome) -> bool {
        let fallback = self.release.fallback.as_ref();
        fallback.is_some_and(|fallback| fallback.resend) && self.release.may_overrule(outcome)
    }

    /// The clusters in which the principal may answer in place of `version`, whose cluster is `failed`, the
    /// likelier first.
    #[must_use]
    pub fn clusters_of_principal(&self, version: &Version, failed: &str) -> Vec<String> {
        let principal = self.release.principal.name();
        let named = renamed(failed, version.name(), principal);
        let learned = self.reaching.as_ref().map(|one| one.principal.borrow());
        let learned = learned.and_then(|learned| match &*learned {
            Learned::One(cluster) => Some(cluster.clone()),
            _ => None,
        });
        named.into_iter().chain(learned).collect()
    }

    /// The changes in the head of a request that is sent again.
    #[must_use]
    pub fn edits_of_resent(&self) -> Edits {
        let principal = &self.release.principal;
        let mut edits = Edits {
            authority: principal.authority().map(Into::into),
            ..Edits::default()
        };
        if let Route::Header(name) = &self.release.route {
            edits.set.push((name.clone(), principal.name().into()));
        }
        edits
    }

    /// Whether `version` of this release has no endpoint, if the gauge is set.
    fn is_gone(&self, version: &Version, shared: &impl Shared) -> bool {
        let (identity, _) = shared.read(&self.key_of("gone", version));
        identity == self.release.identity.to_le_bytes()
    }

    /// Sets the gauges of the versions that have no endpoint: that of another plugin, which shares the
    /// gauge, may have come back. False: there are no such versions.
    fn keeps_gauges(&self, metrics: &ReleaseMetrics<M>, shared: &impl Shared) -> bool {
        let versions = self.release.versions.iter();
        let gone = versions.filter(|version| self.is_gone(version, shared));
        gone.inspect(|version| metrics.set_unreachable(version, true))
            .count()
            > 0
    }

    /// `version` of this release has an endpoint, as far as anybody knows.
    pub(super) fn set_reachable(&self, version: &Version, shared: &impl Shared) {
        let identity = self.release.identity.to_le_bytes();
        let key = self.key_of("gone", version);
        let ended = shared.update(&key, |bytes| (bytes == identity).then(Vec::new));
        if ended.is_some() {
            self.metrics().set_unreachable(version, false);
        }
    }

    fn is_principal(&self, version: &Version) -> bool {
        version.index() == self.release.principal.index()
    }

    /// Whether this worker is the one that asks for `version` now, `between` milliseconds after the last.
    fn claims(&self, version: &Version, between: u64, now: u64, shared: &impl Shared) -> bool {
        let key = self.key_of("asked", version);
        let (bytes, read) = shared.read(&key);
        let last = bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        now.saturating_sub(last) >= between && shared.write(&key, &now.to_le_bytes(), read)
    }

    /// Where workers share `what` of `version`.
    fn key_of(&self, what: &str, version: &Version) -> String {
        let key = self.key(what);
        format!("{key}.{}", version.name())
    }
}

impl Learned {
    fn add(&mut self, cluster: String) {
        match self {
            Self::Nothing => *self = Self::One(cluster),
            Self::One(known) if *known != cluster => *self = Self::Several,
            _ => {}
        }
    }
}

/// The name of the principal's cluster, if the `failed` cluster is named by its version: Istio's
/// `outbound|9080|v2|reviews` or `reviews-v2`.
fn renamed(failed: &str, version: &str, principal: &str) -> Option<String> {
    let is_end = |char: Option<char>| char.is_none_or(|char| !char.is_alphanumeric());
    let mut places = failed.match_indices(version);
    let (before, after) = places.find_map(|(at, _)| {
        let (before, rest) = failed.split_at_checked(at)?;
        let after = rest.strip_prefix(version)?;
        let is_whole = is_end(before.chars().next_back()) && is_end(after.chars().next());
        is_whole.then_some((before, after))
    })?;
    Some([before, principal, after].concat())
}

/// A request without a body that is sent again. None: it is a tunnel or a call of gRPC, or the host does
/// not take its headers.
pub fn resent<'a>(
    head: &'a RequestHead<'_>,
    cluster: &'a str,
    edits: &'a Edits,
    is_routing: impl Fn(&[u8]) -> bool,
) -> Option<MirrorRequest<'a>> {
    let kind = Some(RequestKind::of(head)).filter(|kind| *kind == RequestKind::Plain)?;
    Some(MirrorRequest {
        cluster,
        headers: edits.apply(head, kind, is_routing).ok()?,
        timeout: RESEND_TIMEOUT,
    })
}

/// The headers of an answer that may go to the client: without pseudo-headers and those of one hop.
pub fn passed_on<'a>(answer: &'a [Header<'a>]) -> impl Iterator<Item = Header<'a>> {
    answer.iter().copied().filter(|(name, _)| {
        let text = std::str::from_utf8(name).unwrap_or(":");
        !text.starts_with(':')
            && (!is_never_copied(text) || text == "x-envoy-upstream-service-time")
    })
}
