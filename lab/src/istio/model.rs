//! The cluster of a request by the routes of a mesh, without an Envoy: a model of Envoy's matching, for thousands of
//! random routes. `e2e_import` of `halftonectl` compares it with an Envoy.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{Mesh, PASSTHROUGH};
use crate::proxy::Route;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The host, without a port.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, in lower case.
    pub headers: Vec<(String, String)>,
}

impl Mesh {
    /// The part of such requests that each cluster gets. Empty: no route matches, so Envoy answers 404.
    #[must_use]
    pub fn shares(&self, asked: &Asked) -> BTreeMap<String, f64> {
        let of_host = |route: &&Route| route.authority.as_deref() == Some(asked.host.as_str());
        let has_host = self.routes.iter().any(|route| of_host(&route));
        let mut routes = self
            .routes
            .iter()
            .filter(|route| of_host(route) || (route.authority.is_none() && !has_host));
        let taken = routes.find(|route| asked.meets(at(&route.overrides, "/match")));
        taken
            .map(|route| shares(at(&route.overrides, "/route")))
            .unwrap_or_default()
    }
}

/// The value at a JSON pointer, or `null`.
pub(super) fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

pub(super) fn shares(action: &Value) -> BTreeMap<String, f64> {
    if let Some(cluster) = at(action, "/cluster").as_str() {
        return [(cluster.to_owned(), 1.0)].into();
    }
    let clusters = at(action, "/weighted_clusters/clusters").as_array();
    let clusters: Vec<(String, f64)> = clusters
        .into_iter()
        .flatten()
        .map(|one| {
            let name = at(one, "/name").as_str().unwrap_or(PASSTHROUGH).to_owned();
            (name, at(one, "/weight").as_f64().unwrap_or_default())
        })
        .collect();
    let all: f64 = clusters.iter().map(|(_, weight)| weight).sum();
    let mut shares = BTreeMap::new();
    for (name, weight) in clusters {
        *shares.entry(name).or_default() += weight / all;
    }
    shares
}

impl Asked {
    /// Whether it meets a `RouteMatch`.
    pub(super) fn meets(&self, matched: &Value) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let list = |field: &str| matched[field].as_array().cloned().unwrap_or_default();
        let ignores_case = at(matched, "/case_sensitive") == false;
        let plain = |text: &str| {
            if ignores_case {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        };
        let has_path = if let Some(exact) = at(matched, "/path").as_str() {
            plain(path) == plain(exact)
        } else if let Some(prefix) = at(matched, "/path_separated_prefix").as_str() {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        } else if let Some(regex) = at(matched, "/safe_regex/regex").as_str() {
            is_match(regex, path)
        } else {
            let prefix = at(matched, "/prefix").as_str().unwrap_or("/");
            plain(path).starts_with(&plain(prefix))
        };
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
            pairs.find_map(|pair| {
                let (known, value) = pair.split_once('=').unwrap_or((pair, ""));
                (known == name).then(|| value.to_owned())
            })
        };
        has_path
            && list("headers")
                .iter()
                .all(|one| holds(one, |name| self.header(name)))
            && list("query_parameters")
                .iter()
                .all(|one| holds(one, parameter))
    }

    /// The values of a header, as one: what Envoy did up to 1.37. No random request repeats a header.
    fn header(&self, name: &str) -> Option<String> {
        match name {
            ":method" => return Some(self.method.clone()),
            ":authority" => return Some(self.host.clone()),
            _ => {}
        }
        let values = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }
}

/// Whether a `HeaderMatcher` or a `QueryParameterMatcher` holds.
fn holds(matcher: &Value, value: impl Fn(&str) -> Option<String>) -> bool {
    let value = value(at(matcher, "/name").as_str().unwrap_or_default());
    let is_inverted = at(matcher, "/invert_match") == true;
    let test = at(matcher, "/string_match");
    if test.is_null() {
        return value.is_some() != is_inverted;
    }
    let Some(value) =
        value.or((at(matcher, "/treat_missing_header_as_empty") == true).then(String::new))
    else {
        return is_inverted;
    };
    let passes = if let Some(exact) = at(test, "/exact").as_str() {
        value == exact
    } else if let Some(prefix) = at(test, "/prefix").as_str() {
        value.starts_with(prefix)
    } else {
        is_match(
            at(test, "/safe_regex/regex").as_str().unwrap_or_default(),
            &value,
        )
    };
    passes != is_inverted
}

fn is_match(regex: &str, value: &str) -> bool {
    Regex::new(&format!("^(?:{regex})$")).is_ok_and(|regex| regex.is_match(value))
}
