//! The clusters: one for each version of each release, and one for each mirror.

use std::net::IpAddr;

use halftone::destination::Destination;

use super::socket;
use crate::outcome::Failure;
use crate::verbs::render::DEFAULT_PORT;
use crate::verbs::render::about::{About, Subject};
use crate::verbs::render::flags::Address;
use crate::verbs::render::names::of_version;
use crate::verbs::render::upstreams::{Addressee, assign};
use crate::verbs::render::yaml::Object;

/// The name of the cluster of a version.
pub fn cluster(release: &str, version: &str) -> String {
    Addressee::version(release, version).name
}

/// All clusters, each once. A mirror can use the cluster of a version.
///
/// # Errors
///
/// A flag names no cluster, or several.
pub fn render(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    let mut places = Vec::new();
    let mut guesses = Vec::new();
    for subject in &about.releases {
        for version in &subject.release.versions {
            places.push(Addressee::version(&subject.release.name, version.name()));
            let own = version.authority().map(|authority| {
                let port = about.args.port.unwrap_or(DEFAULT_PORT);
                Address::read(authority).unwrap_or_else(|| address(authority, port))
            });
            guesses.push(own.unwrap_or_else(|| guess(about, subject, version.name())));
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
        .map(|((place, guess), said)| one(place, guess, said))
        .collect())
}

fn address(host: &str, port: u16) -> Address {
    Address {
        host: host.into(),
        port,
    }
}

/// The address of a version, if each version has its own service.
fn guess(about: &About<'_>, subject: &Subject<'_>, version: &str) -> Address {
    let host = subject
        .services
        .all
        .first()
        .map(|service| service.host.as_str());
    let host = host
        .filter(|_| !subject.services.is_guess)
        .unwrap_or(&subject.release.name);
    address(
        &part(host, version),
        about.args.port.unwrap_or(DEFAULT_PORT),
    )
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

fn one(place: &Addressee, guess: Address, said: Option<Address>) -> Object {
    let is_guess = said.is_none();
    let Address { host, port } = said.unwrap_or(guess);
    let kind = match host.parse::<IpAddr>() {
        Ok(_) => "STATIC",
        Err(_) => "STRICT_DNS",
    };
    let endpoint = Object::new().object(
        "endpoint",
        Object::new().object("address", socket(&host, port)),
    );
    let endpoints = Object::new().list("lb_endpoints", [endpoint]);
    let assignment = Object::new()
        .field("cluster_name", &place.name)
        .list("endpoints", [endpoints]);
    let cluster = Object::new();
    let cluster = if is_guess {
        cluster.comment(&format!(
            "Choose: the address of this cluster. Set it with --upstream {}=HOST:PORT.",
            place.name
        ))
    } else {
        cluster
    };
    cluster
        .field("name", &place.name)
        .field("type", kind)
        .object("load_assignment", assignment)
}
