//! Where the values of two JSON documents differ.
//!
//! The order of members does not matter. If members have the same name, the last one counts. Strings
//! are compared decoded, numbers by their exact decimal value, arrays by position.
//!
//! Each document is indexed once, into a flat list of nodes. A walk then goes through both, side by
//! side, with a stack of its own: depth costs no call stack. Bytes that are known to be the same are
//! not read again. Because names are sorted, the time is O(n log n) in the length of the texts, also
//! for documents that are made to be slow.

mod ignored;
mod number;
mod parse;
mod steps;
mod text;
mod walk;

pub use ignored::{Ignored, Pointer};
use parse::{Document, Refusal};
use steps::{Steps, TooCostly};
use walk::Walk;

/// The most levels of arrays and objects that are compared.
pub const DEEPEST: usize = parse::DEEPEST;

/// The most differences that are collected. The comparison ends earlier if the differences are
/// longer than the documents.
pub const MOST_DIFFERENCES: usize = 16;

/// The most steps of a comparison. A worker serves no request during a comparison, and a step takes
/// about a nanosecond.
pub const MOST_STEPS: usize = 1_000_000;

/// The steps of parsing one byte.
const PARSING: usize = 4;

/// The result of [`diff`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diff {
    /// The documents have the same value.
    Same,
    /// The documents differ: the first differences, at least one.
    Different(Vec<JsonDifference>),
    /// One document, or both, is not JSON.
    NotJson(Side),
    /// A document has more than [`DEEPEST`] levels.
    TooDeep,
    /// The documents are not written the same, and comparing them takes too much work.
    TooCostly,
}

/// One of two documents, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first document.
    Left,
    /// The second document.
    Right,
    /// Both documents.
    Both,
}

/// A place where two documents differ.
///
/// A value prints as its text, an array as `[2 items]`, an object as `{3 members}`. A string prints
/// in full, in quotes, with nothing escaped. None: there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonDifference {
    /// A JSON pointer (RFC 6901), escaped; empty for the whole document.
    pub pointer: String,
    /// The value of the first document.
    pub left: Option<String>,
    /// The value of the second document.
    pub right: Option<String>,
}

/// Compares two JSON texts, except what is `ignored`. Texts of the same bytes are the same, even if
/// they are not JSON.
///
/// ```
/// use halftone::mirror::{Diff, Ignored, JsonDifference, diff};
///
/// let (left, right) = (br#"{"a": 1, "b": [1, 2]}"#, br#"{"b": [1, 3], "a": 1.0}"#);
/// assert_eq!(diff(left, right, &Ignored::default()), Diff::Different(vec![JsonDifference {
///     pointer: "/b/1".to_owned(),
///     left: Some("2".to_owned()),
///     right: Some("3".to_owned()),
/// }]));
/// ```
#[must_use]
pub fn diff(left: &[u8], right: &[u8], ignored: &Ignored) -> Diff {
    diff_within(left, right, ignored, usize::MAX)
}

/// Compares two JSON texts like [`diff`], in at most `steps` of work.
#[must_use]
pub fn diff_within(left: &[u8], right: &[u8], ignored: &Ignored, steps: usize) -> Diff {
    if left == right {
        return Diff::Same;
    }
    let mut steps = Steps::new(steps);
    if steps.pay(PARSING * (left.len() + right.len())).is_err() {
        return Diff::TooCostly;
    }
    let not_json = |document: &Result<Document<'_>, Refusal>| {
        document.as_ref().err() == Some(&Refusal::NotJson)
    };
    let (left, right) = (Document::parse(left), Document::parse(right));
    match (not_json(&left), not_json(&right)) {
        (true, true) => return Diff::NotJson(Side::Both),
        (true, false) => return Diff::NotJson(Side::Left),
        (false, true) => return Diff::NotJson(Side::Right),
        (false, false) => {}
    }
    let (Ok(left), Ok(right)) = (left, right) else {
        return Diff::TooDeep;
    };
    match Walk::new(&left, &right, ignored, steps).differences() {
        Ok(differences) if differences.is_empty() => Diff::Same,
        Ok(differences) => Diff::Different(differences),
        Err(TooCostly) => Diff::TooCostly,
    }
}

#[cfg(test)]
mod tests;
