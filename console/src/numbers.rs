//! Numbers of releases, from the metrics of proxies.

mod quantile;
mod series;
mod totals;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use halftone_exposition::samples;
use serde::Serialize;

pub use series::{Point, Series, Span};
pub use totals::{Ended, Key, Totals};
pub use window::{Now, Window};

use crate::source::Scraped;

/// The most versions whose numbers are kept. Six hours of one take about 70 KiB.
pub const MOST_VERSIONS: usize = 2_048;

/// The time after which a number is old, in seconds.
pub const STALE: u64 = 5;

/// A proxy, and when it answered.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// The time of its last answer, in seconds since 1970. 0: it never answered.
    pub answered: u64,
    /// Why its last answer is missing.
    pub error: Option<String>,
    /// The plugins that rejected their latest configuration.
    pub rejected: u64,
    #[serde(skip)]
    totals: Option<Totals>,
}

/// What one mirror did in the last minute and since the console runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorNow {
    /// The copies by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// The comparisons by result.
    pub results: BTreeMap<String, u64>,
}

/// What one release does now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseNow {
    /// The versions.
    pub versions: BTreeMap<String, Now>,
    /// Requests in the last minute, by reason and version.
    pub reasons: Vec<(String, String, u64)>,
    /// The mirrors, since the proxies started.
    pub mirrors: BTreeMap<String, MirrorNow>,
    /// The versions that the guard returned to the principal.
    pub guarded: Vec<String>,
    /// The versions without an endpoint.
    pub unreachable: Vec<String>,
    /// The configured shares that the proxies report, 0 to 1. They follow a ramp.
    pub configured: BTreeMap<String, f64>,
}

/// All numbers.
#[derive(Debug, Default)]
pub struct Numbers {
    proxies: Vec<Proxy>,
    versions: BTreeMap<Key, (Window, Series)>,
    reasons: BTreeMap<(Key, String), Window>,
}

impl Numbers {
    /// Takes the answers of the proxies at `now`, in seconds since 1970.
    pub fn take(&mut self, now: u64, scraped: Vec<Scraped>) {
        let mut grown = Totals::default();
        let mut answered = 0;
        for one in scraped {
            let proxy = match self
                .proxies
                .iter_mut()
                .position(|proxy| proxy.name == one.source)
            {
                Some(at) => self.proxies.get_mut(at),
                None => {
                    self.proxies.push(Proxy {
                        name: one.source.clone(),
                        ..Proxy::default()
                    });
                    self.proxies.last_mut()
                }
            };
            let Some(proxy) = proxy else { continue };
            match one.page {
                Ok(page) => {
                    let totals = Totals::of(samples(&page).flatten());
                    if let Some(before) = &proxy.totals {
                        grown.add(&totals.since(before));
                    }
                    answered += 1;
                    proxy.answered = now;
                    proxy.error = None;
                    proxy.rejected = totals.rejected as u64;
                    proxy.totals = Some(totals);
                }
                Err(error) => proxy.error = Some(error),
            }
        }
        if answered > 0 {
            self.count(now, grown);
        }
    }

    fn count(&mut self, now: u64, grown: Totals) {
        let mut keys: BTreeSet<Key> = self.versions.keys().cloned().collect();
        let new = grown.versions.keys();
        keys.extend(
            new.take(MOST_VERSIONS.saturating_sub(self.versions.len()))
                .cloned(),
        );
        for key in keys {
            let ended = grown.versions.get(&key).cloned().unwrap_or_default();
            let (window, series) = self.versions.entry(key).or_default();
            window.push(now, ended);
            series.push(window.point(now));
        }
        let reasons: Vec<(Key, String)> = self.reasons.keys().cloned().collect();
        let known = |(key, _): &&(Key, String)| self.versions.contains_key(key);
        let new = grown.reasons.keys().filter(known).cloned();
        let room = (4 * MOST_VERSIONS).saturating_sub(self.reasons.len());
        let all: BTreeSet<(Key, String)> = reasons.into_iter().chain(new.take(room)).collect();
        for key in all {
            let requests = grown.reasons.get(&key).copied().unwrap_or_default();
            let window = self.reasons.entry(key).or_insert_with(Window::minute);
            window.push(now, Ended::requests(requests));
        }
        self.reasons.retain(|_, window| !window.is_empty());
    }

    /// The proxies.
    #[must_use]
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// What every release does now.
    #[must_use]
    pub fn now(&self) -> BTreeMap<String, ReleaseNow> {
        let mut releases: BTreeMap<String, ReleaseNow> = BTreeMap::new();
        let mut of = |key: &Key, add: &mut dyn FnMut(&mut ReleaseNow)| {
            add(releases.entry(key.release.clone()).or_default());
        };
        for (key, (window, _)) in &self.versions {
            of(key, &mut |release| {
                release.versions.insert(key.version.clone(), window.now());
            });
        }
        for ((key, reason), window) in &self.reasons {
            let requests = window.requests().round() as u64;
            of(key, &mut |release| {
                if requests > 0 {
                    let row = (reason.clone(), key.version.clone(), requests);
                    release.reasons.push(row);
                }
            });
        }
        for totals in self
            .proxies
            .iter()
            .filter_map(|proxy| proxy.totals.as_ref())
        {
            for (key, share) in &totals.configured {
                of(key, &mut |release| {
                    release.configured.insert(key.version.clone(), *share);
                });
            }
            for (key, is_on) in &totals.guarded {
                of(key, &mut |release| {
                    if *is_on && !release.guarded.contains(&key.version) {
                        release.guarded.push(key.version.clone());
                    }
                });
            }
            for (key, is_on) in &totals.unreachable {
                of(key, &mut |release| {
                    if *is_on && !release.unreachable.contains(&key.version) {
                        release.unreachable.push(key.version.clone());
                    }
                });
            }
            for (key, outcomes) in &totals.mirrors {
                of(key, &mut |release| {
                    let mirror = release.mirrors.entry(key.version.clone()).or_default();
                    for ((kind, name), count) in outcomes {
                        let tally = if *kind == "outcome" {
                            &mut mirror.outcomes
                        } else {
                            &mut mirror.results
                        };
                        *tally.entry(name.clone()).or_default() += *count as u64;
                    }
                });
            }
        }
        for release in releases.values_mut() {
            release.reasons.sort_by_key(|row| std::cmp::Reverse(row.2));
            release.reasons.truncate(100);
            let all: f64 = release.versions.values().map(|now| now.requests).sum();
            for now in release.versions.values_mut() {
                now.share = (all > 0.0).then(|| now.requests / all);
            }
        }
        releases
    }

    /// The points of a release's versions in `span`.
    #[must_use]
    pub fn series(&self, release: &str, span: Span) -> BTreeMap<String, Vec<Point>> {
        let all = self.versions.iter();
        all.filter(|(key, _)| key.release == release)
            .map(|(key, (_, series))| (key.version.clone(), series.points(span)))
            .collect()
    }
}
