//! What came back, against what was expected.

use std::collections::BTreeMap;

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

const NOTHING: &str = "none";
const WITHIN: f64 = 0.01;

impl Case {
    /// Whether `observed`, what became of its requests, is what it expects.
    ///
    /// # Errors
    ///
    /// The first thing that is not.
    pub fn judge(&self, observed: impl IntoIterator<Item = Observed>) -> Result<(), Mismatch> {
        let mut counts = BTreeMap::new();
        let mut total = 0_u32;
        for one in observed {
            self.judge_one(&one)?;
            total += 1;
            *counts
                .entry(one.version.unwrap_or_else(|| NOTHING.into()))
                .or_insert(0_u32) += 1;
        }
        self.expect
            .shares
            .as_ref()
            .map_or(Ok(()), |shares| self.judge_shares(shares, &counts, total))
    }

    fn judge_one(&self, observed: &Observed) -> Result<(), Mismatch> {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.into());
        let same = |what, expected: &Option<String>, got: &Option<String>| {
            if expected == got {
                return Ok(());
            }
            Err(Mismatch::Value {
                what,
                expected: shown(expected),
                got: shown(got),
            })
        };
        let expect = &self.expect;
        if expect.release.is_some() {
            same("release", &expect.release, &observed.release)?;
        }
        if let Some(version) = &expect.version {
            same("version", version, &observed.version)?;
        }
        if expect.reason.is_some() {
            same("reason", &expect.reason, &observed.reason)?;
        }
        Ok(())
    }

    fn judge_shares(
        &self,
        shares: &BTreeMap<String, f64>,
        counts: &BTreeMap<String, u32>,
        total: u32,
    ) -> Result<(), Mismatch> {
        let within = self.expect.within.unwrap_or(WITHIN);
        let of = |version: &String| {
            f64::from(counts.get(version).copied().unwrap_or(0)) / f64::from(total.max(1))
        };
        let share = |version: &String, expected: f64, within: f64| {
            let got = of(version);
            if (got - expected).abs() <= within {
                return Ok(());
            }
            Err(Mismatch::Share {
                version: version.clone(),
                expected,
                within,
                got,
            })
        };
        for (version, expected) in shares {
            share(version, *expected, within)?;
        }
        counts
            .keys()
            .filter(|version| !shares.contains_key(*version))
            .try_for_each(|version| share(version, 0.0, 0.0))
    }
}
