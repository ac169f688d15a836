//! The routes of each release, by the header or the authority that carries the version.

use halftone::release::Route;

use super::TABLE;
use super::clusters::{Cluster, Part, parts};
use crate::outcome::{Failure, Finding};
use crate::verbs::render::about::{About, Subject};
use crate::verbs::render::yaml::Object;

/// The route table.
///
/// # Errors
///
/// Two releases would have the same domain, or a host could belong to several services.
pub fn table(about: &About<'_>, clusters: &[Cluster]) -> Result<Object, Failure> {
    let mut findings = shared(about);
    let several = |subject: &&Subject<'_>| parts(subject).len() > 1;
    let subjects: Vec<&Subject<'_>> = about.releases.iter().filter(several).collect();
    findings.extend(about.unroutable(&subjects));
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let mut hosts = Vec::new();
    for subject in &about.releases {
        let parts = parts(subject);
        hosts.extend(parts.iter().map(|part| host(subject, part, clusters)));
    }
    let table = Object::new()
        .field("name", TABLE)
        .comment("A release claims its hosts on all ports.")
        .field("ignore_port_in_host_matching", true);
    Ok(if hosts.is_empty() {
        table
    } else {
        table
            .comment("Requests for other hosts get 404.")
            .list("virtual_hosts", hosts)
    })
}

/// The hosts of a release, and the authorities of its versions: Envoy selects the route again after the
/// filter rewrites `:authority`.
fn domains(subject: &Subject<'_>) -> Vec<String> {
    let mut domains = subject.hosts.clone();
    for version in &subject.release.versions {
        if let Some(authority) = version.authority() {
            let host = authority
                .rsplit_once(':')
                .map_or(authority, |(host, _)| host);
            let host = host.to_ascii_lowercase();
            if !domains.contains(&host) {
                domains.push(host);
            }
        }
    }
    domains
}

fn shared(about: &About<'_>) -> Vec<Finding> {
    let mut seen: Vec<(String, usize)> = Vec::new();
    let mut findings = Vec::new();
    for subject in &about.releases {
        for domain in domains(subject) {
            match seen.iter().find(|(other, _)| *other == domain) {
                Some((_, first)) => findings.push(about.finding(
                    &format!("releases[{}].route.authority", subject.index),
                    format!(
                        "`{domain}` is a host of releases[{first}] too, so Envoy could not select the route; give each version \
                         a host that no other release has"
                    ),
                )),
                None => seen.push((domain, subject.index)),
            }
        }
    }
    findings
}

fn host(subject: &Subject<'_>, part: &Part<'_>, clusters: &[Cluster]) -> Object {
    let to = |version: &str| to(&part.addressee(version).name, clusters);
    let release = &subject.release;
    let mut routes: Vec<Object> = release
        .versions
        .iter()
        .map(|version| {
            let (header, value) = match (&release.route, version.authority()) {
                (Route::Header(name), _) => (&**name, version.name()),
                (Route::Authority, authority) => (":authority", authority.unwrap_or_default()),
            };
            let exact = Object::new().field("exact", value);
            let header = Object::new()
                .field("name", header)
                .object("string_match", exact);
            let matched = Object::new().field("prefix", "/").list("headers", [header]);
            Object::new()
                .object("match", matched)
                .object("route", to(version.name()))
        })
        .collect();
    routes.push(
        Object::new()
            .comment("Requests that Halftone did not see. Keep this route last: the first one that matches decides.")
            .object("match", Object::new().field("prefix", "/"))
            .object("route", to(&subject.principal)),
    );
    let (name, domains) = match &part.of_service {
        Some((service, of)) => (format!("{}/{service}", release.name), of.hosts.clone()),
        None => (release.name.to_string(), domains(subject)),
    };
    Object::new()
        .field("name", name)
        .field("domains", domains)
        .list("routes", routes)
}

fn to(name: &str, clusters: &[Cluster]) -> Object {
    let route = Object::new().field("cluster", name);
    let mut clusters = clusters.iter();
    if clusters.any(|cluster| cluster.name == name && cluster.is_http2) {
        return route
            .comment("A stream of gRPC may take longer than Envoy's default of 15s.")
            .field("timeout", "0s");
    }
    route
}
