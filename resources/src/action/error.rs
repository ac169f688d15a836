//! The reasons for which an action is refused.

use halftone::config::Violations;

use crate::document::Unreadable;

/// The reason for which an action is refused. It prints as a sentence that says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The text cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The text contains no plugin configuration.
    #[error(
        "contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension"
    )]
    NoConfiguration,
    /// The configuration has no releases.
    #[error("has no releases; add one to releases")]
    NoReleases,
    /// There is no release of this name.
    #[error("has no release {name}; it has {}", .names.join(", "))]
    NoRelease {
        /// The name.
        name: String,
        /// The names of the releases.
        names: Vec<String>,
    },
    /// There are several releases, and none is named. These are their names.
    #[error("has {} releases; name one of them: {}", .0.len(), .0.join(", "))]
    SeveralReleases(Vec<String>),
    /// Several plugins of the text have a release of this name.
    #[error("has a release {0} in several plugins; write each plugin to its own file")]
    SeveralPlugins(String),
    /// The configuration has violations already.
    #[error("{0}")]
    InvalidBefore(Violations),
    /// The configuration would have violations after the action.
    #[error("{0}")]
    InvalidAfter(Violations),
    /// The action does not fit the release.
    #[error("{0}")]
    Unfit(String),
    /// The text of the value cannot be changed by itself.
    #[error(
        "{0}: cannot be changed by itself, because an alias shares it or it has an unusual form; write it out without anchor, alias and tag"
    )]
    Shared(String),
}
