//! The outcomes of decisions, and their reasons.

use std::fmt;
use std::sync::Arc;

use super::version::Version;

/// The reason for which a version was chosen. It prints the text that metrics, access logs and
/// explanations show.
///
/// ```
/// use halftone::release::Reason;
///
/// assert_eq!(Reason::Rule("testers".into()).to_string(), "rule:testers");
/// assert_eq!(Reason::TakeOver.to_string(), "take-over");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Blue-green: the active version.
    Active,
    /// Blue-green: the request matches the preview.
    Preview,
    /// Canary: one version has taken over.
    TakeOver,
    /// Canary: the rule of this name is the first that matches.
    Rule(Box<str>),
    /// Canary: no rule matches. The request was drawn at random by weight.
    Split,
    /// Canary: no rule matches. The session was drawn by weight; all its requests get this version.
    Session,
    /// Canary: no rule matches. The version that grows by a ramp, and those that share what is left.
    Ramp,
    /// The session is not in the range of the release in its group, so the request gets the principal.
    Excluded,
    /// The session takes part in no release of a group, so the request gets the principal.
    Holdout,
    /// Nothing else claimed the request.
    Principal,
    /// The version that was chosen fails: the principal.
    Guard,
    /// The version that was chosen has no endpoint: the principal.
    Fallback,
}

impl Reason {
    /// The two parts of what it prints.
    fn text(&self) -> (&'static str, &str) {
        match self {
            Self::Active => ("active", ""),
            Self::Preview => ("preview", ""),
            Self::TakeOver => ("take-over", ""),
            Self::Rule(name) => ("rule:", name),
            Self::Split => ("split", ""),
            Self::Session => ("session", ""),
            Self::Ramp => ("ramp", ""),
            Self::Excluded => ("excluded", ""),
            Self::Holdout => ("holdout", ""),
            Self::Principal => ("principal", ""),
            Self::Guard => ("guard", ""),
            Self::Fallback => ("fallback", ""),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.text();
        f.write_str(kind)?;
        f.write_str(name)
    }
}

/// One of the few outcomes of a release's decisions: a version, and the reason for it.
///
/// All of them are known when the configuration is compiled. The text of the access log is made
/// then, not on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    index: usize,
    version: Arc<Version>,
    reason: Reason,
    log_entry: Box<str>,
}

impl Outcome {
    /// Its index in [`Release::outcomes`](super::Release::outcomes).
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The text for a client that asks: `release=reviews version=v2 reason=rule:testers`. It is made
    /// on demand, since few clients ask.
    #[must_use]
    pub fn explanation(&self) -> String {
        let (release, _) = self.log_entry.split_once('/').unwrap_or_default();
        let (version, reason) = (self.version.name(), &self.reason);
        format!("release={release} version={version} reason={reason}")
    }

    /// The text for the access log: `reviews/v2/rule:testers`.
    #[must_use]
    pub fn log_entry(&self) -> &str {
        &self.log_entry
    }
}

/// Collects the outcomes of one release while it is compiled, and gives each its index.
#[derive(Clone, Debug)]
pub struct Outcomes {
    release: Box<str>,
    all: Vec<Arc<Outcome>>,
}

impl Outcomes {
    /// No outcomes yet, of the release named `release`.
    #[must_use]
    pub fn new(release: &str) -> Self {
        Self {
            release: release.into(),
            all: Vec::new(),
        }
    }

    /// Adds an outcome.
    pub fn add(&mut self, version: &Arc<Version>, reason: Reason) -> Arc<Outcome> {
        let (kind, name) = reason.text();
        let log_entry = [&self.release, "/", version.name(), "/", kind, name].concat();
        let outcome = Arc::new(Outcome {
            index: self.all.len(),
            version: Arc::clone(version),
            reason,
            log_entry: log_entry.into(),
        });
        self.all.push(Arc::clone(&outcome));
        outcome
    }

    /// All outcomes, in the order of [`Outcome::index`].
    #[must_use]
    pub fn into_all(self) -> Vec<Arc<Outcome>> {
        self.all
    }
}
