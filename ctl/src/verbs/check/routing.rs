//! The routes of a VirtualService for requests whose routing header has a certain value. Everything else
//! about the requests is unknown.

use std::collections::BTreeMap;

use halftone_resources::{HttpMatch, HttpRoute, StringMatch, VirtualService};
use regex_lite::Regex;

/// The fields of a match that are not conditions, or are read separately.
const NO_CONDITIONS: [&str; 3] = ["ignoreUriCase", "statPrefix", "withoutHeaders"];

/// The part of the requests with a version that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// No requests.
    None,
    /// The requests that meet conditions on something else.
    Some,
    /// All requests.
    All,
}

/// The effect of a route on the requests with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// The part that it takes.
    pub share: Share,
    /// Whether it tests the routing header.
    pub by_version: bool,
}

/// A routing header and its value.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'v> {
    /// The name of the header, in lower case.
    pub header: &'v str,
    /// The value.
    pub version: &'v str,
}

/// The routes that can take requests with the version, in order, up to the first that takes all.
pub fn reached(service: &VirtualService, asked: Asked<'_>) -> Vec<(usize, Taking)> {
    let mut reached = Vec::new();
    for (place, route) in service.http.iter().enumerate() {
        let taking = asked.taken_by(route);
        if taking.share > Share::None {
            reached.push((place, taking));
        }
        if taking.share == Share::All {
            break;
        }
    }
    reached
}

impl Asked<'_> {
    /// The part of the requests with the version that `route` takes.
    pub fn taken_by(self, route: &HttpRoute) -> Taking {
        if route.r#match.is_empty() {
            return Taking {
                share: Share::All,
                by_version: false,
            };
        }
        let each = route
            .r#match
            .iter()
            .map(|conditions| self.meets(conditions));
        let none = Taking {
            share: Share::None,
            by_version: false,
        };
        each.filter(|one| one.share > Share::None)
            .fold(none, |one, other| Taking {
                share: one.share.max(other.share),
                by_version: one.by_version || other.by_version,
            })
    }

    fn meets(self, conditions: &HttpMatch) -> Taking {
        let mut taking = Taking {
            share: if asks_of_the_rest(conditions) {
                Share::Some
            } else {
                Share::All
            },
            by_version: false,
        };
        for test in self.tests(&conditions.headers) {
            taking.by_version |= *test != StringMatch::default();
            taking.share = taking.share.min(holds(test, self.version));
        }
        for test in self.tests(&without_headers(conditions)) {
            taking.by_version |= *test != StringMatch::default();
            taking.share = taking.share.min(match holds(test, self.version) {
                Share::None => Share::All,
                Share::Some => Share::Some,
                Share::All => Share::None,
            });
        }
        if self.asks_for_others(&conditions.headers)
            || self.asks_for_others(&without_headers(conditions))
        {
            taking.share = taking.share.min(Share::Some);
        }
        taking
    }

    /// Whether each match of `route` tests for exactly this version.
    pub fn is_named_by(self, route: &HttpRoute) -> bool {
        let names = |test: &StringMatch| test.exact.as_deref() == Some(self.version);
        let mut ways = route.r#match.iter();
        !route.r#match.is_empty() && ways.all(|way| self.tests(&way.headers).any(names))
    }

    fn tests(self, headers: &BTreeMap<String, StringMatch>) -> impl Iterator<Item = &StringMatch> {
        let is_it = move |name: &str| name.eq_ignore_ascii_case(self.header);
        headers
            .iter()
            .filter(move |(name, _)| is_it(name))
            .map(|(_, test)| test)
    }

    fn asks_for_others(self, headers: &BTreeMap<String, StringMatch>) -> bool {
        headers
            .keys()
            .any(|name| !name.eq_ignore_ascii_case(self.header))
    }
}

/// Whether there are conditions on anything but headers. Every path begins with `/`.
fn asks_of_the_rest(conditions: &HttpMatch) -> bool {
    let all_paths = StringMatch {
        prefix: Some("/".into()),
        ..StringMatch::default()
    };
    conditions.uri.as_ref().is_some_and(|uri| *uri != all_paths)
        || conditions.authority.is_some()
        || conditions
            .rest
            .keys()
            .any(|name| !NO_CONDITIONS.contains(&name.as_str()))
}

