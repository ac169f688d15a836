//! YAML and JSON, within limits, and the messages for what cannot be read.
//!
//! A file can come from anybody: a pipeline checks what others propose. Reading it takes bounded time and
//! memory. The limits are on depth, values and text, and the content of an alias counts at each use.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::localizer::{ExternalMessageSource, Localizer};
use serde_saphyr::{Error, Location, Options, UserMessageFormatter};

use crate::position::Position;

/// The limit of nested objects and arrays. Resources have about 20 levels. The reader recurses at each
/// level.
const MOST_LEVELS: usize = 64;
/// The limit of objects, arrays and scalars. 10 MB of releases have about this many.
const MOST_VALUES: usize = 2_000_000;
/// The limit of bytes of all scalars together. A cluster stores at most 1.5 MB of a resource.
const MOST_TEXT: usize = 64 << 20;
/// The limit of documents.
const MOST_DOCUMENTS: usize = 100_000;

/// The reason for which a text cannot be read, and its place. It prints as one line:
/// `line 2, column 4: is not YAML: unclosed bracket '['`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", .at.line, .at.column)]
pub struct NotYaml {
    /// The place of the problem.
    pub at: Position,
    /// The problem.
    pub problem: String,
}

/// Reads the only document of `text`.
///
/// # Errors
///
/// The first problem in the text.
pub fn document<T: DeserializeOwned>(text: &str) -> Result<T, NotYaml> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| NotYaml::from(&error))
}

/// Reads every document of `text`. An empty document is `null`, if `T` can be null.
///
/// # Errors
///
/// The first problem in the text.
pub fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, NotYaml> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| NotYaml::from(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MOST_LEVELS,
            flow_nesting_limit: MOST_LEVELS,
            max_nodes: MOST_VALUES,
            // A value has at most two events: its start and its end.
            max_events: 2 * MOST_VALUES + 2 * MOST_DOCUMENTS,
            max_total_scalar_bytes: MOST_TEXT,
            max_documents: MOST_DOCUMENTS,
            // The content of aliases is limited, so a limit on their number is not needed.
            enforce_alias_anchor_ratio: false,
        },
        // The parser buffers only a few comments in a row, and files have longer ones.
        emit_comments: false,
        with_snippet: false,
    }
}

impl From<&Error> for NotYaml {
    fn from(error: &Error) -> Self {
        let error = match error {
            Error::AliasError { error, .. } => error,
            error => error,
        };
        Self {
            at: error.location().map_or(Position::START, Position::from),
            problem: problem(error),
        }
    }
}

fn problem(error: &Error) -> String {
    match error {
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => too_deep(),
        Error::ExternalMessage { source, .. } if is_too_deep(source) => too_deep(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => format!(
            "is too large when all aliases are replaced; the limits are {MOST_VALUES} values, {MOST_DOCUMENTS} documents and {} MiB of text",
            MOST_TEXT >> 20
        ),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or_default().escape_debug();
            format!("`{key}` appears twice; write each field once")
        }
        Error::SerdeInvalidType { .. }
        | Error::SerdeInvalidValue { .. }
        | Error::SerdeInvalidLength { .. }
        | Error::SerdeUnknownVariant { .. }
        | Error::SerdeUnknownField { .. }
        | Error::SerdeMissingField { .. } => said(error),
        _ => format!("is not YAML: {}", said(error)),
    }
}

fn too_deep() -> String {
    format!("is nested too deeply; the limit is {MOST_LEVELS} levels")
}

fn is_too_deep(source: &ExternalMessageSource) -> bool {
    matches!(source, ExternalMessageSource::Parser(error) if matches!(error.kind(), ErrorKind::RecursionLimitExceeded))
}

/// The library's message for people, on one line.
fn said(error: &Error) -> String {
    error.render_with_formatter(&UserMessageFormatter.with_localizer(&Unplaced))
}

/// Omits the place from the message, because ours precedes it.
struct Unplaced;

impl Localizer for Unplaced {
    fn attach_location<'b>(&self, base: Cow<'b, str>, _: Location) -> Cow<'b, str> {
        base
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn refused(text: &str) -> String {
        documents::<Value>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_message_is_one_line_with_its_place() {
        let table = [
            (
                "a: 1\nb: [",
                "line 2, column 4: is not YAML: unclosed bracket '['",
            ),
            (
                "spec:\n\tmatch: 3",
                "line 2, column 2: is not YAML: tabs disallowed within this context (block indentation)",
            ),
            (
                "a: \0",
                "line 1, column 4: is not YAML: unexpected character: `\\u{0}'",
            ),
            (
                "a: *b",
                "line 1, column 4: is not YAML: reference to unknown value",
            ),
            (
                "a: .nan",
                "line 1, column 4: is not YAML: value `.nan` is not a finite number",
            ),
            (
                "b:\n  a: 1\n  a: 2",
                "line 3, column 3: `a` appears twice; write each field once",
            ),
            (
                "\"a\\n\": 1\n\"a\\n\": 2",
                "line 2, column 1: `a\\n` appears twice; write each field once",
            ),
        ];
        for (text, said) in table {
            assert_eq!(refused(text), said, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_in_every_form() {
        let levels = 100_000;
        let block: String = (0..1_000).map(|level| " ".repeat(level) + "a:\n").collect();
        let table = [
            ("[".repeat(levels), 65),
            ("{a: ".repeat(levels), 257),
            (r#"{"a":"#.repeat(levels), 321),
            ("- ".repeat(levels), 129),
        ];
        for (text, column) in table {
            let said =
                format!("line 1, column {column}: is nested too deeply; the limit is 64 levels");
            assert_eq!(refused(&text), said);
        }
        let said = "line 65, column 65: is nested too deeply; the limit is 64 levels";
        assert_eq!(refused(&block), said);
    }

    #[test]
    fn nesting_up_to_the_limit_is_read() {
        for text in [
            "[".repeat(64) + &"]".repeat(64),
            "{a: ".repeat(64) + "1" + &"}".repeat(64),
            "- ".repeat(64) + "1",
        ] {
            assert!(documents::<Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_content_of_an_alias_counts_at_each_use() {
        let many = "is too large when all aliases are replaced; the limits are 2000000 values, 100000 documents and 64 MiB of text";
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let nine = vec![format!("*a{}", level - 1); 9].join(", ");
            laughs += &format!("a{level}: &a{level} [{nine}]\n");
        }
        let long = format!(
            "a: &a {}\nb: [{}]",
            "x".repeat(100_000),
            vec!["*a"; 1_000].join(", ")
        );
        for text in [laughs, long, "---\na: 1\n".repeat(100_001)] {
            let said = refused(&text);
            assert!(said.ends_with(many), "{said}");
        }
    }

    #[test]
    fn aliases_and_long_comments_are_fine() {
        let used_often = vec!["*a"; 200].join(", ");
        let text = format!("a: &a {{ b: 1 }}\nc: [{used_often}]");
        assert!(documents::<Value>(&text).is_ok());

        let commented = format!("a:\n{}- 1", "# as it was\n".repeat(100));
        assert!(documents::<Value>(&commented).is_ok());
    }

    #[test]
    fn json_is_read_as_json_means_it() {
        let text = "{\"a\":\t\"\\ud83d\\ude00\\/\",\n\t\"b\": [1e2, null, true]}";
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(document::<Value>(text).unwrap(), expected);
    }
}
