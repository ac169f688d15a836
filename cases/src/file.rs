//! The format of a case file.

use std::collections::BTreeMap;

use halftone_resources::yaml;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::request::Request;

/// A configuration, and what it must do.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaseFile {
    config: Option<Value>,
    config_file: Option<String>,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// Where the configuration of a case file stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Config<'f> {
    /// In the case file.
    Inline(&'f Value),
    /// In this file, relative to the case file's folder.
    File(&'f str),
}

/// A request, or many like it, and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// A sentence that states the rule.
    pub name: String,
    /// The request.
    pub request: Request,
    /// How often it is put. Absent: once.
    pub sample: Option<u32>,
    /// Gives each request of the sample a session of its own, in this header.
    pub session_header: Option<String>,
    /// What must become of it.
    pub expect: Expectation,
}

/// What must become of a request. What is absent is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expectation {
    /// The release's name.
    pub release: Option<String>,
    /// The version; `null`: no release decided.
    #[serde(deserialize_with = "present")]
    pub version: Option<Option<String>>,
    /// The reason, as it prints.
    pub reason: Option<String>,
    /// Of a sample: each version's part, 0 to 1. A version that is not named here must have none.
    pub shares: Option<BTreeMap<String, f64>>,
    /// How far an observed share may be from its expected one. Absent: 0.01.
    pub within: Option<f64>,
}

/// Why a text is no case file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not YAML, or not of this form.
    #[error("{0}")]
    Yaml(String),
    /// It has no configuration, or two.
    #[error("give exactly one of config and configFile")]
    Config,
    /// It has no case.
    #[error("holds no case; give at least one in cases")]
    NoCase,
    /// A case that nothing could fail.
    #[error("case `{0}` expects nothing; give version, reason, release or shares")]
    Empty(String),
    /// Shares of a single request.
    #[error("case `{0}` expects shares of a single request; say in sample how many to put")]
    NoSample(String),
}

impl CaseFile {
    /// Reads the text of a case file.
    ///
    /// # Errors
    ///
    /// Says what is wrong, and where.
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
            let Expectation {
                release,
                version,
                reason,
                shares,
                ..
            } = &case.expect;
            if release.is_none() && version.is_none() && reason.is_none() && shares.is_none() {
                return Err(Unreadable::Empty(case.name.clone()));
            }
            if shares.is_some() && case.sample.is_none() {
                return Err(Unreadable::NoSample(case.name.clone()));
            }
        }
        Ok(file)
    }

    /// The configuration, or where it stands.
    #[must_use]
    pub fn config(&self) -> Config<'_> {
        match (&self.config, &self.config_file) {
            (Some(value), _) => Config::Inline(value),
            (None, file) => Config::File(file.as_deref().unwrap_or_default()),
        }
    }
}

impl<'f> Config<'f> {
    /// The configuration itself, where it stands in the case file.
    #[must_use]
    pub fn inline(self) -> Option<&'f Value> {
        match self {
            Self::Inline(value) => Some(value),
            Self::File(_) => None,
        }
    }
}

impl Case {
    /// The requests to put: one, or the sample.
    pub fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        (0..self.sample.unwrap_or(1)).map(|place| {
            let mut request = self.request.clone();
            if let Some(header) = &self.session_header {
                request.add_header(header, &format!("session-{place}"));
            }
            request
        })
    }
}

/// Tells a field that is `null` from one that is absent.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(field).map(Some)
}
