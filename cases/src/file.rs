//! The format of a case file.

use std::collections::{BTreeMap, BTreeSet};

use halftone::config::time;
use halftone::draw::Draw;
use halftone_resources::yaml;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::request::Request;

/// A configuration, and its cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaseFile {
    config: Option<Value>,
    config_file: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// The place of a case file's configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Config<'f> {
    /// The case file itself contains this configuration.
    Inline(&'f Value),
    /// This file contains it. The path is relative to the folder of the case file.
    File(&'f str),
}

/// A request, or a sample of requests, and the expectation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// The rule that the case states.
    pub name: String,
    /// The request.
    pub request: Request,
    /// The number of requests. Absent: 1.
    pub sample: Option<u32>,
    /// The header in which each request of the sample carries its own session.
    pub session_header: Option<String>,
    /// The time of the requests, in milliseconds since 1970-01-01T00:00:00Z. A file writes it as RFC 3339.
    /// Absent: none of the requests is decided by a ramp, and no invitation has expired.
    #[serde(default, deserialize_with = "at")]
    pub at: Option<u64>,
    /// The expectation.
    pub expect: Expectation,
}

/// The expected decision and effects. A field that is absent is not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expectation {
    /// The release's name.
    pub release: Option<String>,
    /// The version. `null`: no release decides.
    #[serde(deserialize_with = "present")]
    pub version: Option<Option<String>>,
    /// The reason, for example `rule:testers`.
    pub reason: Option<String>,
    /// The share of each version in the sample, 0 to 1. A version that is missing here must have none.
    pub shares: Option<BTreeMap<String, f64>>,
    /// The tolerance of the shares. Absent: 0.01.
    pub within: Option<f64>,
    /// The request headers that Halftone sets: all of them, with their values.
    pub set: Option<BTreeMap<String, String>>,
    /// The request headers that Halftone removes: all of them.
    pub removed: Option<BTreeSet<String>>,
    /// The cookie in which the response brings a new session id.
    pub cookie: Option<Cookie>,
}

/// The expectation on the cookie of a response.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "true, false, or the name of the cookie")]
pub enum Cookie {
    /// Whether the response brings an id.
    Any(bool),
    /// The response brings an id in the cookie of this name.
    Named(String),
}

/// The reason for which a text is not a valid case file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not YAML, or does not have this form.
    #[error("{0}")]
    Yaml(String),
    /// It has no configuration, or two.
    #[error("has neither config nor configFile, or both; write exactly one of them")]
    Config,
    /// It has no case.
    #[error("cases: empty; write at least one case")]
    NoCase,
    /// A case expects nothing, so it could never fail.
    #[error(
        "case `{0}` expects nothing; write release, version, reason, shares, set, removed or cookie in expect"
    )]
    Empty(String),
    /// A case expects shares of a single request.
    #[error(
        "case `{0}` expects shares of a single request; write the number of requests in sample"
    )]
    NoSample(String),
    /// A case sends no request, so it could never fail.
    #[error("case `{0}` sends no request; write a sample of 1 or more, or omit sample")]
    EmptySample(String),
}

impl CaseFile {
    /// Reads the text of a case file.
    ///
    /// # Errors
    ///
    /// The text is not a valid case file.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let file: Self =
            yaml::document(text).map_err(|error| Unreadable::Yaml(error.to_string()))?;
        if file.config.is_some() == file.config_file.is_some() {
            return Err(Unreadable::Config);
        }
        if file.cases.is_empty() {
            return Err(Unreadable::NoCase);
        }
        for case in &file.cases {
            if case.expect.is_empty() {
                return Err(Unreadable::Empty(case.name.clone()));
            }
            if case.expect.shares.is_some() && case.sample.is_none() {
                return Err(Unreadable::NoSample(case.name.clone()));
            }
            if case.sample == Some(0) {
                return Err(Unreadable::EmptySample(case.name.clone()));
            }
        }
        Ok(file)
    }

    /// The environment variables of the plugin: name and value.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, Vec<u8>)> {
        let variables = self.environment.clone().into_iter();
        let bytes = variables.map(|(name, value)| (name, value.into_bytes()));
        bytes.collect()
    }

    /// The configuration, or the file that contains it.
    #[must_use]
    pub fn config(&self) -> Config<'_> {
        match (&self.config, &self.config_file) {
            (Some(value), _) => Config::Inline(value),
            (None, file) => Config::File(file.as_deref().unwrap_or_default()),
        }
    }
}

impl<'f> Config<'f> {
    /// The configuration, if the case file itself contains it.
    #[must_use]
    pub fn inline(self) -> Option<&'f Value> {
        match self {
            Self::Inline(value) => Some(value),
            Self::File(_) => None,
        }
    }
}

impl Expectation {
    /// Whether it expects headers of the request: those that are set, or those that are removed.
    #[must_use]
    pub fn has_request_headers(&self) -> bool {
        self.set.is_some() || self.removed.is_some()
    }

    /// Whether no request could fail it. A tolerance alone checks nothing.
    fn is_empty(&self) -> bool {
        let Self {
            release,
            version,
            reason,
            shares,
            within: _,
            set,
            removed,
            cookie,
        } = self;
        release.is_none()
            && version.is_none()
            && reason.is_none()
            && shares.is_none()
            && set.is_none()
            && removed.is_none()
            && cookie.is_none()
    }
}

impl Case {
    /// The draw of a request with this `chance`, at the time of the case.
    #[must_use]
    pub fn draw(&self, chance: u64) -> Draw {
        let now = self.at.unwrap_or_default();
        Draw { chance, now }
    }

    /// The requests: one, or the sample.
    pub fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        (0..self.sample.unwrap_or(1)).map(|index| {
            let mut request = self.request.clone();
            if let Some(header) = &self.session_header {
                request.add_header(header, &format!("session-{index}"));
            }
            request
        })
    }
}

fn at<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(field)? else {
        return Ok(None);
    };
    let time = time::parse(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "at: expected a time with an offset such as \"2026-12-01T09:00:00Z\", got {text:?}"
        ))
    });
    time.map(Some)
}

/// Distinguishes a field that is `null` from one that is absent.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(field).map(Some)
}
