//! The state of releases: what is configured, and what the proxies report.

use std::collections::BTreeMap;

use halftone::config::time;
use halftone::release::{Ramp, RampedSplit};
use halftone_console::numbers::{MirrorNow, Proxy, ReleaseNow};
use serde::Serialize;

use super::measured::Measured;
use super::subject::Subject;

/// The largest difference of two shares that are the same. A proxy reports parts per million.
const SAME: f64 = 1e-4;

/// The state of releases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The time of the report, with seconds in UTC.
    pub time: String,
    /// The seconds in which the requests were counted. None: no proxies were named.
    pub seconds: Option<u64>,
    /// The proxies.
    pub proxies: Vec<Proxy>,
    /// The releases, in the order of the configuration.
    pub releases: Vec<ReleaseState>,
}

/// The state of a release.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseState {
    /// The name.
    pub name: String,
    /// The file or the plugin.
    pub source: String,
    /// `canary`, `blueGreen`, or `none`.
    pub strategy: &'static str,
    /// The principal version.
    pub principal: String,
    /// The active version of a blue-green release.
    pub active: Option<String>,
    /// The version that took over.
    pub take_over: Option<String>,
    /// Whether it recognises sessions.
    pub session: bool,
    /// The versions: the principal, then the others.
    pub versions: Vec<VersionState>,
    /// The ramp.
    pub ramp: Option<RampState>,
    /// The versions that the guard returned to the principal. None: there is no guard.
    pub guard: Option<Vec<String>>,
    /// The versions without an endpoint. None: there is no fallback.
    pub fallback: Option<Vec<String>>,
    /// The mirrors.
    pub mirrors: Vec<MirrorState>,
    /// Whether a proxy reports other shares than the configuration has. None: no proxy reports shares, or a ramp moves
    /// them.
    pub differs: Option<bool>,
}

/// The state of a version. Shares are 0 to 1.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionState {
    /// The name.
    pub name: String,
    /// Its share of the requests that no rule claims.
    pub configured: f64,
    /// Its share of all requests of the release. None: there were none.
    pub observed: Option<f64>,
    /// Its requests a second.
    pub rate: Option<f64>,
    /// The part of its responses that are no failures.
    pub success: Option<f64>,
    /// Half of the responses took less, in milliseconds.
    pub p50: Option<f64>,
    /// 99 % of the responses took less, in milliseconds.
    pub p99: Option<f64>,
}

/// The state of a ramp.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RampState {
    /// The version that grows.
    pub version: String,
    /// Its percentage now.
    pub percentage: f64,
    /// Whether the percentage is held.
    pub held: bool,
    /// The time of the next point. None: the ramp ended, or is held.
    pub next: Option<NextPoint>,
}

/// A point of a ramp that it has not reached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextPoint {
    /// The time, with seconds in UTC.
    pub time: String,
    /// The percentage at that time.
    pub percentage: f64,
}

/// The state of a mirror.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorState {
    /// The name.
    pub name: String,
    /// Where the copies go.
    pub to: String,
    /// The copies and the comparisons, since the proxies started.
    #[serde(flatten)]
    pub counts: MirrorNow,
}

impl Report {
    /// The state of `releases` at `now`, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn new(releases: &[Subject], measured: Option<&Measured>, now: u64) -> Self {
        let numbers = measured.map(Measured::numbers);
        let by_release = numbers.map(|numbers| numbers.now());
        let states = releases.iter().map(|release| {
            let observed = by_release.as_ref();
            let observed = observed.map(|all| all.get(&release.written.name));
            ReleaseState::new(release, observed, now)
        });
        Self {
            time: time::text(now),
            seconds: measured.map(Measured::seconds),
            proxies: numbers.map_or_else(Vec::new, |numbers| numbers.proxies().to_vec()),
            releases: states.collect(),
        }
    }

    /// The number of problems: proxies that do not answer or reject their configuration, versions that lost their
    /// traffic, and releases that the proxies have otherwise.
    pub fn problems(&self) -> usize {
        let of_proxy = |proxy: &Proxy| proxy.error.is_some() || proxy.rejected > 0;
        let proxies = self.proxies.iter().filter(|proxy| of_proxy(proxy)).count();
        proxies
            + self
                .releases
                .iter()
                .map(ReleaseState::problems)
                .sum::<usize>()
    }
}

