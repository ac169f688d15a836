//! The routes of each release, by the header or the authority that carries the version.

use halftone::release::Route;

use super::clusters::cluster;
use crate::outcome::{Failure, Finding};
use crate::verbs::render::about::{About, Subject};
use crate::verbs::render::yaml::Object;

/// The route table.
///
/// # Errors
///
/// Two releases would have the same domain.
pub fn table(about: &About<'_>) -> Result<Object, Failure> {
    let findings = shared(about);
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let hosts: Vec<Object> = about.releases.iter().map(host).collect();
    let table = Object::new()
        .field("name", "halftone")
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

fn host(subject: &Subject<'_>) -> Object {
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
                .object("route", to(subject, version.name()))
        })
        .collect();
    routes.push(
        Object::new()
            .comment("Requests that Halftone did not see. Keep this route last: the first one that matches decides.")
            .object("match", Object::new().field("prefix", "/"))
            .object("route", to(subject, &subject.principal)),
    );
    Object::new()
        .field("name", &release.name)
        .field("domains", domains(subject))
        .list("routes", routes)
}

fn to(subject: &Subject<'_>, version: &str) -> Object {
    Object::new().field("cluster", cluster(&subject.release.name, version))
}
