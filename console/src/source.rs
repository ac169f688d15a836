//! Where configurations live, where numbers come from, and where samples come from.
//!
//! Each is a trait, so that a cluster can take the place of files.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;

use serde::Serialize;

use crate::numbers::{Point, ReleaseNow, Span};
use crate::viewer::Viewer;

/// An answer that is under way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The text of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Names the document in a request. It is stable.
    pub id: String,
    /// The name that people see: a path, or `namespace/name`.
    pub name: String,
    /// The text, in YAML or JSON.
    pub text: String,
    /// Changes whenever the text changes.
    pub revision: String,
}

/// The reason for which a configuration was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// It changed after the page read it.
    #[error(
        "{0} changed after this page read it; nothing was written. Look at the change, and try again"
    )]
    Conflict(String),
    /// There is no such document.
    #[error("there is no configuration {0}")]
    Unknown(String),
    /// The viewer may not write it.
    #[error("{0}")]
    Forbidden(String),
    /// The source cannot accept this text.
    #[error("{0}")]
    Refused(String),
    /// The source failed.
    #[error("{0}")]
    Failed(String),
}

/// Where configurations live.
pub trait Configurations: Debug + Send + Sync {
    /// All configurations.
    ///
    /// # Errors
    ///
    /// The source cannot be read. The error is a sentence.
    fn read(&self) -> Answer<'_, Result<Vec<Document>, String>>;

    /// Replaces the text of the document `id` by the rights of `viewer`, if its revision is still `revision`. Proxies get
    /// it.
    fn write<'a>(
        &'a self,
        viewer: &'a Viewer,
        id: &'a str,
        text: &'a str,
        revision: &'a str,
    ) -> Answer<'a, Result<(), NotWritten>>;
}

/// The points of each version, or a sentence that says why there are none.
pub type Past = Result<BTreeMap<String, Vec<Point>>, String>;

/// One page of metrics.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// The name of the proxy.
    pub source: String,
    /// The page in the text format of Prometheus, or a sentence that says why there is none.
    pub page: Result<String, String>,
}

/// Where numbers come from.
pub trait Numbers: Debug + Send + Sync {
    /// The metrics of every proxy. It takes less than a second.
    fn scrape(&self) -> Answer<'_, Vec<Scraped>>;

    /// What every release does, if the source computes it. None: it follows from the metrics.
    fn now(&self) -> Option<BTreeMap<String, ReleaseNow>> {
        None
    }

    /// The points of the versions of a release, if the source keeps them. None: the console keeps them.
    fn series<'a>(&'a self, _release: &'a str, _span: Span) -> Option<Answer<'a, Past>> {
        None
    }
}

/// Where samples of differing answers come from.
pub trait Samples: Debug + Send + Sync {
    /// The lines of the log that are new since the last call, at most a few MiB.
    ///
    /// # Errors
    ///
    /// The log cannot be read. The error is a sentence.
    fn read(&self) -> Answer<'_, Result<Vec<String>, String>>;
}