impl ReleaseState {
    /// `observed` is none without proxies, and has none if the proxies do not know the release.
    fn new(subject: &Subject, observed: Option<Option<&ReleaseNow>>, now: u64) -> Self {
        let Subject { written, release } = subject;
        let shares = release.configured_shares(now);
        let mut configured: BTreeMap<&str, f64> = BTreeMap::new();
        for version in &release.versions {
            let share = shares.get(version.index()).copied().unwrap_or_default();
            configured.insert(version.name(), share);
        }
        let observed = observed.flatten();
        let mut names: Vec<&str> = vec![&written.principal];
        let known = release.versions.iter().map(|version| version.name());
        let reported = observed.into_iter().flat_map(|one| one.versions.keys());
        for name in known.chain(reported.map(String::as_str)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let version = |name: &str| {
            let now = observed.and_then(|one| one.versions.get(name));
            VersionState {
                name: name.into(),
                configured: configured.get(name).copied().unwrap_or_default(),
                observed: now.and_then(|now| now.share),
                rate: now.map(|now| now.rate),
                success: now.and_then(|now| now.success),
                p50: now.and_then(|now| now.p50),
                p99: now.and_then(|now| now.p99),
            }
        };
        let mirror = |mirror: &halftone_console::release::Mirror| MirrorState {
            name: mirror.name.clone(),
            to: mirror.to.clone(),
            counts: observed
                .and_then(|one| one.mirrors.get(&mirror.name))
                .cloned()
                .unwrap_or_default(),
        };
        let returned = |all: fn(&ReleaseNow) -> &Vec<String>| -> Vec<String> {
            observed.map(|one| all(one).clone()).unwrap_or_default()
        };
        let ramp = release.ramp().filter(|_| written.take_over.is_none());
        Self {
            name: written.name.clone(),
            source: written.document.clone(),
            strategy: written.strategy,
            principal: written.principal.clone(),
            active: written.active.clone(),
            take_over: written.take_over.clone(),
            session: written.has_session,
            versions: names.into_iter().map(version).collect(),
            guard: release
                .guard
                .is_some()
                .then(|| returned(|one| &one.guarded)),
            fallback: release
                .fallback
                .is_some()
                .then(|| returned(|one| &one.unreachable)),
            mirrors: written.mirrors.iter().map(mirror).collect(),
            differs: observed
                .filter(|one| ramp.is_none() && !one.configured.is_empty())
                .map(|one| differ(&one.configured, &configured)),
            ramp: ramp.map(|ramp| RampState::new(ramp, now)),
        }
    }

    fn problems(&self) -> usize {
        let lost = |versions: &Option<Vec<String>>| versions.as_ref().map_or(0, Vec::len);
        lost(&self.guard) + lost(&self.fallback) + usize::from(self.differs == Some(true))
    }
}

fn differ(reported: &BTreeMap<String, f64>, configured: &BTreeMap<&str, f64>) -> bool {
    let share_of = |name: &str| reported.get(name).copied().unwrap_or_default();
    let mut known = configured.iter();
    // A version that only old traffic knows has the share 0.
    let mut others = reported.iter();
    known.any(|(name, share)| (share_of(name) - share).abs() > SAME)
        || others.any(|(name, share)| *share > SAME && !configured.contains_key(name.as_str()))
}

impl RampState {
    fn new(ramped: &RampedSplit, now: u64) -> Self {
        let ramp: &Ramp = ramped.ramp();
        let at = |after: u64| ramp.start().saturating_add(after);
        let mut points = ramp.points().iter();
        let next = points.find(|point| at(point.after) > now);
        Self {
            version: ramped.version().name().into(),
            percentage: ramp.percentage(now),
            held: ramp.hold().is_some(),
            next: next
                .filter(|_| ramp.hold().is_none())
                .map(|point| NextPoint {
                    time: time::text(at(point.after)),
                    percentage: point.percentage,
                }),
        }
    }
}
