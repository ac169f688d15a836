//! Which services a release is of.
//!
//! A release claims hosts, several of which may be one service: `reviews`, `reviews.bookinfo` and
//! `reviews.bookinfo.svc.cluster.local` are. Others are none: `reviews.example.com` at a gateway,
//! `*.example.com`. The rules here are those by which Kubernetes resolves names.

use std::sync::Arc;

use halftone::release::Release;
use halftone_resources::qualified;

use super::flags::OfService;
use crate::outcome::Failure;

/// The services of a release.
#[derive(Debug)]
pub struct Services {
    /// At least one, in the order of the hosts.
    pub all: Vec<Service>,
    /// The places of hosts that may belong to any of several services.
    pub strays: Vec<usize>,
    /// Whether no host and no flag named one, so that the release's own name stands in.
    pub is_guess: bool,
}

/// A service, and the hosts of a release that are requests for it.
#[derive(Debug)]
pub struct Service {
    /// Its full name.
    pub host: String,
    /// As the release claims them.
    pub hosts: Vec<String>,
    /// What a VirtualService calls them: the service once, by its full name.
    pub routed: Vec<String>,
}

/// What the flags say.
#[derive(Debug)]
pub struct Flags<'f>(Vec<(&'f str, &'f str)>);

impl<'f> Flags<'f> {
    /// Of these releases.
    ///
    /// # Errors
    ///
    /// When a flag is for no release, or does not say for which.
    pub fn new(flags: &'f [OfService], releases: &'f [Arc<Release>]) -> Result<Self, Failure> {
        let names: Vec<&str> = releases.iter().map(|release| &*release.name).collect();
        let of = |flag: &'f OfService| match (&flag.release, names.as_slice()) {
            (None, [one]) => Ok((*one, flag.host.as_str())),
            (Some(name), _) if names.contains(&name.as_str()) => {
                Ok((name.as_str(), flag.host.as_str()))
            }
            (Some(name), _) => Err(Failure::Usage(format!(
                "--service {name}={}: there is no release {name}; the releases are {}",
                flag.host,
                names.join(", ")
            ))),
            (None, _) => Err(Failure::Usage(format!(
                "--service {0}: say of which release, as RELEASE={0}; the releases are {1}",
                flag.host,
                names.join(", ")
            ))),
        };
        flags.iter().map(of).collect::<Result<_, _>>().map(Self)
    }

    /// The services of the release `name`, which claims `hosts`.
    pub fn services(&self, name: &str, hosts: &[String], namespace: &str) -> Services {
        let flag = self.0.iter().rev().find(|(release, _)| *release == name);
        if let Some((_, host)) = flag {
            return Services::one(qualified(host, namespace), hosts, namespace);
        }
        let named: Vec<Option<String>> = hosts
            .iter()
            .map(|host| named(host, hosts, namespace))
            .collect();
        let mut all: Vec<Service> = Vec::new();
        for (host, service) in hosts.iter().zip(&named) {
            let Some(service) = service else { continue };
            match all.iter_mut().find(|known| known.host == *service) {
                Some(known) => known.hosts.push(host.clone()),
                None => all.push(Service {
                    host: service.clone(),
                    hosts: vec![host.clone()],
                    routed: vec![service.clone()],
                }),
            }
        }
        match all.as_slice() {
            [] => Services {
                is_guess: true,
                ..Services::one(qualified(name, namespace), hosts, namespace)
            },
            [one] => Services::one(one.host.clone(), hosts, namespace),
            _ => Services {
                strays: (0..)
                    .zip(&named)
                    .filter(|(_, named)| named.is_none())
                    .map(|(place, _)| place)
                    .collect(),
                all,
                is_guess: false,
            },
        }
    }
}

impl Services {
    /// All hosts are requests for the service `host`.
    fn one(host: String, hosts: &[String], namespace: &str) -> Self {
        let mut routed: Vec<String> = Vec::new();
        for claimed in hosts {
            let name = named(claimed, hosts, namespace).unwrap_or_else(|| claimed.clone());
            if !routed.contains(&name) {
                routed.push(name);
            }
        }
        Self {
            all: vec![Service {
                host,
                hosts: hosts.to_vec(),
                routed,
            }],
            strays: Vec::new(),
            is_guess: false,
        }
    }
}

/// The full name of the service that `host`, one of `hosts`, is a name of.
fn named(host: &str, hosts: &[String], namespace: &str) -> Option<String> {
    let is_label = |label: &str| {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_inner)
    };
    let labels: Vec<&str> = host.split('.').collect();
    if !labels.iter().all(|label| is_label(label)) {
        return None;
    }
    let is_full = |other: &&String| {
        other
            .strip_prefix(host)
            .is_some_and(|rest| rest.starts_with('.'))
            && matches!(*other.split('.').collect::<Vec<_>>(), [_, _, "svc", _, ..])
    };
    match *labels {
        [_, _, "svc", _, ..] => Some(host.into()),
        [name, namespace, "svc"] => Some(qualified(name, namespace)),
        [_] | [_, _] if hosts.iter().any(|other| is_full(&other)) => {
            hosts.iter().find(is_full).cloned()
        }
        [name] => {
            let elsewhere =
                hosts
                    .iter()
                    .find_map(|other| match *other.split('.').collect::<Vec<_>>() {
                        [first, other] if first == name => Some(other),
                        _ => None,
                    });
            Some(qualified(name, elsewhere.unwrap_or(namespace)))
        }
        [name, of] if of == namespace || hosts.iter().any(|other| other == name) => {
            Some(qualified(name, of))
        }
        _ => None,
    }
}
