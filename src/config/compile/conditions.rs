//! Matches, their conditions, and the tests of values.

use std::collections::HashSet;
use std::fmt::Display;

use super::invitations::Inviting;
use super::{names, numbers};
use crate::config::path::Path;
use crate::config::quoted::{listed, quoted};
use crate::config::violation::Violations;
use crate::config::{ClientOsConfig, MatchConfig, Named, Proxy, StringMatchConfig};
use crate::lookup::FixedHasher;
use crate::matching::{Condition, Match, RegexError, SourceLabel, StringMatch};
use crate::request::ClientOs;

/// A condition on the header of a name.
type HeaderCondition = fn(Box<str>, StringMatch) -> Condition;

/// A condition on the client's operating system.
type OsCondition = fn(Vec<ClientOs>) -> Condition;

/// The field `match` of the rule, preview or mirror at `path`: at least one match. Percentages are
/// drawn by `salt`. Labels are those of `proxy`. `inviting` is the release and the rule to which the matches
/// can invite. None: to nothing, because a mirror has the matches.
#[inline(never)]
pub fn compile_all(
    matches: Option<&[MatchConfig]>,
    salt: &dyn Display,
    proxy: Proxy<'_>,
    inviting: Option<(&Inviting<'_>, &str)>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Match> {
    let path = path.field("match");
    let problem = matches.map_or("missing", |_| "empty");
    let matches = matches.unwrap_or_default();
    if matches.is_empty() {
        let message = format!(
            "{problem}; write at least one match, such as match: [{{ headers: {{ end-user: {{ exact: \"jason\" }} }} }}]"
        );
        violations.add(&path, message);
    }
    matches
        .iter()
        .enumerate()
        .map(|(index, one)| compile(one, salt, proxy, inviting, &path.index(index), violations))
        .collect()
}

/// Puts the cheapest conditions first: a request is tested in this order.
#[inline(never)]
fn compile(
    one: &MatchConfig,
    salt: &dyn Display,
    proxy: Proxy<'_>,
    inviting: Option<(&Inviting<'_>, &str)>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Match {
    // Most matches have one condition.
    let mut conditions = Vec::with_capacity(1);
    for (name, value) in one.source_labels.iter().flat_map(Named::iter) {
        let path = path.field("sourceLabels");
        names::not_empty(name, &path.field(name), "the name of a label", violations);
        let label = SourceLabel::new(name, value, proxy.label(name));
        conditions.push(Condition::SourceLabel(label));
    }
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
        let mut known = HashSet::<_, FixedHasher>::default();
        for (name, test) in tests.iter().flat_map(Named::iter) {
            let path = path.field(name);
            let name = names::tested_header(name, &path, violations);
            if !known.insert(name.clone()) {
                let message = format!(
                    "{} is tested already; omit one of them (case is ignored)",
                    quoted(&name)
                );
                violations.add(&path, message);
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
    let systems = [
        (
            "clientOs",
            &one.client_os,
            Condition::ClientOs as OsCondition,
        ),
        (
            "withoutClientOs",
            &one.without_client_os,
            Condition::WithoutClientOs,
        ),
    ];
    for (field, systems, condition) in systems {
        let Some(systems) = systems else { continue };
        if systems.is_empty() {
            let message = format!("empty; write at least one system, or omit {field}");
            violations.add(&path.field(field), message);
        }
        conditions.push(condition(
            systems.iter().copied().map(ClientOs::from).collect(),
        ));
    }
    for (name, test) in one.jwt_claims.iter().flat_map(Named::iter) {
        let path = path.field("jwtClaims");
        let path = path.field(name);
        names::not_empty(name, &path, "the name of a claim", violations);
        let test = compile_test(test, &path, violations);
        conditions.push(Condition::JwtClaim(name.as_str().into(), test));
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
    // It comes last, since the response keeps the invitation as soon as this condition holds.
    if let Some(invited) = &one.invited {
        let path = path.field("invited");
        match inviting {
            Some((inviting, rule)) => {
                conditions.push(inviting.compile(invited, rule, &path, violations));
            }
            None => {
                violations.add(
                    &path,
                    "an invitation is to a rule or a preview, not to a mirror; omit invited",
                );
                return Match::new(conditions);
            }
        }
    }
    if conditions.is_empty() {
        violations.add(
            path,
            "empty; write at least one condition: headers, withoutHeaders, cookies, queryParams, jwtClaims, sourceLabels, path, method, clientOs, withoutClientOs, percentage or invited",
        );
    }
    Match::new(conditions)
}

#[inline(never)]
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
            violations.add(&path.field("in"), "empty; write at least one value");
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

    const KINDS: [&str; 8] = [
        "exact", "prefix", "suffix", "contains", "regex", "in", "present", "semver",
    ];
    let given = KINDS.iter().zip(&tests).filter(|(_, test)| test.is_some());
    let given: Vec<&str> = given.map(|(kind, _)| *kind).collect();
    match given.len() {
        1 => {}
        0 => violations.add(path, format!("empty; write one of {}", listed(KINDS, "or"))),
        _ => {
            let message = format!("has {}; omit all but one", listed(given, "and"));
            violations.add(path, message);
        }
    }
    let mut tests = tests.into_iter().flatten();
    tests.next().unwrap_or_else(|| StringMatch::present(false))
}

/// A text that a value must have at some place. Every value has the empty text.
fn part<'t>(text: &'t str, path: &Path<'_>, violations: &mut Violations) -> &'t str {
    if text.is_empty() {
        violations.add(
            path,
            "empty, so every value matches; write a text, or present: true instead",
        );
    }
    text
}

fn compile_regex(pattern: &str, path: &Path<'_>, violations: &mut Violations) -> StringMatch {
    if violations.has_too_many_regexes() || violations.is_full() {
        return StringMatch::present(false);
    }
    let compiled = StringMatch::regex(pattern).unwrap_or_else(|error| {
        let message =
            names::expected_got("a regular expression that matches the whole value", pattern);
        violations.add(
            path,
            match error {
                RegexError::Syntax(error) => {
                    format!("{message}: {error}; write it in RE2 syntax without Unicode classes")
                }
                RegexError::TooLarge => format!(
                    "{message}: compiled, it is larger than {} KiB; write in for a list of values, \
                     and fewer or smaller repetitions",
                    StringMatch::LARGEST_REGEX >> 10
                ),
            },
        );
        StringMatch::present(false)
    });
    if !violations.add_regexes(compiled.regex_size()) {
        violations.add(
            path,
            "the regular expressions of the configuration take more than 32 MiB up to here; write fewer, or simpler ones",
        );
    }
    compiled
}

fn compile_semver(requirement: &str, path: &Path<'_>, violations: &mut Violations) -> StringMatch {
    StringMatch::semver(requirement).unwrap_or_else(|error| {
        let expected = r#"a version requirement such as ">=2.3.0, <3""#;
        let message = names::expected_got(expected, requirement);
        violations.add(path, format!("{message}: {error}"));
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