fn without_headers(conditions: &HttpMatch) -> BTreeMap<String, StringMatch> {
    let written = conditions.rest.get("withoutHeaders").cloned();
    written
        .and_then(|written| serde_json::from_value(written).ok())
        .unwrap_or_default()
}

/// Whether `version` passes `test`. A regular expression that cannot be compiled here may hold.
fn holds(test: &StringMatch, version: &str) -> Share {
    let tests = [
        test.exact.as_ref().map(|exact| exact == version),
        test.prefix
            .as_ref()
            .map(|prefix| version.starts_with(prefix.as_str())),
    ];
    let certain = |is_so| if is_so { Share::All } else { Share::None };
    let plain = certain(tests.iter().flatten().all(|is_so| *is_so));
    let by_regex = test.regex.as_ref().map_or(Share::All, |regex| {
        Regex::new(&format!("^(?:{regex})$"))
            .map_or(Share::Some, |regex| certain(regex.is_match(version)))
    });
    plain.min(by_regex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halftone_resources::Resource;

    /// The effect of a route with this `match` on v2.
    fn taken(matches: &str) -> (Share, bool) {
        let text = format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {{ http: [ {{ match: {matches} }} ] }}"
        );
        let resources = halftone_resources::read(&text).unwrap();
        let service = resources
            .iter()
            .find_map(Resource::virtual_service)
            .unwrap();
        let asked = Asked {
            header: "x-v",
            version: "v2",
        };
        let taking = asked.taken_by(&service.http[0]);
        (taking.share, taking.by_version)
    }

    #[test]
    fn conditions_take_all_of_a_version_or_some_or_none() {
        let table = [
            ("[]", (Share::All, false)),
            ("[ {} ]", (Share::All, false)),
            ("[ { uri: { prefix: / } } ]", (Share::All, false)),
            ("[ { uri: { prefix: /a } } ]", (Share::Some, false)),
            ("[ { method: { exact: GET } } ]", (Share::Some, false)),
            (
                "[ { headers: { x-v: { exact: v2 } } } ]",
                (Share::All, true),
            ),
            (
                "[ { headers: { X-V: { exact: v2 } } } ]",
                (Share::All, true),
            ),
            (
                "[ { headers: { x-v: { exact: v1 } } } ]",
                (Share::None, false),
            ),
            (
                "[ { headers: { x-v: { prefix: v } } } ]",
                (Share::All, true),
            ),
            (
                "[ { headers: { x-v: { prefix: w } } } ]",
                (Share::None, false),
            ),
            (
                "[ { headers: { x-v: { regex: v1|v2 } } } ]",
                (Share::All, true),
            ),
            (
                "[ { headers: { x-v: { regex: v } } } ]",
                (Share::None, false),
            ),
            (
                "[ { headers: { x-v: { regex: '\\p{Greek}' } } } ]",
                (Share::Some, true),
            ),
            ("[ { headers: { x-v: {} } } ]", (Share::All, false)),
            (
                "[ { headers: { x-v: { exact: v2 }, a: {} } } ]",
                (Share::Some, true),
            ),
            ("[ { headers: { a: {} } } ]", (Share::Some, false)),
            (
                "[ { headers: { x-v: { exact: v2 } }, port: 80 } ]",
                (Share::Some, true),
            ),
            ("[ { withoutHeaders: { x-v: {} } } ]", (Share::None, false)),
            (
                "[ { withoutHeaders: { x-v: { exact: v1 } } } ]",
                (Share::All, true),
            ),
            ("[ { withoutHeaders: { a: {} } } ]", (Share::Some, false)),
            (
                "[ { headers: { x-v: { exact: v2 } } }, { uri: { prefix: / } } ]",
                (Share::All, true),
            ),
            (
                "[ { headers: { x-v: { exact: v1 } } }, { uri: { prefix: / } } ]",
                (Share::All, false),
            ),
        ];
        for (matches, expected) in table {
            assert_eq!(taken(matches), expected, "{matches}");
        }
    }
}
