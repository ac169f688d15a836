//! Compares the answers of a mirror with production's.

mod answer;
mod body;
mod reading;

use std::borrow::Cow;
use std::fmt;

pub use answer::Answer;
use body::Body;
pub use reading::Reading;

use super::Redact;
use super::json_diff::{Diff, Ignored, JsonDifference, MOST_STEPS, Side, diff_within};
use crate::draw::Percentage;

/// How the answers of a mirror are compared with production's.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// The percentage of the mirrored requests whose answers are compared.
    pub percentage: Percentage,
    /// Whether statuses are compared: the HTTP status and the gRPC status, if there is one.
    pub status: bool,
    /// The names of the headers that are compared, in lower case.
    pub headers: Vec<Box<str>>,
    /// How bodies are compared.
    pub body: BodyMode,
    /// The places of a JSON body where nothing is a difference.
    pub ignored: Ignored,
    /// The longest body that is compared, in bytes.
    pub max_body: usize,
    /// The most differing answers that are logged in a minute.
    pub samples: u32,
    /// The values that samples hide.
    pub redact: Redact,
    /// Whether samples show the query.
    pub query: bool,
}

/// How bodies are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyMode {
    /// As JSON if their content type says so, otherwise byte by byte. Streams are not compared.
    #[default]
    Auto,
    /// As JSON, with any content type.
    Json,
    /// Byte by byte.
    Bytes,
    /// They are not compared.
    None,
}

/// The result of [`Compare::compare`]. It prints as in metrics and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonResult {
    /// Nothing differs.
    Same,
    /// The statuses differ.
    Status,
    /// The statuses are the same; headers differ.
    Headers,
    /// Statuses and headers are the same; the bodies differ.
    Body,
    /// The answers cannot be compared.
    NotCompared,
}

impl ComparisonResult {
    /// Every result, in the order of [`ComparisonResult::index`].
    pub const ALL: [Self; 5] = [
        Self::Same,
        Self::Status,
        Self::Headers,
        Self::Body,
        Self::NotCompared,
    ];

    /// Its index in [`ComparisonResult::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ComparisonResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Status => "status",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::NotCompared => "not_compared",
        })
    }
}

/// The comparison of a mirror's answer with production's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The first of status, headers and body that differs.
    pub result: ComparisonResult,
    /// The differences of headers or bodies, if the result is one of them.
    pub differences: Vec<Difference>,
    /// Why the answers cannot be compared, or how the bodies were compared.
    pub note: Option<Cow<'static, str>>,
}

/// A place where two answers differ, with both values in full: not cut, and nothing hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place.
    pub place: Place,
    /// Production's value. None: it has none.
    pub production: Option<Vec<u8>>,
    /// The mirror's value. None: it has none.
    pub mirror: Option<Vec<u8>>,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The header of this name.
    Header(Box<str>),
    /// A place in the body: a JSON pointer (RFC 6901), empty for the whole body.
    Pointer(String),
}

impl Compare {
    /// Compares the answers of production and of a mirror to one request, which [`Compare::read`] read.
    /// None: there is no whole answer.
    #[must_use]
    pub fn compare(&self, production: Option<&Answer>, mirror: Option<&Answer>) -> Comparison {
        let (production, mirror) = match (production, mirror) {
            (Some(production), Some(mirror)) => (production, mirror),
            (None, _) => return Comparison::not_compared("production did not answer"),
            (_, None) => return Comparison::not_compared("the mirror did not answer"),
        };
        if self.status && production.status_differs(mirror) {
            return ComparisonResult::Status.into();
        }
        let differences = self.header_differences(production, mirror);
        if !differences.is_empty() {
            return Comparison {
                differences,
                ..ComparisonResult::Headers.into()
            };
        }
        match (production.unfit(), mirror.unfit()) {
            _ if self.body == BodyMode::None => ComparisonResult::Same.into(),
            (Some(reason), _) | (None, Some(reason)) => Comparison::not_compared(reason),
            (None, None) => self.compare_bodies(production, mirror),
        }
    }

    fn header_differences(&self, production: &Answer, mirror: &Answer) -> Vec<Difference> {
        let values = production.headers.iter().zip(&mirror.headers);
        let named = self.headers.iter().zip(values);
        let shown = |values: &Vec<Box<[u8]>>| (!values.is_empty()).then(|| values.join(&b", "[..]));
        named
            .filter(|(_, (production, mirror))| production != mirror)
            .map(|(name, (production, mirror))| Difference {
                place: Place::Header(name.clone()),
                production: shown(production),
                mirror: shown(mirror),
            })
            .collect()
    }

    fn compare_bodies(&self, production: &Answer, mirror: &Answer) -> Comparison {
        let mut not_json = None;
        if let (Body::Kept(left), Body::Kept(right)) = (&production.body, &mirror.body) {
            match diff_within(left, right, &self.ignored, MOST_STEPS) {
                Diff::Same => return ComparisonResult::Same.into(),
                Diff::Different(differences) => {
                    return Comparison {
                        differences: differences.into_iter().map(Difference::from).collect(),
                        ..ComparisonResult::Body.into()
                    };
                }
                Diff::TooDeep => {
                    return Comparison::not_compared("a body is nested deeper than 128 levels");
                }
                Diff::TooCostly => {
                    return Comparison::not_compared(
                        "the bodies are different bytes, and comparing them as JSON would take too long",
                    );
                }
                Diff::NotJson(side) => not_json = Some(side),
            }
        }
        let (left, right) = (production.body.digest(), mirror.body.digest());
        let note = match not_json {
            Some(Side::Left) => Some("production's body is not JSON".into()),
            Some(Side::Right) => Some("the mirror's body is not JSON".into()),
            Some(Side::Both) => Some("the bodies are not JSON".into()),
            None => compressed(production, mirror),
        };
        if left == right {
            return Comparison {
                note,
                ..ComparisonResult::Same.into()
            };
        }
        let whole = Difference {
            place: Place::Pointer(String::new()),
            production: left.map(|digest| digest.shown()),
            mirror: right.map(|digest| digest.shown()),
        };
        Comparison {
            differences: vec![whole],
            note,
            ..ComparisonResult::Body.into()
        }
    }
}

/// The note about bodies that are compressed.
fn compressed(production: &Answer, mirror: &Answer) -> Option<Cow<'static, str>> {
    let encodings = match (&production.encoding, &mirror.encoding) {
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => one.to_string(),
        (Some(one), Some(other)) if one == other => one.to_string(),
        (Some(one), Some(other)) => [&**one, &**other].join(", "),
    };
    Some(
        ["compressed (", &encodings, "), compared as bytes"]
            .concat()
            .into(),
    )
}

impl Comparison {
    fn not_compared(reason: &'static str) -> Self {
        Self {
            note: Some(reason.into()),
            ..ComparisonResult::NotCompared.into()
        }
    }
}

impl From<ComparisonResult> for Comparison {
    fn from(result: ComparisonResult) -> Self {
        Self {
            result,
            differences: Vec::new(),
            note: None,
        }
    }
}

impl From<JsonDifference> for Difference {
    fn from(difference: JsonDifference) -> Self {
        Self {
            place: Place::Pointer(difference.pointer),
            production: difference.left.map(String::into_bytes),
            mirror: difference.right.map(String::into_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_at_its_index() {
        for (index, result) in ComparisonResult::ALL.into_iter().enumerate() {
            assert_eq!(result.index(), index);
        }
    }
}
