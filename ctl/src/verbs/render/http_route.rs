//! The Gateway API's `HTTPRoute`: a rule for each version, by the routing header.
//!
//! A mirror has a rule too, because Envoy Gateway has clusters only of rules. Rules of mirrors come first: Envoy Gateway
//! names a cluster by the index of its rule, and a new version must not change it.

use halftone::destination::Destination;
use halftone::mirror::Mirror;
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

/// A port of a service of Kubernetes.
struct Backend {
    name: String,
    namespace: Option<String>,
    port: u16,
}

/// A mirror that has a rule, and its service.
struct Copied<'c> {
    /// The index of the mirror in its release.
    index: usize,
    mirror: &'c Mirror,
    backend: Backend,
}

/// A release that routes by a header, and where its requests go.
struct Routed<'a, 'c> {
    subject: &'a Subject<'c>,
    header: &'a str,
    /// The address of each version by the flags, in order.
    versions: Vec<Option<Address>>,
    mirrors: Vec<Copied<'c>>,
}

/// The cluster of a mirror.
pub struct MirrorCluster {
    /// The index of the release in the configuration.
    pub release: usize,
    /// The index of the mirror in the release.
    pub mirror: usize,
    /// The name of the cluster in Envoy Gateway.
    pub cluster: String,
}

/// An HTTPRoute for each service of each release that routes by a header.
pub fn render(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    let all = routed(about, about.routed_by_header(Kind::HttpRoute)?)?;
    let subjects: Vec<&Subject<'_>> = all.iter().map(|one| one.subject).collect();
    let mut findings = about.unroutable(&subjects);
    findings.extend(all.iter().flat_map(|one| check(about, one)));
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let mut names = about::names(&subjects).into_iter();
    let mut objects = Vec::new();
    for one in &all {
        for (index, service) in one.subject.services.all.iter().enumerate() {
            let name = names.next().unwrap_or_default();
            // One rule is enough for a cluster.
            let mirrors = if index == 0 { &*one.mirrors } else { &[] };
            objects.push(
                about
                    .resource("gateway.networking.k8s.io/v1", "HTTPRoute", &name)
                    .object("spec", spec(about, one, service, mirrors)),
            );
        }
    }
    Ok(about.unrouted(objects))
}

/// The clusters in Envoy Gateway of the mirrors that have a rule in what [`render`] returns.
///
/// # Errors
///
/// A flag names no version and no mirror.
pub fn mirror_clusters(about: &About<'_>) -> Result<Vec<MirrorCluster>, Failure> {
    let subjects = about.routed_by_header(Kind::HttpRoute).unwrap_or_default();
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let all = routed(about, subjects)?;
    let subjects: Vec<&Subject<'_>> = all.iter().map(|one| one.subject).collect();
    let mut names = about::names(&subjects).into_iter();
    let namespace = &about.plugin.namespace;
    let mut clusters = Vec::new();
    for one in &all {
        let route = names
            .by_ref()
            .take(one.subject.services.all.len())
            .collect::<Vec<_>>();
        let route = route.first().map(String::as_str).unwrap_or_default();
        for (rule, copied) in one.mirrors.iter().enumerate() {
            let Backend {
                name,
                namespace: of_service,
                port,
            } = &copied.backend;
            let cluster = if about.args.merge_backends {
                let of_service = of_service.as_ref().unwrap_or(namespace);
                format!("service/{of_service}/{name}/{port}/http")
            } else {
                format!("httproute/{namespace}/{route}/rule/{rule}")
            };
            clusters.push(MirrorCluster {
                release: one.subject.index,
                mirror: copied.index,
                cluster,
            });
        }
    }
    Ok(clusters)
}

