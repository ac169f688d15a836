//! A request of a case.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

/// The head of a request.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// `:authority`: the host, and the port if there is one.
    pub host: String,
    /// Absent: `GET`.
    #[serde(default = "get")]
    pub method: String,
    /// With the query. Absent: `/`.
    #[serde(default = "root")]
    pub path: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    /// The address that it comes from.
    pub source_address: Option<IpAddr>,
}

/// One value, or several: a repeated header.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl Request {
    /// The headers, names in lower case, each value of a repeated one by itself.
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
