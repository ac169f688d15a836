//! DestinationRules, compared with versions, routes and mirrors: whether the subsets that these name exist.
//!
//! Istio merges several DestinationRules of one host, so one of them must have the subset. A host without a
//! DestinationRule in the call is ignored, except the host of a mirror: if the call has any DestinationRule, a
//! mirror without one is reported, because it may send to no cluster.

use halftone::destination::Destination;
use halftone_resources::service::{covers, is_name_of, qualified};

use super::accepted::{Accepted, Served};
use super::given::PlacedFinding;
use super::routes::of_host;
use super::{PlacedRule, PlacedService};

/// Checks everything that names subsets.
pub fn check(
    configurations: &[Accepted<'_>],
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    if rules.is_empty() {
        return findings;
    }
    for service in services {
        findings.extend(of_routes(service, rules));
    }
    for release in configurations.iter().flat_map(Accepted::releases) {
        findings.extend(of_versions(&release, services, rules));
        findings.extend(of_mirrors(&release, rules));
    }
    findings
}

fn of_routes(service: &PlacedService<'_>, rules: &[PlacedRule<'_>]) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    for (place, route) in service.1.http.iter().enumerate() {
        for (part, one) in route.route.iter().enumerate() {
            let to = &one.destination;
            let Some(subset) = &to.subset else {
                continue;
            };
            if let Some(problem) = unknown(subset, &to.host, &of_service(&to.host, rules)) {
                let path = format!("spec.http[{place}].route[{part}].destination.subset");
                findings.push(service.0.finding(path, problem));
            }
        }
    }
    findings
}

/// Checks the versions of a release that no VirtualService of the call routes. Only a subset can show
/// that such a version exists. A DestinationRule without subsets has another purpose.
fn of_versions(
    release: &Served<'_>,
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<PlacedFinding> {
    let versions = release.versions();
    let hosts = release.routed();
    let is_routed = |host: &String| !of_host(release, host, services).is_empty();
    let only_principal = versions.iter().all(|one| Some(*one) == release.principal());
    if release.routing_header().is_none() || only_principal || hosts.iter().any(is_routed) {
        return Vec::new();
    }
    let namespace = release.namespace();
    let is_its_own = |service: &str| {
        let mut hosts = hosts.iter();
        hosts.any(|host| is_name_of(host, namespace, service))
    };
    let rules = rules.iter().filter(|(_, rule)| is_its_own(&rule.host));
    let rules: Vec<_> = rules.filter(|(_, rule)| !rule.subsets.is_empty()).collect();
    let Some((_, first)) = rules.first() else {
        return Vec::new();
    };
    let subsets = || rules.iter().flat_map(|(_, rule)| &rule.subsets);
    let has = |version: &str| {
        subsets().any(|subset| {
            subset.name == version || subset.labels.get("version").is_some_and(|is| is == version)
        })
    };
    let missing = |version: &&str| {
        let message = format!(
            "the DestinationRule of {} has no subset for version {version}; add {{ name: {version}, labels: {{ version: {version} }} }} to its subsets",
            first.host
        );
        release.finding("", message)
    };
    versions
        .iter()
        .filter(|one| !has(one))
        .map(missing)
        .collect()
}

fn of_mirrors(release: &Served<'_>, rules: &[PlacedRule<'_>]) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    for (place, mirror) in release.release.mirrors.iter().enumerate() {
        let Some(to) = Destination::of_cluster(&mirror.cluster) else {
            continue;
        };
        let path = format!("mirrors[{place}].destination");
        let host = to.host.to_ascii_lowercase();
        let known = of_service(&host, rules);
        if !known.is_empty() {
            let subset = to.subset.as_deref();
            if let Some(problem) = subset.and_then(|subset| unknown(subset, &host, &known)) {
                findings.push(release.finding(&format!("{path}.subset"), problem));
            }
            continue;
        }
        let path = format!("{path}.host");
        if let Some(full) = full_name(&host, release, rules) {
            let message = format!("no cluster has the host `{host}`; write the full name {full}");
            findings.push(release.finding(&path, message));
        } else if to.subset.is_some() {
            let message = format!(
                "no DestinationRule has the host {host}; include the one that defines its subsets, or omit subset"
            );
            findings.push(release.finding(&path, message));
        }
    }
    findings
}

/// The full name of the service of a DestinationRule that a short name means.
fn full_name(host: &str, release: &Served<'_>, rules: &[PlacedRule<'_>]) -> Option<String> {
    let full = match release.namespace() {
        Some(namespace) => qualified(host, namespace),
        None => host.to_owned(),
    };
    let mut known = rules.iter().map(|(_, rule)| &rule.host);
    known
        .find(|known| is_name_of(&full, release.namespace(), known))
        .cloned()
}

fn of_service<'r, 'g>(host: &str, rules: &'r [PlacedRule<'g>]) -> Vec<&'r PlacedRule<'g>> {
    let rules = rules.iter();
    rules.filter(|(_, rule)| covers(&rule.host, host)).collect()
}

/// The problem with `subset` if there are DestinationRules of the host and none has it.
fn unknown(subset: &str, host: &str, rules: &[&PlacedRule<'_>]) -> Option<String> {
    if rules.is_empty() || rules.iter().any(|(_, rule)| rule.has_subset(subset)) {
        return None;
    }
    let subsets = rules.iter().flat_map(|(_, rule)| &rule.subsets);
    let names: Vec<&str> = subsets.map(|known| known.name.as_str()).collect();
    let has = match names.as_slice() {
        [] => "has no subsets; add it there".into(),
        _ => format!(
            "has {}; write one of them, or add it there",
            names.join(", ")
        ),
    };
    Some(format!(
        "{host} has no subset `{subset}`: its DestinationRule {has}"
    ))
}
