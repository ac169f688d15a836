//! The sessions that take part in a release: those of its range in a group of exclusive releases, but
//! for the holdout.

use xxhash_rust::xxh64::xxh64;

use super::percentage::Percentage;
use super::random::salt;

/// The names of the draws. The holdout has its own, so that it is a part of each range of a group.
const EXCLUSIVE: &str = "exclusive";
const HOLDOUT: &str = "holdout";

/// The sessions that take part in a release.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    /// The range that takes part. None: all sessions.
    pub exclusive: Option<Exclusive>,
    /// The sessions that do not take part. None: there are no such sessions.
    pub holdout: Option<Holdout>,
}

/// The reason for which a session does not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// It is in the holdout.
    Holdout,
    /// It is in no range, or in that of another release.
    Excluded,
}

/// A range of the sessions of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusive {
    group: Box<str>,
    seed: u64,
    from: f64,
    to: f64,
}

/// A percentage of the sessions of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Holdout {
    group: Box<str>,
    seed: u64,
    percentage: Percentage,
}

impl Cohort {
    /// The reason for which the session with this `key` does not take part. None: it takes part. A
    /// request without a session is in no range, and in no holdout.
    #[must_use]
    pub fn apart(&self, key: Option<&[u8]>) -> Option<Apart> {
        let is_held_out = |holdout: &Holdout| key.is_some_and(|key| holdout.takes(key));
        let is_in = |exclusive: &Exclusive| key.is_some_and(|key| exclusive.takes(key));
        if self.holdout.as_ref().is_some_and(is_held_out) {
            Some(Apart::Holdout)
        } else if self
            .exclusive
            .as_ref()
            .is_some_and(|exclusive| !is_in(exclusive))
        {
            Some(Apart::Excluded)
        } else {
            None
        }
    }

    /// The shares of all sessions that do not take part, by reason. The requests without a session are
    /// not `held`.
    #[must_use]
    pub fn shares(&self, held: bool) -> [(Apart, f64); 2] {
        let part = |part: f64| if held { part } else { 0.0 };
        let held_out = part(self.holdout.as_ref().map_or(0.0, Holdout::share));
        let excluded = self
            .exclusive
            .as_ref()
            .map_or(0.0, |exclusive| 1.0 - part(exclusive.share()));
        [
            (Apart::Holdout, held_out),
            (Apart::Excluded, (1.0 - held_out) * excluded),
        ]
    }
}

impl Exclusive {
    /// The sessions whose draw for `group` is at least `from` and less than `to`, both 0 to 100.
    #[must_use]
    pub fn new(group: &str, from: f64, to: f64) -> Self {
        Self {
            group: group.into(),
            seed: salt(group),
            from,
            to,
        }
    }

    /// The name of the group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The start and the end of the range, 0 to 100. The end is not in it.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// What the session with this `key` draws: uniform in 0 .. 100.
    #[must_use]
    pub fn draw(&self, key: &[u8]) -> f64 {
        Percentage::new(100.0, EXCLUSIVE).draw(xxh64(key, self.seed))
    }

    /// Whether the session with this `key` is in the range.
    #[must_use]
    pub fn takes(&self, key: &[u8]) -> bool {
        (self.from..self.to).contains(&self.draw(key))
    }

    /// The part of all sessions that is in the range, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        (self.to - self.from) / 100.0
    }
}

impl Holdout {
    /// This `percentage` of the sessions, 0 to 100, drawn for `group`.
    #[must_use]
    pub fn new(group: &str, percentage: f64) -> Self {
        Self {
            group: group.into(),
            seed: salt(group),
            percentage: Percentage::new(percentage, HOLDOUT),
        }
    }

    /// The name of the group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// What the session with this `key` draws: uniform in 0 .. 100.
    #[must_use]
    pub fn draw(&self, key: &[u8]) -> f64 {
        self.percentage.draw(xxh64(key, self.seed))
    }

    /// Whether the session with this `key` is in the holdout.
    #[must_use]
    pub fn takes(&self, key: &[u8]) -> bool {
        self.percentage.takes(xxh64(key, self.seed))
    }

    /// The part of all sessions that is in the holdout, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.percentage.percent() / 100.0
    }
}
