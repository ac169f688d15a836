//! The request of a case.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

/// The head of a request.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The host, with the port if there is one: `:authority`.
    pub host: String,
    /// The method. Absent: `GET`.
    #[serde(default = "get")]
    pub method: String,
    /// The path with the query. Absent: `/`.
    #[serde(default = "root")]
    pub path: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    /// The source address.
    pub source_address: Option<IpAddr>,
    /// The labels of the workload that sends it, whose proxy decides.
    #[serde(default)]
    pub source_labels: BTreeMap<String, String>,
}

/// One value, or the values of a repeated header.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl Request {
    /// The headers, with names in lower case. A repeated header yields each of its values.
    pub fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        self.headers.iter().flat_map(|(name, values)| {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Several(values) => values,
            };
            values
                .iter()
                .map(|value| (name.to_ascii_lowercase(), value.as_str()))
        })
    }

    /// The labels of the workload that sends it: name and value.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        self.source_labels.clone().into_iter().collect()
    }

    /// Sets a header.
    pub fn add_header(&mut self, name: &str, value: &str) {
        self.headers.insert(name.into(), Values::One(value.into()));
    }
}

fn get() -> String {
    "GET".into()
}

fn root() -> String {
    "/".into()
}
