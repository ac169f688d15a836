//! Matches, their conditions, and the tests of values.

use std::fmt::Display;

use super::{names, numbers};
use crate::config::violation::{Path, Violations};
use crate::config::{ClientOsConfig, MatchConfig, Named, StringMatchConfig};
use crate::matching::{Condition, Match, StringMatch};
use crate::request::ClientOs;

/// A condition on the header of a name.
type HeaderCondition = fn(Box<str>, StringMatch) -> Condition;

/// The field `match` of the rule or preview at `path`: a list of at least one. `salt` is what
/// percentages are drawn by.
pub fn compile_all(
    matches: Option<&[MatchConfig]>,
    salt: &dyn Display,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Match> {
    let path = path.field("match");
    let matches = matches.unwrap_or_default();
    if matches.is_empty() {
        violations.add(&path, "is missing or empty", "give at least one match");
    }
    matches
        .iter()
        .enumerate()
        .map(|(index, one)| compile(one, salt, &path.index(index), violations))
        .collect()
}

/// The cheapest conditions come first, whatever the order in which they are written.
fn compile(
    one: &MatchConfig,
    salt: &dyn Display,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Match {
    // Most matches have one condition.
    let mut conditions = Vec::with_capacity(1);
    if let Some(test) = &one.method {
        conditions.push(Condition::Method(compile_test(
            test,
            &path.field("method"),
            violations,
        )));
    }
    let headers = [
        (
            "headers",
            &one.headers,
            Condition::Header as HeaderCondition,
        ),
        (
            "withoutHeaders",
            &one.without_headers,
            Condition::WithoutHeader,
        ),
    ];
    for (field, tests, condition) in headers {
        let path = path.field(field);
        for (index, (name, test)) in tests.iter().flat_map(Named::iter).enumerate() {
            let path = path.field(name);
            let name = names::header(name, &path, violations);
            let mut before = tests.iter().flat_map(Named::iter).take(index);
            if before.any(|(other, _)| name.eq_ignore_ascii_case(other)) {
                violations.add(
                    &path,
                    format!("`{name}` stands here twice"),
                    "name each header once; case does not matter",
                );
            }
            conditions.push(condition(name, compile_test(test, &path, violations)));
        }
    }
    if let Some(test) = &one.path {
        conditions.push(Condition::Path(compile_test(
            test,
            &path.field("path"),
            violations,
        )));
    }
    for (name, test) in one.cookies.iter().flat_map(Named::iter) {
        let path = path.field("cookies");
        let path = path.field(name);
        names::cookie(name, &path, violations);
        conditions.push(Condition::Cookie(
            name.as_str().into(),
            compile_test(test, &path, violations),
        ));
    }
    for (name, test) in one.query_params.iter().flat_map(Named::iter) {
        let path = path.field("queryParams");
        let test = compile_test(test, &path.field(name), violations);
        conditions.push(Condition::QueryParam(name.as_str().into(), test));
    }
    if let Some(systems) = &one.client_os {
        if systems.is_empty() {
            violations.add(
                &path.field("clientOs"),
                "is empty",
                "name at least one system",
            );
        }
        conditions.push(Condition::ClientOs(
            systems.iter().copied().map(ClientOs::from).collect(),
        ));
    }
    if let Some(percentage) = one.percentage {
        let path = path.field("percentage");
        conditions.push(Condition::Percentage(numbers::percentage(
            percentage,
            &salt.to_string(),
            &path,
            violations,
        )));
    }
    if conditions.is_empty() {
        let allowed = "give at least one condition: headers, withoutHeaders, cookies, queryParams, path, method, clientOs or percentage";
        violations.add(path, "is empty", allowed);
    }
    Match::new(conditions)
}

fn compile_test(
    test: &StringMatchConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> StringMatch {
    let StringMatchConfig {
        exact,
        prefix,
        suffix,
        contains,
        regex,
        r#in,
        present,
        semver,
    } = test;
    let is_in = r#in.as_ref().map(|texts| {
        if texts.is_empty() {
            violations.add(&path.field("in"), "is empty", "name at least one value");
        }
        StringMatch::is_in(texts.iter().map(String::as_str))
    });
    let mut text = |text: &Option<String>, field, test: fn(&str) -> StringMatch| {
        let text = text.as_ref()?;
        Some(test(part(text, &path.field(field), violations)))
    };
    let tests = [
        exact.as_deref().map(StringMatch::exact),
        text(prefix, "prefix", StringMatch::prefix),
        text(suffix, "suffix", StringMatch::suffix),
        text(contains, "contains", StringMatch::contains),
        regex
            .as_ref()
            .map(|pattern| compile_regex(pattern, &path.field("regex"), violations)),
        is_in,
        present.map(StringMatch::present),
        semver
            .as_ref()
            .map(|requirement| compile_semver(requirement, &path.field("semver"), violations)),
    ];

    const KINDS: &str = "exact, prefix, suffix, contains, regex, in, present or semver";
    match tests.iter().flatten().count() {
        1 => {}
        0 => violations.add(path, "is empty", format!("give one of {KINDS}")),
        count => violations.add(
            path,
            format!("has {count} tests"),
            format!("give exactly one of {KINDS}"),
        ),
    }
    let mut tests = tests.into_iter().flatten();
    tests.next().unwrap_or_else(|| StringMatch::present(false))
}

/// A text that a value must hold. The empty one would hold always.
fn part<'t>(text: &'t str, path: &Path<'_>, violations: &mut Violations) -> &'t str {
    if text.is_empty() {
        violations.add(
            path,
            "is empty, and so in every value",
            "give a text, or use present: true",
        );
    }
    text
}

fn compile_regex(pattern: &str, path: &Path<'_>, violations: &mut Violations) -> StringMatch {
    StringMatch::regex(pattern).unwrap_or_else(|error| {
        let allowed =
            "use RE2's syntax without Unicode classes; it is matched against the whole value";
        violations.add(
            path,
            format!(
                "`{}` is not a regular expression ({error})",
                names::shown(pattern)
            ),
            allowed,
        );
        StringMatch::present(false)
    })
}

fn compile_semver(requirement: &str, path: &Path<'_>, violations: &mut Violations) -> StringMatch {
    StringMatch::semver(requirement).unwrap_or_else(|error| {
        let wrong = format!(
            "`{}` is not a version requirement ({error})",
            names::shown(requirement)
        );
        violations.add(path, wrong, "write it as >=2.3.0, <3");
        StringMatch::present(false)
    })
}

impl From<ClientOsConfig> for ClientOs {
    fn from(config: ClientOsConfig) -> Self {
        match config {
            ClientOsConfig::Ios => Self::Ios,
            ClientOsConfig::Android => Self::Android,
            ClientOsConfig::Windows => Self::Windows,
            ClientOsConfig::Macos => Self::Macos,
            ClientOsConfig::Linux => Self::Linux,
        }
    }
}
