//! The sessions that move to another version with the next configuration.
//!
//! The law of sessions: a session moves from one version to another only if the weight of the other
//! version grows by a larger factor. If one weight alone grows, sessions move only to that version.

use halftone::draw::Random;
use halftone::release::{Arm, Decision, Reason, Release, Strategy};
use serde::Serialize;

use super::sample::{self, Sample};

/// The sessions that move with the next configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MovesReport {
    /// The file of the next configuration.
    pub file: String,
    /// The release in the next configuration.
    pub release: String,
    /// The number of sessions.
    pub sessions: u64,
    /// The number of sessions that stay on their version.
    pub stay: u64,
    /// The sessions that move, by versions.
    pub moves: Vec<MoveReport>,
    /// The moves that the weights of both splits allow.
    pub law: LawReport,
}

/// The sessions that move from one version to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveReport {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// Their number.
    pub sessions: u64,
    /// Their share of all sessions, 0 to 1.
    pub share: f64,
}

/// Whether the sessions that the split decides before and after moved only as the law allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LawReport {
    /// The number of sessions that both splits decide by the same number. The law covers only these.
    pub sessions: u64,
    /// The moves that the weights allow.
    pub allowed: Vec<Way>,
    /// The number of sessions that moved in another way. Anything but 0 is a bug in Halftone.
    pub broken: u64,
}

/// A move from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
}

impl MovesReport {
    /// Decides the sessions of `sample` by the release `after` of `file`, and compares.
    #[must_use]
    pub fn new(file: &str, sample: &Sample<'_>, after: &Release) -> Self {
        let before = sample.release;
        let mut report = Self {
            file: file.into(),
            release: after.name.to_string(),
            sessions: 0,
            stay: 0,
            moves: Vec::new(),
            law: LawReport {
                sessions: 0,
                allowed: allowed(before, after, sample.draw(0).now),
                broken: 0,
            },
        };
        sample.each_session(|index, head| {
            let draw = sample.draw(Random::new(index).next_u64());
            let old = before.decide(head, draw, &mut ());
            let new = after.decide(head, draw, &mut ());
            let is_covered =
                by_split(&old) && by_split(&new) && sample::is_same_session(before, after, head);
            report.count(version(&old), version(&new), is_covered);
        });
        let sessions = report.sessions.max(1) as f64;
        for one in &mut report.moves {
            one.share = one.sessions as f64 / sessions;
        }
        report
            .moves
            .sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
        report
    }

    fn count(&mut self, from: &str, to: &str, is_covered: bool) {
        self.sessions += 1;
        self.law.sessions += u64::from(is_covered);
        if from == to {
            self.stay += 1;
            return;
        }
        let mut allowed = self.law.allowed.iter();
        let is_allowed = allowed.any(|way| way.from == from && way.to == to);
        self.law.broken += u64::from(is_covered && !is_allowed);
        let mut moves = self.moves.iter_mut();
        match moves.find(|one| one.from == from && one.to == to) {
            Some(one) => one.sessions += 1,
            None => self.moves.push(MoveReport {
                from: from.into(),
                to: to.into(),
                sessions: 1,
                share: 0.0,
            }),
        }
    }
}

fn version<'d>(decision: &'d Decision<'_>) -> &'d str {
    decision.outcome.version().name()
}

fn by_split(decision: &Decision<'_>) -> bool {
    matches!(decision.outcome.reason(), Reason::Session | Reason::Ramp)
}

/// The moves from each version of one split to each version of the other whose weight grows by a
/// larger factor. A ramp is the split that it has at `now`.
fn allowed(before: &Release, after: &Release, now: u64) -> Vec<Way> {
    let (before, after) = (weights(before, now), weights(after, now));
    let growth = |version: &str| weight(&after, version) / weight(&before, version);
    let mut allowed = Vec::new();
    for (from, _) in &before {
        for (to, _) in &after {
            if growth(to) > growth(from) {
                allowed.push(Way {
                    from: (*from).into(),
                    to: (*to).into(),
                });
            }
        }
    }
    allowed.sort();
    allowed
}

/// The weight of `version`, 0 if it has none. A weight after divided by one before is 0 if the version
/// is gone, and infinite if it is new.
fn weight(weights: &[(&str, f64)], version: &str) -> f64 {
    let mut weights = weights.iter();
    let found = weights.find(|(name, _)| *name == version);
    found.map_or(0.0, |(_, weight)| *weight)
}

/// The versions of the split, or of the ramp at `now`, with their weights.
fn weights(release: &Release, now: u64) -> Vec<(&str, f64)> {
    let versions = release.versions.iter().map(|version| version.name());
    let arms: Vec<Arm> = match &release.strategy {
        Strategy::Canary {
            ramp: Some(ramp), ..
        } => ramp.arms(now).collect(),
        Strategy::Canary {
            split: Some(split), ..
        } => split.arms().cloned().collect(),
        _ => Vec::new(),
    };
    let weight = |name| {
        let mut arms = arms.iter();
        let arm = arms.find(|arm| arm.version().name() == name);
        arm.map(|arm| (name, arm.weight()))
    };
    versions.filter_map(weight).collect()
}
