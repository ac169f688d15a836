//! What is valid and probably wrong in a release.

use std::collections::BTreeSet;

use halftone::config::{MatchConfig, StringMatchConfig};
use halftone_resources::service::is_name_of;
use serde_json::Value;

use super::accepted::{Accepted, Served};
use super::given::PlacedFinding;

/// Takes the path of a warning and its message.
type Warn<'w> = dyn FnMut(&str, String) + 'w;

/// Warns of one kind of mistake in a release.
type Check = fn(&Served<'_>, &mut Warn<'_>);

/// The checks of a release, and their names.
const CHECKS: [(&str, Check); 6] = [
    ("fraction", fractions),
    ("impossible-match", impossible),
    ("swallowed-rule", swallowed),
    ("session", sessions),
    ("short-host", short_hosts),
    ("own-mirror", own_mirrors),
];

/// The warnings on every release.
pub fn check(configurations: &[Accepted<'_>]) -> Vec<PlacedFinding> {
    let mut warnings = Vec::new();
    for release in configurations.iter().flat_map(Accepted::releases) {
        for (name, check) in CHECKS {
            check(&release, &mut |path, message| {
                warnings.push(release.finding(path, message).of(name));
            });
        }
    }
    warnings
}

/// All matches of a release, and their paths.
fn matches<'c>(release: &Served<'c>) -> Vec<(String, &'c MatchConfig)> {
    let written = release.written;
    let canary = written.canary.as_ref();
    let rules = canary.and_then(|canary| canary.rules.as_ref());
    let rules = rules.into_iter().flatten().enumerate();
    let rules = rules.map(|(place, rule)| (format!("canary.rules[{place}]"), &rule.r#match));
    let preview = written.blue_green.as_ref();
    let preview = preview.and_then(|blue_green| blue_green.preview.as_ref());
    let preview = preview.map(|preview| ("blueGreen.preview".to_owned(), &preview.r#match));
    let mirrors = written.mirrors.iter().flatten().enumerate();
    let mirrors = mirrors.map(|(place, mirror)| (format!("mirrors[{place}]"), &mirror.r#match));
    let all = rules.chain(preview).chain(mirrors);
    let each = all.flat_map(|(path, matches)| {
        let matches = matches.iter().flatten().enumerate();
        matches.map(move |(place, one)| (format!("{path}.match[{place}]"), one))
    });
    each.collect()
}

/// Percentages between 0 and 1. Those of a ramp can begin there.
fn fractions(release: &Served<'_>, warn: &mut Warn<'_>) {
    let written = release.written;
    let mut percentages: Vec<(String, Option<f64>)> = matches(release)
        .into_iter()
        .map(|(path, one)| (format!("{path}.percentage"), one.percentage))
        .collect();
    for (place, mirror) in written.mirrors.iter().flatten().enumerate() {
        percentages.push((format!("mirrors[{place}].percentage"), mirror.percentage));
        let compare = mirror.compare.as_ref();
        percentages.push((
            format!("mirrors[{place}].compare.percentage"),
            compare.and_then(|compare| compare.percentage),
        ));
    }
    let holdout = written.holdout.as_ref();
    percentages.push((
        "holdout.percentage".into(),
        holdout.and_then(|holdout| holdout.percentage),
    ));
    let exclusive = written.exclusive.as_ref();
    percentages.push(("exclusive.to".into(), exclusive.and_then(|range| range.to)));
    let ramp = written
        .canary
        .as_ref()
        .and_then(|canary| canary.ramp.as_ref());
    let points = ramp.and_then(|ramp| ramp.points.as_ref());
    let points = || points.into_iter().flatten();
    if points().all(|point| point.percentage.is_some_and(|one| one <= 1.0)) {
        percentages.extend(points().enumerate().map(|(place, point)| {
            let path = format!("canary.ramp.points[{place}].percentage");
            (path, point.percentage)
        }));
    }
    for (path, percentage) in percentages {
        if let Some(percentage) = percentage.filter(|one| *one > 0.0 && *one < 1.0) {
            // 0.29 times 100 is 28.999999999999996.
            let meant = (percentage * 1e8).round() / 1e6;
            warn(
                &path,
                format!("{percentage} is {percentage} %; write {meant} if you mean {meant} %"),
            );
        }
    }
}

/// Tests of the path and the method that no request passes.
fn impossible(release: &Served<'_>, warn: &mut Warn<'_>) {
    for (path, conditions) in matches(release) {
        impossible_in(&path, conditions, warn);
    }
}

fn impossible_in(path: &str, conditions: &MatchConfig, warn: &mut Warn<'_>) {
    for (field, text) in conditions.path.iter().flat_map(texts) {
        let at = format!("{path}.path.{field}");
        if let Some((before, _)) = text.split_once('?') {
            warn(
                &at,
                format!(
                    "never matches \"{text}\", because the path has no query; write \"{before}\", and test the query with queryParams"
                ),
            );
        } else if field != "suffix" && field != "contains" && !text.starts_with(['/', '*']) {
            warn(
                &at,
                format!(
                    "never matches \"{text}\", because a path begins with /; write \"/{text}\""
                ),
            );
        }
    }
    for (field, text) in conditions.method.iter().flat_map(texts) {
        let upper = text.to_ascii_uppercase();
        if *text != upper {
            warn(
                &format!("{path}.method.{field}"),
                format!(
                    "never matches \"{text}\", because methods are upper case; write \"{upper}\""
                ),
            );
        }
    }
}

/// The texts of a test, and their fields.
fn texts(test: &StringMatchConfig) -> Vec<(String, &String)> {
    let single = [
        ("exact", &test.exact),
        ("prefix", &test.prefix),
        ("suffix", &test.suffix),
        ("contains", &test.contains),
    ];
    let single = single
        .into_iter()
        .filter_map(|(field, text)| Some((field.to_owned(), text.as_ref()?)));
    let several = test.r#in.iter().flatten().enumerate();
    let several = several.map(|(place, text)| (format!("in[{place}]"), text));
    single.chain(several).collect()
}

/// Rules whose requests earlier rules take. Rules without a percentage take all requests that they match.
fn swallowed(release: &Served<'_>, warn: &mut Warn<'_>) {
    let rules = release
        .value()
        .and_then(|value| value.pointer("/canary/rules"));
    let rules = rules.and_then(Value::as_array).map(Vec::as_slice);
    let mut earlier: Vec<(&str, Conditions)> = Vec::new();
    for (place, rule) in rules.unwrap_or_default().iter().enumerate() {
        let matches = rule.get("match").and_then(Value::as_array);
        let matches: Vec<Conditions> = matches.into_iter().flatten().map(conditions).collect();
        let takers: Option<BTreeSet<&str>> = matches
            .iter()
            .map(|one| {
                let mut earlier = earlier.iter();
                let taker = earlier.find(|(_, other)| other.is_subset(one));
                taker.map(|(name, _)| *name)
            })
            .collect();
        if let Some(takers) = takers.filter(|takers| !takers.is_empty()) {
            let takers: Vec<&str> = takers.into_iter().collect();
            let (rules, them) = match takers.as_slice() {
                [one] => (format!("rule {one} above takes"), "it"),
                _ => (
                    format!("the rules {} above take", takers.join(", ")),
                    "them",
                ),
            };
            warn(
                &format!("canary.rules[{place}]"),
                format!(
                    "never decides, because {rules} every request that it matches; move it above {them}, or remove it"
                ),
            );
        }
        let name = rule.get("name").and_then(Value::as_str).unwrap_or_default();
        let taking = matches.into_iter().filter(|one| {
            let mut conditions = one.iter();
            !conditions.any(|(field, ..)| field == "percentage")
        });
        earlier.extend(taking.map(|one| (name, one)));
    }
}

/// The conditions of a match: field, name and test.
type Conditions = BTreeSet<(String, String, String)>;

fn conditions(one: &Value) -> Conditions {
    let fields = one.as_object().into_iter().flatten();
    fields
        .flat_map(|(field, value)| match (field.as_str(), value) {
            ("path" | "method", _) | (_, Value::Array(_) | Value::Number(_)) => {
                vec![(field.clone(), String::new(), value.to_string())]
            }
            (_, Value::Object(tests)) => tests
                .iter()
                .map(|(name, test)| {
                    let is_header = field == "headers" || field == "withoutHeaders";
                    let name = match is_header {
                        true => name.to_ascii_lowercase(),
                        false => name.clone(),
                    };
                    (field.clone(), name, test.to_string())
                })
                .collect(),
            _ => Vec::new(),
        })
        .collect()
}

fn sessions(release: &Served<'_>, warn: &mut Warn<'_>) {
    let Some(canary) = &release.written.canary else {
        return;
    };
    let Some(session) = &canary.session else {
        let weights = canary.split.iter().flatten();
        let shares = weights.filter(|one| one.weight.is_some_and(|weight| weight > 0.0));
        let field = match (&canary.ramp, shares.count()) {
            (Some(_), _) => "ramp",
            (None, 2..) => "split",
            (None, _) => return,
        };
        warn(
            &format!("canary.{field}"),
            "has no session, so a user gets another version with each request; write session, such as session: { cookie: {} }".into(),
        );
        return;
    };
    let keys = session.key.iter().flatten();
    let comes_with_login = keys.into_iter().any(|key| key.source_address.is_none());
    let Some(cookie) = session.cookie.as_ref().filter(|_| comes_with_login) else {
        return;
    };
    if cookie.keep.is_none() {
        warn(
            "canary.session.cookie",
            "a user who logs in gets a key, which counts before the cookie, so the version can change at login; write keep: true, or keep: false if that is intended".into(),
        );
    }
}

/// Hosts without a dot in the mesh, where callers can write longer names. A waypoint has its own check.
fn short_hosts(release: &Served<'_>, warn: &mut Warn<'_>) {
    let plugin = release.placed.resource.plugin();
    let Some(plugin) = plugin.filter(|plugin| plugin.target_refs.is_empty()) else {
        return;
    };
    let claimed: Vec<String> = release.hosts().map(|claimed| claimed.host).collect();
    if claimed.iter().any(|host| host == "*") {
        return;
    }
    for (place, host) in release.written.hosts.iter().flatten().enumerate() {
        let longer = format!("{}.", host.to_ascii_lowercase());
        if host.contains('.') || claimed.iter().any(|other| other.starts_with(&longer)) {
            continue;
        }
        let namespace = release.namespace();
        let name = match namespace {
            Some(namespace) => format!("{host}.{namespace}"),
            None => format!("{host}.{}", plugin.meta.namespace),
        };
        let write = match namespace {
            Some(namespace) => {
                format!("services: [ {{ name: {host}, namespace: {namespace} }} ]")
            }
            None => "services, with its name and namespace".into(),
        };
        warn(
            &format!("hosts[{place}]"),
            format!(
                "requests for a longer name of the service, such as {name}, are not decided; write {write}"
            ),
        );
    }
}

/// Mirrors whose copies go where production's requests go.
fn own_mirrors(release: &Served<'_>, warn: &mut Warn<'_>) {
    let routed = release.routed();
    let blue_green = release.written.blue_green.as_ref();
    let active = blue_green.and_then(|blue_green| blue_green.active.as_deref());
    let production = active.or(release.principal());
    for (place, mirror) in release.written.mirrors.iter().flatten().enumerate() {
        let cluster = mirror.cluster.as_deref().and_then(outbound);
        let destination = mirror.destination.as_ref();
        let destination = destination.and_then(|to| {
            Some((
                to.host.as_deref()?,
                to.subset.as_deref().unwrap_or_default(),
            ))
        });
        let (field, (host, subset)) = match (cluster, destination) {
            (Some(cluster), _) => ("cluster", cluster),
            (None, Some(destination)) => ("destination", destination),
            (None, None) => continue,
        };
        let mut hosts = routed.iter();
        let is_own = hosts.any(|known| is_name_of(known, release.namespace(), host));
        if is_own && (subset.is_empty() || Some(subset) == production) {
            warn(
                &format!("mirrors[{place}].{field}"),
                "is where production's requests go, so each of them is served twice there; write another service, or the subset of another version".into(),
            );
        }
    }
}

/// The host and the subset of a cluster of Istio's: `outbound|9080|v2|reviews.bookinfo.svc.cluster.local`.
fn outbound(cluster: &str) -> Option<(&str, &str)> {
    match *cluster.split('|').collect::<Vec<_>>() {
        ["outbound", _, subset, host] => Some((host, subset)),
        _ => None,
    }
}
