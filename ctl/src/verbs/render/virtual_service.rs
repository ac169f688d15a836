//! Istio's `VirtualService`: a route for each version, by the routing header.

use super::about::{self, About, Subject};
use super::names::subset;
use super::services::Service;
use super::yaml::Object;
use super::{Kind, destination_rule};
use crate::outcome::Failure;

/// A VirtualService for each service of each release that routes by a header.
pub fn render(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    of(about, about.routed_by_header(Kind::VirtualService)?)
}

/// The same, or nothing if no release routes by a header.
pub fn render_if_any(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    match about.routed_by_header(Kind::VirtualService) {
        Ok(routed) => of(about, routed),
        Err(_) => Ok(Vec::new()),
    }
}

fn of(about: &About<'_>, routed: Vec<(&Subject<'_>, &str)>) -> Result<Vec<Object>, Failure> {
    let subjects: Vec<&Subject<'_>> = routed.iter().map(|(subject, _)| *subject).collect();
    check(about, &subjects)?;
    let names = about::names(&subjects);
    let services = routed.iter().flat_map(|(subject, header)| {
        subject
            .services
            .all
            .iter()
            .map(move |service| (subject, header, service))
    });
    let objects = services
        .zip(names)
        .map(|((subject, header, service), name)| one(about, subject, header, service, &name))
        .collect();
    Ok(about.unrouted(objects))
}

/// Reports what Istio does not allow.
fn check(about: &About<'_>, subjects: &[&Subject<'_>]) -> Result<(), Failure> {
    let mut findings = about.unroutable(subjects);
    findings.extend(destination_rule::clashes(about, subjects));
    let is_meshed =
        about.args.gateways.is_empty() || about.args.gateways.iter().any(|name| name == "mesh");
    for subject in subjects.iter().filter(|_| is_meshed) {
        let mut services = subject.services.all.iter();
        let is_any = |host: &String| host == "*";
        if !services.any(|service| service.routed.iter().any(is_any)) {
            continue;
        }
        if let Some(index) = subject.hosts.iter().position(is_any) {
            findings.push(about.finding(
                &format!("releases[{}].hosts[{index}]", subject.index),
                "only gateways can use a VirtualService for *; name the gateways with --gateway, or the service of a waypoint with --target-ref Service/NAME, or list the hosts",
            ));
        }
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Refused(findings))
    }
}

fn one(
    about: &About<'_>,
    subject: &Subject<'_>,
    header: &str,
    service: &Service,
    name: &str,
) -> Object {
    let versions = subject.release.versions.iter();
    let mut routes: Vec<Object> = versions
        .map(|version| {
            let exact = Object::new().field("exact", version.name());
            let headers = Object::new().object("headers", Object::new().object(header, exact));
            Object::new()
                .field("name", version.name())
                .list("match", [headers])
                .with(|route| to(about, route, service, version.name()))
        })
        .collect();
    routes.push(
        Object::new()
            .comment("Requests that Halftone did not see. Keep this route last: the first one that matches decides.")
            .field("name", "undecided")
            .with(|route| to(about, route, service, &subject.principal)),
    );
    let spec = Object::new().field("hosts", &service.routed);
    let spec = if about.args.gateways.is_empty() {
        spec
    } else {
        spec.field("gateways", &about.args.gateways)
    };
    about
        .resource("networking.istio.io/v1", "VirtualService", name)
        .object("spec", subject.guess(spec).list("http", routes))
}

fn to(about: &About<'_>, route: Object, service: &Service, version: &str) -> Object {
    let destination = Object::new()
        .field("host", &service.host)
        .field("subset", subset(version));
    let destination = match about.args.port {
        Some(port) => destination.object("port", Object::new().field("number", port)),
        None => destination,
    };
    route.list("route", [Object::new().object("destination", destination)])
}
