//! Matches, their conditions, and the tests of values.

use super::{names, numbers};
use crate::config::violation::{Path, Violations};
use crate::config::{ClientOsConfig, MatchConfig, Named, StringMatchConfig};
use crate::release::{Condition, Match, StringMatch};
use crate::request::ClientOs;

type Tests = Named<StringMatchConfig>;

/// The field `match` of the rule or preview at `path`: a list of at least one. `salt` is what
/// percentages are drawn by.
pub fn compile_all(
    matches: Option<&[MatchConfig]>,
    salt: &str,
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
fn compile(one: &MatchConfig, salt: &str, path: &Path<'_>, violations: &mut Violations) -> Match {
    let mut conditions = Vec::new();
    if let Some(test) = &one.method {
        conditions.push(Condition::Method(compile_test(
            test,
            &path.field("method"),
            violations,
        )));
    }
    for (name, test, path) in headers(one.headers.as_ref(), &path.field("headers"), violations) {
        conditions.push(Condition::Header(
            name,
            compile_test(test, &path, violations),
        ));
    }
    let without = path.field("withoutHeaders");
    for (name, test, path) in headers(one.without_headers.as_ref(), &without, violations) {
        conditions.push(Condition::WithoutHeader(
            name,
            compile_test(test, &path, violations),
        ));
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
            percentage, salt, &path, violations,
        )));
    }
    if conditions.is_empty() {
        let allowed = "give at least one condition: headers, withoutHeaders, cookies, queryParams, path, method, clientOs or percentage";
        violations.add(path, "is empty", allowed);
    }
    Match::new(conditions)
}

/// A test for each header, names in lower case. Two names that differ in case alone are one header.
fn headers<'c, 'p>(
    tests: Option<&'c Tests>,
    path: &'p Path<'p>,
    violations: &mut Violations,
) -> Vec<(Box<str>, &'c StringMatchConfig, Path<'p>)>
where
    'c: 'p,
{
    let mut compiled: Vec<(Box<str>, &StringMatchConfig, Path<'p>)> = Vec::new();
    for (name, test) in tests.into_iter().flat_map(Named::iter) {
        let path = path.field(name);
        let lower = names::header(name, &path, violations);
        if compiled.iter().any(|(other, ..)| *other == lower) {
            violations.add(
                &path,
                format!("`{lower}` stands here twice"),
                "name each header once; case does not matter",
            );
        }
        compiled.push((lower, test, path));
    }
    compiled
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
    let mut tests = Vec::new();
    tests.extend(exact.iter().map(|text| StringMatch::exact(text)));
    tests.extend(
        prefix
            .iter()
            .map(|text| StringMatch::prefix(part(text, &path.field("prefix"), violations))),
    );
    tests.extend(
        suffix
            .iter()
            .map(|text| StringMatch::suffix(part(text, &path.field("suffix"), violations))),
    );
    tests.extend(
        contains
            .iter()
            .map(|text| StringMatch::contains(part(text, &path.field("contains"), violations))),
    );
    tests.extend(
        regex
            .iter()
            .map(|pattern| compile_regex(pattern, &path.field("regex"), violations)),
    );
    if let Some(texts) = r#in {
        if texts.is_empty() {
            violations.add(&path.field("in"), "is empty", "name at least one value");
        }
        tests.push(StringMatch::is_in(texts.iter().map(String::as_str)));
    }
    tests.extend(present.map(StringMatch::present));
    tests.extend(
        semver
            .iter()
            .map(|requirement| compile_semver(requirement, &path.field("semver"), violations)),
    );

    const KINDS: &str = "exact, prefix, suffix, contains, regex, in, present or semver";
    match tests.len() {
        1 => {}
        0 => violations.add(path, "is empty", format!("give one of {KINDS}")),
        count => violations.add(
            path,
            format!("has {count} tests"),
            format!("give exactly one of {KINDS}"),
        ),
    }
    tests.pop().unwrap_or_else(|| StringMatch::present(false))
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
