//! The Gateway API's `HTTPRoute`: a rule for each version, by the routing header.

use halftone_resources::service::name_and_namespace;

use super::about::{self, About, Subject};
use super::flags::{Address, Upstream};
use super::names::{clash, of_version};
use super::services::Service;
use super::upstreams::{Addressee, assign};
use super::yaml::Object;
use super::{DEFAULT_PORT, Kind};
use crate::outcome::{Failure, Finding};

/// The limit of rules in an HTTPRoute.
const MOST_RULES: usize = 16;

/// The limit of hosts in an HTTPRoute.
const MOST_HOSTS: usize = 16;

/// An HTTPRoute for each service of each release that routes by a header.
pub fn render(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    let routed = about.routed_by_header(Kind::HttpRoute)?;
    let subjects: Vec<&Subject<'_>> = routed.iter().map(|(subject, _)| *subject).collect();
    let mut findings = about.unroutable(&subjects);
    findings.extend(subjects.iter().flat_map(|subject| check(about, subject)));
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let mut addresses = addresses(about, &subjects)?.into_iter();
    let mut names = about::names(&subjects).into_iter();
    let mut objects = Vec::new();
    for (subject, header) in &routed {
        let versions: Vec<Option<Address>> =
            addresses.by_ref().take(subject.versions().len()).collect();
        for service in &subject.services.all {
            let name = names.next().unwrap_or_default();
            let spec = spec(about, subject, service, header, &versions);
            objects.push(
                about
                    .resource("gateway.networking.k8s.io/v1", "HTTPRoute", &name)
                    .object("spec", spec),
            );
        }
    }
    Ok(about.unrouted(objects))
}

/// The findings on what the Gateway API does not allow.
fn check(about: &About<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let path = format!("releases[{}]", subject.index);
    let versions = subject.versions();
    let mut findings = Vec::new();
    if let Some((first, second)) = clash(&versions, |version| of_version("", version)) {
        findings.push(about.finding(
            &path,
            format!(
                "the versions `{first}` and `{second}` would have the same service; rename one of them"
            ),
        ));
    }
    if versions.len() >= MOST_RULES {
        findings.push(about.finding(
            &path,
            format!(
                "has {} versions, but an HTTPRoute has rules for at most {}; write fewer versions",
                versions.len(),
                MOST_RULES - 1
            ),
        ));
    }
    for (index, host) in subject.hosts.iter().enumerate() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let name = host.strip_prefix("*.").unwrap_or(host);
        if host != "*"
            && (!name.bytes().all(is_plain) || name.parse::<std::net::Ipv4Addr>().is_ok())
        {
            findings.push(about.finding(
                &format!("{path}.hosts[{index}]"),
                format!("`{host}` is not a DNS name, which an HTTPRoute requires; omit it"),
            ));
        }
    }
    if subject.hosts.len() > MOST_HOSTS {
        findings.push(about.finding(
            &format!("{path}.hosts"),
            format!(
                "has {} hosts, but an HTTPRoute has at most {MOST_HOSTS}; write fewer hosts",
                subject.hosts.len()
            ),
        ));
    }
    findings
}

/// The address of each version by the flags, in order.
fn addresses(
    about: &About<'_>,
    subjects: &[&Subject<'_>],
) -> Result<Vec<Option<Address>>, Failure> {
    let places = subjects.iter().flat_map(|subject| {
        let versions = subject.versions().into_iter();
        versions.map(|version| Addressee::version(&subject.release.name, version))
    });
    let said = assign(&about.args.upstreams, &places.collect::<Vec<_>>())?;
    let address = |flag: Option<&Upstream>| flag.map(|flag| flag.address.clone());
    Ok(said.into_iter().map(address).collect())
}

fn spec(
    about: &About<'_>,
    subject: &Subject<'_>,
    service: &Service,
    header: &str,
    addresses: &[Option<Address>],
) -> Object {
    let refs = |version: &str| {
        let place = subject
            .versions()
            .iter()
            .position(|other| *other == version);
        let address = place
            .and_then(|place| addresses.get(place))
            .and_then(Option::as_ref);
        [backend(about, service, version, address)]
    };
    let mut rules: Vec<Object> = subject
        .versions()
        .iter()
        .map(|version| {
            let matched = Object::new()
                .field("type", "Exact")
                .field("name", header)
                .field("value", version);
            Object::new()
                .list("matches", [Object::new().list("headers", [matched])])
                .list("backendRefs", refs(version))
        })
        .collect();
    rules.push(
        Object::new()
            .comment("Requests that Halftone did not see.")
            .list("backendRefs", refs(&subject.principal)),
    );
    let choose =
        "Choose: your Gateway, or the Service in a mesh. Set it with --target-ref Kind/name.";
    let spec = Object::new();
    let spec = about
        .plugin
        .targets(spec, "parentRefs", Kind::HttpRoute, choose);
    let parents = about.plugin.possible(Kind::HttpRoute);
    let is_for_services =
        !parents.is_empty() && parents.iter().all(|parent| parent.kind != "Gateway");
    // A route without hostnames applies to all hosts. A route of a Service ignores them.
    let spec = if is_for_services || service.hosts.iter().any(|host| host == "*") {
        spec
    } else {
        spec.field("hostnames", &service.hosts)
    };
    subject
        .guess(spec)
        .comment(
            "Each version has its own Service. The order of the rules does not matter: the most specific match wins, and \
             a match with a header is more specific than one without. A path is more specific than a header: a route of \
             the same host with a longer path takes its requests, whatever the version is.",
        )
        .list("rules", rules)
}

fn backend(
    about: &About<'_>,
    service: &Service,
    version: &str,
    address: Option<&Address>,
) -> Object {
    let (name, namespace) = name_and_namespace(&service.host);
    let object = Object::new();
    match address {
        Some(address) => {
            let mut labels = address.host.split('.');
            let name = labels.next().unwrap_or_default();
            object
                .field("name", name)
                .optional("namespace", labels.next())
                .field("port", address.port)
        }
        None => object
            .field("name", of_version(name, version))
            .optional(
                "namespace",
                namespace.filter(|namespace| *namespace != about.plugin.namespace),
            )
            .field("port", about.args.port.unwrap_or(DEFAULT_PORT)),
    }
}
