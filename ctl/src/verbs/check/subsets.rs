//! Versions, routes and mirrors against DestinationRules: whether the subsets that they name are
//! there.
//!
//! Where several DestinationRules are for a host, one of them is enough: Istio merges them. A host
//! for which none is given is not asked about, but for a mirror's: a pipeline that gives any
//! DestinationRule shall hear of a mirror that sends into the void.

use halftone::destination::Destination;
use halftone_resources::qualified;

use super::accepted::{Accepted, Served};
use super::given::Told;
use super::routes::of_host;
use super::services::{covers, means};
use super::{PlacedRule, PlacedService};

/// Checks what names subsets.
pub fn check(
    configurations: &[Accepted<'_>],
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<Told> {
    let mut told = Vec::new();
    if rules.is_empty() {
        return told;
    }
    for service in services {
        told.extend(of_routes(service, rules));
    }
    for release in configurations.iter().flat_map(Accepted::releases) {
        told.extend(of_versions(&release, services, rules));
        told.extend(of_mirrors(&release, rules));
    }
    told
}

fn of_routes(service: &PlacedService<'_>, rules: &[PlacedRule<'_>]) -> Vec<Told> {
    let mut told = Vec::new();
    for (place, route) in service.1.http.iter().enumerate() {
        for (part, one) in route.route.iter().enumerate() {
            let to = &one.destination;
            let Some(subset) = &to.subset else {
                continue;
            };
            if let Some(problem) = unknown(subset, &to.host, &of_service(&to.host, rules)) {
                let path = format!("spec.http[{place}].route[{part}].destination.subset");
                told.push(service.0.say(path, problem));
            }
        }
    }
    told
}

/// The versions of a release that no VirtualService of the call routes: a subset is then the only
/// way to them that is known. A DestinationRule without subsets is about something else.
fn of_versions(
    release: &Served<'_>,
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<Told> {
    let versions = release.versions();
    let is_routed = |host| !of_host(release, host, services).is_empty();
    let only_principal = versions.iter().all(|one| Some(*one) == release.principal());
    if release.routing_header().is_none() || only_principal || release.hosts().any(is_routed) {
        return Vec::new();
    }
    let namespace = release.namespace();
    let is_its_own = |service: &str| release.hosts().any(|host| means(host, namespace, service));
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
    let tell = |version: &&str| {
        let message = format!(
            "version {version} has no subset in the DestinationRule of {}; add one: {{ name: {version}, labels: {{ version: {version} }} }}",
            first.host
        );
        release.say("", message)
    };
    versions.iter().filter(|one| !has(one)).map(tell).collect()
}

fn of_mirrors(release: &Served<'_>, rules: &[PlacedRule<'_>]) -> Vec<Told> {
    let mut told = Vec::new();
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
                told.push(release.say(&format!("{path}.subset"), problem));
            }
            continue;
        }
        let path = format!("{path}.host");
        if let Some(full) = full_name(&host, release, rules) {
            let message = format!("`{host}` is no cluster's host; write the full name {full}");
            told.push(release.say(&path, message));
        } else if to.subset.is_some() {
            let message = format!(
                "no DestinationRule is for {host}; give the one that names its subsets, or leave subset away"
            );
            told.push(release.say(&path, message));
        }
    }
    told
}

/// The service of a DestinationRule that a short name means.
fn full_name(host: &str, release: &Served<'_>, rules: &[PlacedRule<'_>]) -> Option<String> {
    let full = match release.namespace() {
        Some(namespace) => qualified(host, namespace),
        None => host.to_owned(),
    };
    let mut known = rules.iter().map(|(_, rule)| &rule.host);
    known
        .find(|known| means(&full, release.namespace(), known))
        .cloned()
}

fn of_service<'r, 'g>(host: &str, rules: &'r [PlacedRule<'g>]) -> Vec<&'r PlacedRule<'g>> {
    let rules = rules.iter();
    rules.filter(|(_, rule)| covers(&rule.host, host)).collect()
}

/// What is wrong with `subset`, where there are DestinationRules of the host and none has it.
fn unknown(subset: &str, host: &str, rules: &[&PlacedRule<'_>]) -> Option<String> {
    if rules.is_empty() || rules.iter().any(|(_, rule)| rule.has_subset(subset)) {
        return None;
    }
    let subsets = rules.iter().flat_map(|(_, rule)| &rule.subsets);
    let names: Vec<&str> = subsets.map(|known| known.name.as_str()).collect();
    let has = match names.as_slice() {
        [] => "has none; add it".into(),
        _ => format!("has {}; name one of them or add it", names.join(", ")),
    };
    Some(format!(
        "`{subset}` is no subset of {host}, whose DestinationRule {has}"
    ))
}
