//! The ends of a run: reports, findings and failures.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::terminal::escaped;

/// The end of a run that printed a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No findings. Exit status 0.
    Fine,
    /// Findings, which the report lists. Exit status 1.
    Findings,
}

impl Verdict {
    /// The verdict on this number of findings.
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

/// One problem in a file. It prints as `file: resource: path: what is wrong; what to write instead`, on
/// one line. Parts that are absent or empty are omitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as the command line names it.
    pub file: String,
    /// The kind and name of the resource. Absent: the problem is not in a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The path in the file or resource. Empty: all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", escaped(&self.file))?;
        if let Some(resource) = &self.resource {
            write!(f, "{}: ", escaped(resource))?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", escaped(&self.path))?;
        }
        f.write_str(&escaped(&self.message))
    }
}

/// The reason for which a run prints no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be opened or read. Exit status 2.
    #[error("{file}: cannot be read: {error}")]
    File {
        /// The file, as the command line names it.
        file: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// A file cannot be written. Exit status 2.
    #[error("{file}: cannot be written: {error}")]
    Unwritten {
        /// The file, as the command line names it.
        file: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// A cluster cannot be reached, or refuses a request. Exit status 2.
    #[error("{0}")]
    Cluster(String),
    /// The command line is wrong. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// A file is not valid. Exit status 1.
    #[error("{}", lines(.0))]
    Refused(Vec<Finding>),
    /// Several failures.
    #[error("{}", lines(.0))]
    Several(Vec<Failure>),
    /// The report cannot be written. Exit status 2, or 0 if the reader closed the pipe.
    #[error("the report cannot be written: {0}")]
    Output(#[from] io::Error),
}

fn lines<T: fmt::Display>(all: &[T]) -> String {
    let lines: Vec<String> = all.iter().map(T::to_string).collect();
    lines.join("\n")
}

impl Failure {
    /// One problem of a file as a whole.
    #[must_use]
    pub fn refused(file: &str, message: String) -> Self {
        Self::Refused(vec![Finding {
            file: file.into(),
            resource: None,
            path: String::new(),
            message,
        }])
    }

    /// Prints the failure for people.
    pub fn print(&self, out: &mut dyn Write) {
        if self.is_broken_pipe() {
            return;
        }
        if let Self::Several(all) = self {
            all.iter().for_each(|one| one.print(out));
            return;
        }
        // An error of standard error itself cannot be reported anywhere.
        let _ = match self {
            Self::Refused(_) => writeln!(out, "{self}"),
            _ => writeln!(out, "halftonectl: {}", escaped(self.to_string())),
        };
    }

    /// Whether the reader closed the pipe, as in `halftonectl schema | head -1`.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(_) => Self::from(1),
            failure if failure.is_broken_pipe() => Self::SUCCESS,
            _ => Self::from(2),
        }
    }
}
