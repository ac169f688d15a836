//! Observations, compared with expectations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::file::{Case, Cookie};

/// The decision for one request, and its effects. Names of headers are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The release that decided. None: no release did.
    pub release: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The reason, for example `rule:testers`.
    pub reason: Option<String>,
    /// The request headers that were set, with their values.
    pub set: BTreeMap<String, String>,
    /// The request headers that were removed.
    pub removed: BTreeSet<String>,
    /// The name of the cookie in which the response brings a new session id.
    pub cookie: Option<String>,
}

impl Observed {
    /// The name of the cookie in the value of a `set-cookie` header.
    #[must_use]
    pub fn cookie_name(set_cookie: &str) -> Option<String> {
        set_cookie.split_once('=').map(|(name, _)| name.into())
    }
}

/// A difference between an observation and the expectation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// A value of one request.
    #[error("{what}: expected {expected}, got {got}")]
    Value {
        /// The field of the expectation.
        what: &'static str,
        /// The expected value.
        expected: String,
        /// The observed value.
        got: String,
    },
    /// A share of a sample.
    #[error("share of {version}: expected {expected} within {within}, got {got:.4}")]
    Share {
        /// The version.
        version: String,
        /// The expected share.
        expected: f64,
        /// The tolerance.
        within: f64,
        /// The observed share.
        got: f64,
    },
}

/// The differences of a case, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    /// The differences, in the order of the expectation.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mismatch> {
        self.0.iter()
    }
}

impl fmt::Display for Mismatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mismatch) in self.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{mismatch}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatches {}

const NOTHING: &str = "none";
const WITHIN: f64 = 0.01;

/// The reason of the requests that a ramp decides.
const RAMP: &str = "ramp";

impl Case {
    /// Compares `observed`, one observation for each request, with the expectation.
    ///
    /// # Errors
    ///
    /// The differences of the first request that has some, or else those of the shares.
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
        let follows_clock = observed.reason.as_deref() == Some(RAMP);
        let no_time = (follows_clock && self.at.is_none()).then(|| Mismatch::Value {
            what: "at",
            expected: "the time of the request, such as \"2026-12-01T09:00:00Z\", because a ramp decides it".into(),
            got: NOTHING.into(),
        });
        let decision = table.into_iter().filter_map(|(what, expected, got)| {
            let expected = expected.filter(|expected| expected != got)?;
            Some(Mismatch::Value {
                what,
                expected: shown(expected),
                got: shown(got.clone()),
            })
        });
        let effects = [
            self.set(observed),
            self.removed(observed),
            self.cookie(observed),
        ];
        let effects = effects.into_iter().flatten();
        no_time.into_iter().chain(decision).chain(effects).collect()
    }

    fn set(&self, observed: &Observed) -> Option<Mismatch> {
        let expected = self.expect.set.as_ref()?;
        let lower = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
        let expected: BTreeMap<String, String> = expected.iter().map(lower).collect();
        let shown = |set: &BTreeMap<String, String>| {
            list(set.iter().map(|(name, value)| format!("{name}: {value}")))
        };
        (expected != observed.set).then(|| Mismatch::Value {
            what: "set",
            expected: shown(&expected),
            got: shown(&observed.set),
        })
    }

    fn removed(&self, observed: &Observed) -> Option<Mismatch> {
        let expected = self.expect.removed.as_ref()?.iter();
        let expected: BTreeSet<String> = expected.map(|name| name.to_ascii_lowercase()).collect();
        (expected != observed.removed).then(|| Mismatch::Value {
            what: "removed",
            expected: list(expected),
            got: list(observed.removed.iter().cloned()),
        })
    }

    fn cookie(&self, observed: &Observed) -> Option<Mismatch> {
        let got = observed.cookie.as_deref();
        let (is_so, expected) = match self.expect.cookie.as_ref()? {
            Cookie::Any(true) => (got.is_some(), "any"),
            Cookie::Any(false) => (got.is_none(), NOTHING),
            Cookie::Named(name) => (got == Some(name), name.as_str()),
        };
        (!is_so).then(|| Mismatch::Value {
            what: "cookie",
            expected: expected.into(),
            got: got.unwrap_or(NOTHING).into(),
        })
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

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    if items.is_empty() {
        NOTHING.into()
    } else {
        items.join(", ")
    }
}

fn verdict(mismatches: Vec<Mismatch>) -> Result<(), Mismatches> {
    if mismatches.is_empty() {
        Ok(())
    } else {
        Err(Mismatches(mismatches))
    }
}
