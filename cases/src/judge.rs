//! What came back, against what was expected.

use std::collections::BTreeMap;
use std::fmt;

use crate::file::Case;

/// What became of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The release that decided, if one did.
    pub release: Option<String>,
    /// The version it chose.
    pub version: Option<String>,
    /// Why, as it prints.
    pub reason: Option<String>,
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// Of one request.
    #[error("{what}: expected {expected}, got {got}")]
    Value {
        /// `release`, `version` or `reason`.
        what: &'static str,
        /// What the case says.
        expected: String,
        /// What came back.
        got: String,
    },
    /// Of a sample.
    #[error("share of {version}: expected {expected} within {within}, got {got:.4}")]
    Share {
        /// The version.
        version: String,
        /// What the case says.
        expected: f64,
        /// How far it may be off.
        within: f64,
        /// What was counted.
        got: f64,
    },
}

/// Everything about a case that is not as expected; at least one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    /// In the order of the expectation.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mismatch> {
        self.0.iter()
    }
}

impl fmt::Display for Mismatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mismatch) in self.iter().enumerate() {
            let separator = if place > 0 { "; " } else { "" };
            write!(f, "{separator}{mismatch}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatches {}

const NOTHING: &str = "none";
const WITHIN: f64 = 0.01;

impl Case {
    /// Whether `observed`, what became of its requests, is what it expects.
    ///
    /// # Errors
    ///
    /// All that is not so of the first request that is not as expected; else all shares that are
    /// not.
    pub fn judge(&self, observed: impl IntoIterator<Item = Observed>) -> Result<(), Mismatches> {
        let mut counts = BTreeMap::new();
        let mut total = 0_u32;
        for one in observed {
            verdict(self.values(&one))?;
            total += 1;
            *counts
                .entry(one.version.unwrap_or_else(|| NOTHING.into()))
                .or_insert(0_u32) += 1;
        }
        let shares = self.expect.shares.as_ref();
        verdict(shares.map_or_else(Vec::new, |shares| self.shares(shares, &counts, total)))
    }

    fn values(&self, observed: &Observed) -> Vec<Mismatch> {
        let expect = &self.expect;
        let some = |text: &Option<String>| text.clone().map(Some);
        let table = [
            ("release", some(&expect.release), &observed.release),
            ("version", expect.version.clone(), &observed.version),
            ("reason", some(&expect.reason), &observed.reason),
        ];
        let shown = |text: Option<String>| text.unwrap_or_else(|| NOTHING.into());
        table
            .into_iter()
            .filter_map(|(what, expected, got)| {
                let expected = expected.filter(|expected| expected != got)?;
                Some(Mismatch::Value {
                    what,
                    expected: shown(expected),
                    got: shown(got.clone()),
                })
            })
            .collect()
    }

    fn shares(
        &self,
        shares: &BTreeMap<String, f64>,
        counts: &BTreeMap<String, u32>,
        total: u32,
    ) -> Vec<Mismatch> {
        let within = self.expect.within.unwrap_or(WITHIN);
        let others = counts
            .keys()
            .filter(|version| !shares.contains_key(*version));
        let named = shares
            .iter()
            .map(|(version, share)| (version, *share, within));
        named
            .chain(others.map(|version| (version, 0.0, 0.0)))
            .filter_map(|(version, expected, within)| {
                let count = counts.get(version).copied().unwrap_or(0);
                let got = f64::from(count) / f64::from(total.max(1));
                ((got - expected).abs() > within).then(|| Mismatch::Share {
                    version: version.clone(),
                    expected,
                    within,
                    got,
                })
            })
            .collect()
    }
}

fn verdict(mismatches: Vec<Mismatch>) -> Result<(), Mismatches> {
    if mismatches.is_empty() {
        Ok(())
    } else {
        Err(Mismatches(mismatches))
    }
}
