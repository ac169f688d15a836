//! The clusters: one for each version of each release, and one for each mirror. A release of several services has
//! them for each service.

use std::net::IpAddr;

use halftone::destination::Destination;
use halftone::release::Route;
use halftone_resources::service::name_and_namespace;

use super::socket;
use crate::outcome::Failure;
use crate::verbs::render::DEFAULT_PORT;
use crate::verbs::render::about::{About, Subject};
use crate::verbs::render::flags::Address;
use crate::verbs::render::names::{of_version, unique};
use crate::verbs::render::services::Service;
use crate::verbs::render::upstreams::{Addressee, assign};
use crate::verbs::render::yaml::Object;

/// The protocol options of a cluster.
const PROTOCOL: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A cluster.
pub struct Cluster {
    /// The name.
    pub name: String,
    /// Whether its endpoints take HTTP/2 only.
    pub is_http2: bool,
    address: Address,
    is_guess: bool,
}

/// The part of a release with clusters of its own: a service, or the release.
pub struct Part<'s> {
    /// The short name of the service, and the service. None: the release has one.
    pub of_service: Option<(String, &'s Service)>,
    subject: &'s Subject<'s>,
}

/// The parts of a release.
pub fn parts<'s>(subject: &'s Subject<'s>) -> Vec<Part<'s>> {
    let services = &subject.services.all;
    let is_by_header = matches!(subject.release.route, Route::Header(_));
    // The host `*` leads to one place, whatever the services are.
    if services.len() < 2 || !is_by_header || subject.hosts.iter().any(|host| host == "*") {
        return vec![Part {
            of_service: None,
            subject,
        }];
    }
    let short = services
        .iter()
        .map(|service| name_and_namespace(&service.host).0);
    let names = unique(short.zip(services.iter().map(|service| service.host.as_str())));
    let each = names.into_iter().zip(services);
    each.map(|of_service| Part {
        of_service: Some(of_service),
        subject,
    })
    .collect()
}

impl Part<'_> {
    /// A version of it, with the name of its cluster.
    pub fn addressee(&self, version: &str) -> Addressee {
        let release = &self.subject.release.name;
        match &self.of_service {
            Some((service, _)) => Addressee::of_service(release, service, version),
            None => Addressee::version(release, version),
        }
    }

    /// The address of a version, if each version has its own service.
    fn guess(&self, about: &About<'_>, version: &str) -> Address {
        let services = &self.subject.services;
        let service = match &self.of_service {
            Some((_, service)) => Some(*service),
            None => services.all.first().filter(|_| !services.is_guess),
        };
        let host = service.map_or(&*self.subject.release.name, |service| &service.host);
        address(
            &part(host, version),
            about.args.port.unwrap_or(DEFAULT_PORT),
        )
    }
}

/// All clusters, each once. A mirror can use the cluster of a version.
///
/// # Errors
///
/// A flag names no cluster, or several.
pub fn all(about: &About<'_>) -> Result<Vec<Cluster>, Failure> {
    let mut places = Vec::new();
    let mut guesses = Vec::new();
    for subject in &about.releases {
        for part in parts(subject) {
            for version in &subject.release.versions {
                places.push(part.addressee(version.name()));
                let own = version.authority().map(|authority| {
                    let port = about.args.port.unwrap_or(DEFAULT_PORT);
                    Address::read(authority).unwrap_or_else(|| address(authority, port))
                });
                guesses.push(own.unwrap_or_else(|| part.guess(about, version.name())));
            }
        }
    }
    for mirror in about
        .releases
        .iter()
        .flat_map(|subject| &subject.release.mirrors)
    {
        if places.iter().all(|place| place.name != *mirror.cluster) {
            places.push(Addressee::mirror(&mirror.cluster, &mirror.name));
            guesses.push(of_mirror(&mirror.cluster));
        }
    }
    let said = assign(&about.args.upstreams, &places)?;
    let all = places.iter().zip(guesses).zip(said);
    Ok(all
        .map(|((place, guess), said)| Cluster {
            name: place.name.clone(),
            is_http2: said.is_some_and(|said| said.is_http2),
            is_guess: said.is_none(),
            address: said.map_or(guess, |said| said.address.clone()),
        })
        .collect())
}

fn address(host: &str, port: u16) -> Address {
    Address {
        host: host.into(),
        port,
    }
}

/// The host of a subset of the service `host`, if each subset has its own service.
fn part(host: &str, subset: &str) -> String {
    match host.split_once('.') {
        Some((name, rest)) => format!("{}.{rest}", of_version(name, subset)),
        None => of_version(host, subset),
    }
}

fn of_mirror(cluster: &str) -> Address {
    match Destination::of_cluster(cluster) {
        Some(Destination {
            host,
            port,
            subset: Some(subset),
        }) => address(&part(&host, &subset), port),
        Some(Destination {
            host,
            port,
            subset: None,
        }) => address(&host, port),
        None => {
            let is_plain = |character: char| {
                character.is_ascii_alphanumeric() || matches!(character, '-' | '.')
            };
            address(
                &cluster.replace(|character| !is_plain(character), "-"),
                DEFAULT_PORT,
            )
        }
    }
}

impl Cluster {
    /// The cluster, with these fields first.
    pub fn render(&self, first: Object) -> Object {
        let Address { host, port } = &self.address;
        let kind = match host.parse::<IpAddr>() {
            Ok(_) => "STATIC",
            Err(_) => "STRICT_DNS",
        };
        let endpoint = Object::new().object(
            "endpoint",
            Object::new().object("address", socket(host, *port)),
        );
        let endpoints = Object::new().list("lb_endpoints", [endpoint]);
        let assignment = Object::new()
            .field("cluster_name", &self.name)
            .list("endpoints", [endpoints]);
        let cluster = Object::new();
        let cluster = if self.is_guess {
            cluster.comment(&format!(
                "Choose: the address of this cluster. Set it with --upstream {}=HOST:PORT.",
                self.name
            ))
        } else {
            cluster
        };
        let cluster = cluster
            .then(first)
            .field("name", &self.name)
            .field("type", kind);
        let cluster = if self.is_http2 {
            cluster.object("typed_extension_protocol_options", http2())
        } else {
            cluster
        };
        cluster.object("load_assignment", assignment)
    }
}

/// HTTP/2, without the choice of HTTP/1.1.
fn http2() -> Object {
    let options = Object::new().field("allow_connect", true);
    let explicit = Object::new().object("http2_protocol_options", options);
    let options = Object::new()
        .field("@type", format!("type.googleapis.com/{PROTOCOL}"))
        .object("explicit_http_config", explicit);
    Object::new().object(PROTOCOL, options)
}
