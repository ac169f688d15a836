//! How a run ends.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// How a run that reported ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong. Exit status 0.
    Fine,
    /// Something is, and the report says what. Exit status 1.
    Findings,
}

impl Verdict {
    /// The verdict on so many findings.
    #[must_use]
    pub fn of(findings: usize) -> Self {
        if findings == 0 {
            Self::Fine
        } else {
            Self::Findings
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fine => Self::SUCCESS,
            Verdict::Findings => Self::from(1),
        }
    }
}

/// One thing that is wrong with what a file holds. It prints as
/// `file: resource: path: what is wrong; what to do`, without what there is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// Kind and name of the resource, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Where in it. Empty: all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be opened or read. Exit status 2.
    #[error("{file}: cannot be read: {error}")]
    File {
        /// As it was named.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// The command line asks for what cannot be done. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// What the verb is about is refused. Exit status 1.
    #[error("{}", lines(.0))]
    Refused(Vec<Finding>),
    /// Each of them.
    #[error("{}", lines(.0))]
    Several(Vec<Failure>),
    /// The report cannot be written. Exit status 2, but for a reader that has left: 0.
    #[error("the report cannot be written: {0}")]
    Output(#[from] io::Error),
}

fn lines<T: fmt::Display>(all: &[T]) -> String {
    let lines: Vec<String> = all.iter().map(T::to_string).collect();
    lines.join("\n")
}

impl Failure {
    /// One thing that is wrong with a file as a whole.
    #[must_use]
    pub fn refused(file: &str, message: String) -> Self {
        Self::Refused(vec![Finding {
            file: file.into(),
            resource: None,
            path: String::new(),
            message,
        }])
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut dyn Write) {
        if self.reader_has_left() {
            return;
        }
        if let Self::Several(all) = self {
            all.iter().for_each(|one| one.print(out));
            return;
        }
        // Nowhere is left to say that this cannot be written either.
        let _ = match self {
            Self::Refused(_) => writeln!(out, "{self}"),
            _ => writeln!(out, "halftonectl: {self}"),
        };
    }

    /// As in `halftonectl schema | head -1`.
    fn reader_has_left(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(_) => Self::from(1),
            failure if failure.reader_has_left() => Self::SUCCESS,
            _ => Self::from(2),
        }
    }
}
