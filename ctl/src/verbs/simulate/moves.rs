//! Which sessions move when another configuration follows.
//!
//! The law: a session moves from one version to another only if the other's weight grew more. So
//! when one weight alone grows, sessions move to that version and nobody between the others.

use halftone::draw::{Draw, Random};
use halftone::release::{Decision, Reason, Release, Split, Strategy};
use serde::Serialize;

use super::sample::{self, Sample};

/// What moves when another configuration follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MovesReport {
    /// The configuration that follows.
    pub file: String,
    /// The release in it.
    pub release: String,
    /// The sessions that send requests.
    pub sessions: u64,
    /// Those whose version stays.
    pub stay: u64,
    /// Those whose version does not.
    pub moves: Vec<MoveReport>,
    /// What may move, by the weights of both splits.
    pub law: LawReport,
}

/// Sessions that go one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveReport {
    /// The version that they had.
    pub from: String,
    /// The version that they get.
    pub to: String,
    /// So many.
    pub sessions: u64,
    /// Of all sessions, 0 to 1.
    pub share: f64,
}

/// Whether sessions that the split decides, before and after, moved as they may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LawReport {
    /// The sessions that it covers: those that both splits decide by the same number.
    pub sessions: u64,
    /// The ways that the weights allow.
    pub allowed: Vec<Way>,
    /// The sessions that moved otherwise: 0, or something is badly wrong.
    pub broken: u64,
}

/// From one version to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
}

impl MovesReport {
    /// The sessions of `sample`, decided again by the release `after` of `file`.
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
                allowed: allowed(before, after),
                broken: 0,
            },
        };
        sample.each_session(|place, head| {
            let chance = Random::new(place).next_u64();
            let (old, new) = (
                before.decide(head, Draw { chance, now: 0 }, &mut ()),
                after.decide(head, Draw { chance, now: 0 }, &mut ()),
            );
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
    *decision.outcome.reason() == Reason::Session
}

/// From each version of one split to each of the other whose weight grew more.
fn allowed(before: &Release, after: &Release) -> Vec<Way> {
    let (Some(before), Some(after)) = (split(before), split(after)) else {
        return Vec::new();
    };
    let mut allowed = Vec::new();
    for from in before.arms() {
        for to in after.arms() {
            let (from, to) = (from.version().name(), to.version().name());
            if growth(before, after, to) > growth(before, after, from) {
                allowed.push(Way {
                    from: from.into(),
                    to: to.into(),
                });
            }
        }
    }
    allowed.sort();
    allowed
}

/// The weight after, for each before: 0 where there is none any more, infinite where there was none.
fn growth(before: &Split, after: &Split, version: &str) -> f64 {
    let weight = |split: &Split| {
        let mut arms = split.arms();
        let arm = arms.find(|arm| arm.version().name() == version);
        arm.map_or(0.0, |arm| arm.weight())
    };
    weight(after) / weight(before)
}

fn split(release: &Release) -> Option<&Split> {
    match &release.strategy {
        Strategy::Canary { split, .. } => split.as_ref(),
        Strategy::BlueGreen { .. } => None,
    }
}
