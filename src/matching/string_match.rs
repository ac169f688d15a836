//! One test of a value: `exact`, `prefix`, …, `semver`.
//!
//! Values are bytes. A value that is not UTF-8 equals no string of a configuration, matches no regex
//! and is no version.
//!
//! Regular expressions run on `regex-lite`. Like RE2, which Istio's users know, it takes linear time
//! and does not backtrack. It is small, since every proxy carries it, and slower per byte than the
//! full engine. A value longer than [`StringMatch::LONGEST_REGEX_VALUE`] does not match.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use regex_lite::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use crate::lookup::Names;
use crate::request::Budget;

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
    Regex {
        regex: Regex,
        pattern: Box<str>,
        size: usize,
        steps_per_byte: u32,
    },
    In(Names),
    Present(bool),
    Semver(VersionReq),
}

impl StringMatch {
    /// The longest value that a regex can match, in bytes. The most expensive input of this length
    /// cost 0.3 ms (`regex/evil` of `cargo bench --bench decide`), and the cost grows linearly.
    pub const LONGEST_REGEX_VALUE: usize = 2048;

    /// The largest compiled regex, in bytes. It bounds the memory that a pattern takes in every proxy,
    /// and the time that it takes for a byte.
    pub const LARGEST_REGEX: usize = 32 << 10;

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

    /// The value contains `text`.
    #[must_use]
    pub fn contains(text: &str) -> Self {
        Test::Contains(Box::new(memmem::Finder::new(text).into_owned())).into()
    }

    /// The whole value matches `pattern`. The syntax is that of `regex-lite`: RE2's without Unicode
    /// classes.
    ///
    /// # Errors
    ///
    /// The syntax error of the pattern, or that its compiled form is larger than
    /// [`StringMatch::LARGEST_REGEX`].
    pub fn regex(pattern: &str) -> Result<Self, RegexError> {
        let compile = |pattern: &str, limit| RegexBuilder::new(pattern).size_limit(limit).build();
        // The pattern is first compiled alone: `a)(b` is refused, and an error points into what the
        // user wrote.
        compile(pattern, Self::LARGEST_REGEX)?;
        let whole = format!("^(?:{pattern})$");
        // The library does not tell the size of a compiled regex, but whether it is within a limit. Most
        // are small, so the search begins there.
        let (mut below, mut size) = (0, Self::LARGEST_REGEX / 64);
        let regex = loop {
            match compile(&whole, size) {
                Ok(regex) => break regex,
                Err(error) if size >= Self::LARGEST_REGEX => return Err(error.into()),
                Err(_) => (below, size) = (size, size * 2),
            }
        };
        while size - below > Self::LARGEST_REGEX / 64 {
            let limit = usize::midpoint(below, size);
            match compile(&whole, limit) {
                Ok(_) => size = limit,
                Err(_) => below = limit,
            }
        }
        Ok(Test::Regex {
            regex,
            pattern: pattern.into(),
            size,
            steps_per_byte: steps_per_byte(size),
        }
        .into())
    }

    /// The value is one of `texts`. A lookup, not a scan.
    #[must_use]
    pub fn is_in<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Test::In(
            texts
                .into_iter()
                .map(|text| text.as_bytes().into())
                .collect(),
        )
        .into()
    }

    /// There is a value (true), or there is none (false).
    #[must_use]
    pub fn present(present: bool) -> Self {
        Test::Present(present).into()
    }

    /// The value is a semantic version that meets `requirement`, such as `>=2.3.0, <3`. The syntax of
    /// both is Cargo's. The value may also begin with `v`, and may omit the patch number.
    ///
    /// # Errors
    ///
    /// The syntax error of the requirement.
    pub fn semver(requirement: &str) -> Result<Self, semver::Error> {
        Ok(Test::Semver(VersionReq::parse(requirement)?).into())
    }

    /// The size of the compiled regex, in bytes, at most; 0 for other tests.
    #[must_use]
    pub fn regex_size(&self) -> usize {
        match self.test {
            Test::Regex { size, .. } => size,
            _ => 0,
        }
    }

    /// The values that pass, if the test lists them.
    #[must_use]
    pub fn values(&self) -> Option<Vec<&[u8]>> {
        match &self.test {
            Test::Exact(text) => Some(vec![text]),
            Test::In(texts) => Some(texts.iter().map(|text| &**text).collect()),
            _ => None,
        }
    }

    /// Whether one of `values` passes; for `present`, whether there is any. `budget` pays for each value
    /// that is read.
    pub fn any<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>, budget: &Budget) -> bool {
        match &self.test {
            Test::Present(present) => values.next().is_some() == *present,
            _ => values.any(|value| budget.pay(self.steps(value)) && self.passes(value)),
        }
    }

    /// The work of testing `value`, at most, in the steps of a [`Budget`].
    fn steps(&self, value: &[u8]) -> u32 {
        const CALL: u32 = 16;
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        CALL.saturating_add(match &self.test {
            Test::Exact(_) | Test::Prefix(_) | Test::Suffix(_) | Test::Present(_) => length / 8,
            // If the text repeats a part of itself, the search compares most bytes twice.
            Test::Contains(_) => length.saturating_mul(2),
            Test::In(_) => length,
            Test::Semver(requirement) => {
                let comparators = u32::try_from(requirement.comparators.len()).unwrap_or(u32::MAX);
                // A comparator can compare the parts of a pre-release one by one.
                length.saturating_mul(comparators.saturating_mul(4).saturating_add(1))
            }
            Test::Regex { .. } if value.len() > Self::LONGEST_REGEX_VALUE => 0,
            Test::Regex { steps_per_byte, .. } => length.saturating_mul(*steps_per_byte),
        })
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
            Test::In(texts) => texts.contains(value),
            Test::Present(present) => *present,
            Test::Semver(requirement) => text(value)
                .and_then(version)
                .is_some_and(|version| requirement.matches(&version)),
        }
    }
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexError {
    /// It is not valid.
    Syntax(regex_lite::Error),
    /// It is valid, and its compiled form is larger than [`StringMatch::LARGEST_REGEX`].
    TooLarge,
}

impl From<regex_lite::Error> for RegexError {
    fn from(error: regex_lite::Error) -> Self {
        // The library's error has nothing but its text.
        match error.to_string().as_str() {
            "compiled regex exceeded size limit" => Self::TooLarge,
            _ => Self::Syntax(error),
        }
    }
}

impl From<Test> for StringMatch {
    fn from(test: Test) -> Self {
        Self { test }
    }
}

/// Prints the form of a configuration: `exact: jason`.
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

/// The work of a compiled regex of `size` bytes on one byte of a value, at most. The most expensive
/// patterns take 0.2 ns for each byte of their size, and more once they leave the fastest cache
/// (`regex/evil` of `cargo bench --bench decide`).
fn steps_per_byte(size: usize) -> u32 {
    const CACHED: usize = 16 << 10;
    let steps = if size <= CACHED { size / 3 } else { size / 2 };
    u32::try_from(steps).unwrap_or(u32::MAX)
}

/// The semantic version `text`. It may begin with `v`, and may omit the patch number, which is then 0.
fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next()?;
    if numbers.bytes().filter(|byte| *byte == b'.').count() != 1 {
        return Version::parse(text).ok();
    }
    let rest = text.strip_prefix(numbers)?;
    Version::parse(&format!("{numbers}.0{rest}")).ok()
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn shown(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text)
}

#[cfg(test)]
mod tests;