/// The findings on what the Gateway API does not allow.
fn check(about: &About<'_>, routed: &Routed<'_, '_>) -> Vec<Finding> {
    let (subject, mirrors) = (routed.subject, &routed.mirrors);
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
    let copied: Vec<&str> = mirrors.iter().map(|one| &*one.mirror.name).collect();
    if let Some((first, second)) = clash(&copied, |mirror| of_version("", mirror)) {
        findings.push(about.finding(
            &path,
            format!(
                "the mirrors `{first}` and `{second}` would have rules of the same name; rename one of them"
            ),
        ));
    }
    if versions.len() + copied.len() >= MOST_RULES {
        let and_mirrors = match copied.len() {
            0 => String::new(),
            1 => " and a mirror".into(),
            many => format!(" and {many} mirrors"),
        };
        findings.push(about.finding(
            &path,
            format!(
                "has {} versions{and_mirrors}, but an HTTPRoute has rules for at most {}; write fewer versions",
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

/// The releases in `all`, with the addresses of their versions and mirrors.
fn routed<'a, 'c>(
    about: &About<'_>,
    all: Vec<(&'a Subject<'c>, &'a str)>,
) -> Result<Vec<Routed<'a, 'c>>, Failure> {
    let places = all.iter().flat_map(|(subject, _)| {
        let release = &subject.release;
        let versions = subject.versions().into_iter();
        let versions = versions.map(|version| Addressee::version(&release.name, version));
        let mirrors = release.mirrors.iter();
        versions.chain(mirrors.map(|mirror| Addressee::mirror(&mirror.cluster, &mirror.name)))
    });
    let flags = assign(&about.args.upstreams, &places.collect::<Vec<_>>())?;
    let address = |flag: Option<&Upstream>| flag.map(|flag| flag.address.clone());
    let mut flags = flags.into_iter().map(address);
    let routed = all.into_iter().map(|(subject, header)| {
        let versions = flags.by_ref().take(subject.versions().len()).collect();
        let mirrors = subject.release.mirrors.iter().enumerate();
        let copied = mirrors.filter_map(|(index, mirror)| {
            let flag = flags.next().flatten();
            let backend = flag.map_or_else(|| of_mirror(&mirror.cluster), |flag| Some(flag.into()));
            Some(Copied {
                index,
                mirror,
                backend: backend?,
            })
        });
        let mirrors = copied.collect();
        Routed {
            subject,
            header,
            versions,
            mirrors,
        }
    });
    Ok(routed.collect())
}

/// The service of a mirror that has a destination. None: its cluster has another name than Istio's, or its host is not
/// in Kubernetes.
fn of_mirror(cluster: &str) -> Option<Backend> {
    let to = Destination::of_cluster(cluster)?;
    let host = to.host.to_ascii_lowercase();
    let (name, namespace) = match *host.split('.').collect::<Vec<_>>() {
        [name] => (name, None),
        [name, namespace, "svc", ..] => (name, Some(namespace)),
        _ => return None,
    };
    let name = to
        .subset
        .map_or_else(|| name.to_owned(), |subset| of_version(name, &subset));
    Some(Backend {
        name,
        namespace: namespace.map(Into::into),
        port: to.port,
    })
}

fn spec(
    about: &About<'_>,
    routed: &Routed<'_, '_>,
    service: &Service,
    mirrors: &[Copied<'_>],
) -> Object {
    let (subject, header) = (routed.subject, routed.header);
    let versions = subject.versions();
    let to = |version: &str| {
        let place = versions.iter().position(|other| *other == version);
        let address = place
            .and_then(|place| routed.versions.get(place))
            .and_then(Option::as_ref);
        [backend(about, service, version, address).written(about)]
    };
    let matched = |rule: Object, value: &str| {
        let matched = Object::new()
            .field("type", "Exact")
            .field("name", header)
            .field("value", value);
        rule.list("matches", [Object::new().list("headers", [matched])])
    };
    let mut rules: Vec<Object> = mirrors
        .iter()
        .map(|copied| {
            let name = &copied.mirror.name;
            let comment = format!(
                "For the copies of the mirror {name}: Envoy Gateway has clusters only of rules. No version can have this \
                 value. Keep the rules of mirrors first and in this order: their clusters are named by their index."
            );
            Object::new()
                .comment(&comment)
                .field("name", of_version("mirror", name))
                .with(|rule| matched(rule, &format!("mirror:{name}")))
                .list("backendRefs", [copied.backend.written(about)])
        })
        .collect();
    rules.extend(versions.iter().map(|version| {
        Object::new()
            .field("name", of_version("version", version))
            .with(|rule| matched(rule, version))
            .list("backendRefs", to(version))
    }));
    rules.push(
        Object::new()
            .comment(
                "Requests that Halftone did not see. Keep this rule: Envoy Gateway runs Halftone by it, because a request \
                 has no decision yet when Envoy selects its first route. Without it the request gets 404.",
            )
            .field("name", "undecided")
            .list("backendRefs", to(&subject.principal)),
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
            "Each version has its own Service. The order of the rules does not matter for requests: the most specific match wins, and \
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
) -> Backend {
    if let Some(address) = address {
        return address.into();
    }
    let (name, namespace) = name_and_namespace(&service.host);
    Backend {
        name: of_version(name, version),
        namespace: namespace.map(Into::into),
        port: about.args.port.unwrap_or(DEFAULT_PORT),
    }
}

impl From<&Address> for Backend {
    fn from(address: &Address) -> Self {
        let mut labels = address.host.split('.');
        Self {
            name: labels.next().unwrap_or_default().into(),
            namespace: labels.next().map(Into::into),
            port: address.port,
        }
    }
}

impl From<Address> for Backend {
    fn from(address: Address) -> Self {
        Self::from(&address)
    }
}

impl Backend {
    fn written(&self, about: &About<'_>) -> Object {
        let namespace = self.namespace.as_ref();
        let another = namespace.filter(|namespace| **namespace != about.plugin.namespace);
        Object::new()
            .field("name", &self.name)
            .optional("namespace", another)
            .field("port", self.port)
    }
}
