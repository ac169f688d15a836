//! The report of an import: a line for each part of what was read.

use std::fmt;

use serde::Serialize;

use crate::terminal::escaped;

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It means the same.
    CarriedOver,
    /// It means the same, except for what the message says.
    WithADifference,
    /// It is missing from the result. The message says what to do.
    NotCarriedOver,
}

/// One part of what was read, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The file, as the command line names it.
    pub file: String,
    /// The kind, namespace and name of the resource.
    pub resource: String,
    /// The path in the resource. Empty: all of it.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What it is now, the difference, or what to do.
    pub message: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", escaped(&self.file), escaped(&self.resource))?;
        if !self.path.is_empty() {
            write!(f, "{}: ", escaped(&self.path))?;
        }
        let outcome = match self.outcome {
            Outcome::CarriedOver => "carried over",
            Outcome::WithADifference => "carried over with a difference",
            Outcome::NotCarriedOver => "not carried over",
        };
        write!(f, "{outcome}: {}", escaped(&self.message))
    }
}
