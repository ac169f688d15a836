//! One test of a value: `exact`, `prefix`, …, `semver`.
//!
//! Values are bytes. A value that is not UTF-8 can be equal to nothing that a configuration can
//! write, has no regex and no version, and does no harm.
//!
//! Regular expressions run on `regex-lite`: linear time and no backtracking, as RE2, which Istio's
//! users know, and small, for every proxy carries it. It is slower per byte than the full engine, so
//! a longer value than [`StringMatch::LONGEST_REGEX_VALUE`] does not match.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use regex_lite::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use super::lookup::Lookup;

/// A test of one value.
#[derive(Clone, Debug)]
pub struct StringMatch {
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Contains(Box<memmem::Finder<'static>>),
    Regex { regex: Regex, pattern: Box<str> },
    In(Lookup<()>),
    Present(bool),
    Semver(VersionReq),
}

impl StringMatch {
    /// In bytes. A longer value matches no regex. Evil input of this length cost 0.3 ms (`regex/evil`
    /// of `cargo bench --bench decide`), and the cost grows linearly.
    pub const LONGEST_REGEX_VALUE: usize = 2048;

    /// In bytes, of a compiled regex: a bound on what one pattern may take from every proxy's
    /// memory.
    const LARGEST_REGEX: usize = 1 << 20;

    /// The value is `text`.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Test::Exact(text.as_bytes().into()).into()
    }

    /// The value begins with `text`.
    #[must_use]
    pub fn prefix(text: &str) -> Self {
        Test::Prefix(text.as_bytes().into()).into()
    }

    /// The value ends with `text`.
    #[must_use]
    pub fn suffix(text: &str) -> Self {
        Test::Suffix(text.as_bytes().into()).into()
    }

    /// `text` stands somewhere in the value.
    #[must_use]
    pub fn contains(text: &str) -> Self {
        Test::Contains(Box::new(memmem::Finder::new(text).into_owned())).into()
    }

    /// The whole value matches `pattern`, whose syntax is that of `regex-lite`: RE2's without
    /// Unicode classes.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the pattern, or that it is too large.
    pub fn regex(pattern: &str) -> Result<Self, regex_lite::Error> {
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(Self::LARGEST_REGEX)
                .build()
        };
        // First by itself, so that `a)(b` is refused and an error points into what the user wrote.
        compile(pattern)?;
        let regex = compile(&format!("^(?:{pattern})$"))?;
        Ok(Test::Regex {
            regex,
            pattern: pattern.into(),
        }
        .into())
    }

    /// The value is one of `texts`, looked up and not scanned.
    #[must_use]
    pub fn is_in<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Test::In(texts.into_iter().map(|text| (text, ())).collect()).into()
    }

    /// There is a value, or there is none.
    #[must_use]
    pub fn present(present: bool) -> Self {
        Test::Present(present).into()
    }

    /// The value is a semantic version that meets `requirement`, as Cargo reads both: `>=2.3.0,
    /// <3`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the requirement.
    pub fn semver(requirement: &str) -> Result<Self, semver::Error> {
        Ok(Test::Semver(VersionReq::parse(requirement)?).into())
    }

    /// Whether one of `values` passes; for `present`, whether there is any.
    pub fn any<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match &self.test {
            Test::Present(present) => values.next().is_some() == *present,
            _ => values.any(|value| self.passes(value.as_ref())),
        }
    }

    fn passes(&self, value: &[u8]) -> bool {
        match &self.test {
            Test::Exact(text) => value == &**text,
            Test::Prefix(text) => value.starts_with(text),
            Test::Suffix(text) => value.ends_with(text),
            Test::Contains(finder) => finder.find(value).is_some(),
            Test::Regex { regex, .. } => {
                value.len() <= Self::LONGEST_REGEX_VALUE
                    && text(value).is_some_and(|value| regex.is_match(value))
            }
            Test::In(texts) => texts.contains_key(value),
            Test::Present(present) => *present,
            Test::Semver(requirement) => text(value)
                .and_then(|value| Version::parse(value).ok())
                .is_some_and(|version| requirement.matches(&version)),
        }
    }
}

impl From<Test> for StringMatch {
    fn from(test: Test) -> Self {
        Self { test }
    }
}

/// As a configuration writes it: `exact: jason`.
impl fmt::Display for StringMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Exact(text) => write!(f, "exact: {}", shown(text)),
            Test::Prefix(text) => write!(f, "prefix: {}", shown(text)),
            Test::Suffix(text) => write!(f, "suffix: {}", shown(text)),
            Test::Contains(finder) => write!(f, "contains: {}", shown(finder.needle())),
            Test::Regex { pattern, .. } => write!(f, "regex: {pattern}"),
            Test::In(texts) => write!(f, "in: [{} values]", texts.len()),
            Test::Present(present) => write!(f, "present: {present}"),
            Test::Semver(requirement) => write!(f, "semver: {requirement}"),
        }
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn shown(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text)
}

#[cfg(test)]
mod tests;
