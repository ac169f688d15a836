//! The report of `simulate`: the fields of its JSON, from which its text is drawn too.

use halftone::release::{Outcome, Release};
use serde::Serialize;

use super::Args;
pub use super::moves::{LawReport, MoveReport, MovesReport};
use super::sample::{Population, Sample, Stratum};

/// The tolerance of a share, in standard errors and in draws. The draws matter where few requests are
/// expected. Chance alone exceeds the tolerance at most once in 10,000 times.
const STANDARD_ERRORS: f64 = 4.0;
const DRAWS: f64 = 2.0;

/// Expected and observed shares.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The release that decides.
    pub release: String,
    /// The number of requests.
    pub requests: u64,
    /// The number of sessions. Absent: each request is drawn by itself.
    pub sessions: Option<u64>,
    /// The key that carries the session: `header x-user-id`. Absent: the requests carry none.
    pub key: Option<String>,
    /// The value of the key, if the command line gives it to every request.
    pub value: Option<String>,
    /// The seed of the random numbers.
    pub seed: u64,
    /// Every version of the release.
    pub versions: Vec<ShareReport>,
    /// Every reason that is expected or was observed.
    pub reasons: Vec<ShareReport>,
    /// The sessions that move with the next configuration.
    pub then: Option<MovesReport>,
}

/// The share of a version, or of a reason. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareReport {
    /// The version, or the reason.
    pub name: String,
    /// The share by the configuration.
    pub expected: f64,
    /// The tolerance for chance: four standard errors and two draws.
    pub within: f64,
    /// The observed share.
    pub observed: f64,
    /// The number of requests.
    pub requests: u64,
    /// Whether the observed share is within the tolerance.
    pub ok: bool,
}

impl Report {
    /// Decides all requests of `sample`, and compares the shares.
    #[must_use]
    pub fn new(args: &Args, sample: &Sample<'_>) -> Self {
        let (sessions, key, value) = match sample.population() {
            Population::Requests => (None, None, None),
            Population::OneSession(key, value) => (Some(1), Some(key), Some(value.clone())),
            Population::Sessions(key, sessions) => (Some(u64::from(*sessions)), Some(key), None),
        };
        let counts = sample.counts();
        let release = sample.release;
        let names = release.versions.iter().map(|version| version.name());
        let versions = groups(release, names, |outcome| outcome.version().name().into());
        let reasons = groups(release, [], |outcome| outcome.reason().to_string());
        let mut reasons = shares(sample, sample.requests(), &counts, reasons);
        reasons.retain(|reason| reason.requests > 0 || reason.expected > 0.0);
        Self {
            release: release.name.to_string(),
            requests: sample.requests(),
            sessions,
            key: key.map(ToString::to_string),
            value,
            seed: args.request.seed,
            versions: shares(sample, sample.requests(), &counts, versions),
            reasons,
            then: None,
        }
    }

    /// The number of findings.
    #[must_use]
    pub fn findings(&self) -> usize {
        let shares = self.versions.iter().chain(&self.reasons);
        let broken = self.then.as_ref().map_or(0, |then| then.law.broken);
        shares.filter(|share| !share.ok).count() + usize::from(broken > 0)
    }
}

/// Outcomes that are counted together, by `Outcome::index`.
struct Group {
    name: String,
    outcomes: Vec<usize>,
    expected: f64,
    variance: f64,
    heaviest: f64,
}

/// A group for each of `names`, then a group for each other name of an outcome of `release`.
fn groups<'n>(
    release: &Release,
    names: impl IntoIterator<Item = &'n str>,
    name: impl Fn(&Outcome) -> String,
) -> Vec<Group> {
    let mut groups: Vec<Group> = names.into_iter().map(Group::new).collect();
    for outcome in &release.outcomes {
        let name = name(outcome);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.outcomes.push(outcome.index()),
            None => {
                let mut group = Group::new(&name);
                group.outcomes.push(outcome.index());
                groups.push(group);
            }
        }
    }
    groups
}

impl Group {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            outcomes: Vec::new(),
            expected: 0.0,
            variance: 0.0,
            heaviest: 0.0,
        }
    }

    fn add(&mut self, shares: &[f64], stratum: Stratum) {
        let of_each = self.outcomes.iter().filter_map(|index| shares.get(*index));
        let share: f64 = of_each.sum();
        let Stratum { draws, weight } = stratum;
        self.expected += draws * weight * share;
        self.variance += draws * weight * weight * (share * (1.0 - share)).max(0.0);
        if self.variance > 0.0 {
            self.heaviest = self.heaviest.max(weight);
        }
    }
}

fn shares(
    sample: &Sample<'_>,
    requests: u64,
    counts: &[u64],
    mut groups: Vec<Group>,
) -> Vec<ShareReport> {
    sample.expect(|shares, stratum| {
        for group in &mut groups {
            group.add(shares, stratum);
        }
    });
    let all = requests as f64;
    let share = |group: Group| {
        let of_each = group.outcomes.iter().filter_map(|index| counts.get(*index));
        let count: u64 = of_each.sum();
        let within = (STANDARD_ERRORS * group.variance.sqrt() + DRAWS * group.heaviest).min(all);
        // The sum of a million shares is not exact to the last bit.
        let expected = (group.expected / all * 1e12).round() / 1e12;
        ShareReport {
            name: group.name,
            expected,
            within: within / all,
            observed: count as f64 / all,
            requests: count,
            ok: (count as f64 - expected * all).abs() <= within + 1e-9 * all,
        }
    };
    groups.into_iter().map(share).collect()
}
