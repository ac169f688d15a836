//! What `halftonectl` lends to the console, so that both say the same.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The path in the file. Empty: all of it.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// A request to explain.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asked {
    /// The host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, each as `name: value`.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The source address. Empty: unknown.
    #[serde(default)]
    pub source_address: String,
}

/// The decision for a request.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The lines that `halftonectl explain` prints.
    pub text: String,
    /// Its report for programs.
    pub report: Value,
}

/// The sessions that move from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// Their number.
    pub sessions: u64,
}

/// The sessions that a change moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moves {
    /// The number of sessions that were tried.
    pub of: u64,
    /// Whether the release recognises sessions. If not, these are requests, each drawn by itself.
    pub sessions: bool,
    /// The moves, the largest first.
    pub moves: Vec<Move>,
}

/// Checks, explains and simulates.
pub trait Judge: Debug + Send + Sync {
    /// The problems of a configuration. None: it is valid.
    fn check(&self, text: &str) -> Vec<Finding>;

    /// The decision for a request.
    ///
    /// # Errors
    ///
    /// The request or the configuration is not valid. The error is a sentence.
    fn explain(&self, text: &str, asked: &Asked) -> Result<Explained, String>;

    /// The sessions that move when `after` replaces `before` at `now`, in milliseconds since 1970. None: the release is
    /// not in both.
    fn moves(&self, before: &str, after: &str, release: &str, now: u64) -> Option<Moves>;
}
