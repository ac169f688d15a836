//! Where two JSON documents differ, by what they say.
//!
//! The order of members does not matter, and of members with one name the last one counts. Strings
//! are compared decoded, numbers by their exact decimal value, arrays by position. A document is
//! indexed once, into a flat list of nodes, and the two are then walked side by side with a stack of
//! frames, so that depth costs no call stack. Bytes that are known to be the same are not looked at
//! again: time is O(n log n) in the length of the texts, by the sorting of names, also for documents
//! that were made to be slow.

mod ignored;
mod number;
mod parse;
mod steps;
mod text;
mod walk;

pub use ignored::{Ignored, Pointer};
use parse::{Document, Refusal};
use walk::Walk;

/// The levels of arrays and objects that are compared.
pub const DEEPEST: usize = parse::DEEPEST;

/// So many differences are collected, fewer if they are longer than the documents; then the
/// comparison ends.
pub const MOST_DIFFERENCES: usize = 16;

/// What [`diff`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diff {
    /// Both documents say the same.
    Same,
    /// They do not: the first differences, at least one.
    Different(Vec<JsonDifference>),
    /// This is no JSON.
    NotJson(Side),
    /// One of them has more than [`DEEPEST`] levels.
    TooDeep,
}

/// Which of two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first one.
    Left,
    /// The second one.
    Right,
    /// The one as well as the other.
    Both,
}

/// A place where two documents differ.
///
/// A value is shown as its text; an array as `[2 items]`, an object as `{3 members}`. A string is
/// shown in quotes with nothing in it escaped, and whole. `None`: there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonDifference {
    /// A JSON pointer (RFC 6901), escaped; empty for the whole document.
    pub pointer: String,
    /// The value of the first document.
    pub left: Option<String>,
    /// The value of the second document.
    pub right: Option<String>,
}

/// Compares two JSON texts, apart from what is `ignored`. Texts of the same bytes are the same,
/// whatever they are.
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
    if left == right {
        return Diff::Same;
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
    let differences = Walk::new(&left, &right, ignored).differences();
    if differences.is_empty() {
        Diff::Same
    } else {
        Diff::Different(differences)
    }
}

#[cfg(test)]
mod tests;
