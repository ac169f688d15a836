//! The services of a release.
//!
//! A release claims hosts. Several of them can name one service: `reviews`, `reviews.bookinfo` and
//! `reviews.bookinfo.svc.cluster.local`. Others name none: `reviews.example.com` at a gateway, or
//! `*.example.com`. A plugin of a waypoint's service has the host `*`, which means this service.

use std::sync::Arc;

use halftone::release::Release;
use halftone_resources::service::{qualified, service_of};

use super::flags::OfService;
use crate::outcome::Failure;

/// The services of a release.
#[derive(Debug)]
pub struct Services {
    /// The services, at least one, in the order of the hosts.
    pub all: Vec<Service>,
    /// The indices of the hosts that could belong to any of several services.
    pub strays: Vec<usize>,
    /// Whether no host and no flag names a service, so that the release's own name replaces it.
    pub is_guess: bool,
}

/// A service, and the hosts of a release by which clients call it.
#[derive(Debug)]
pub struct Service {
    /// The full name.
    pub host: String,
    /// The hosts that the release claims.
    pub hosts: Vec<String>,
    /// The hosts of the VirtualService. The service appears once, by its full name.
    pub routed: Vec<String>,
}

/// The flags: each a release and its service.
#[derive(Debug)]
pub struct Flags<'f>(Vec<(&'f str, &'f str)>);

impl<'f> Flags<'f> {
    /// The `flags` for these releases.
    ///
    /// # Errors
    ///
    /// A flag names no release, or one that does not exist.
    pub fn new(flags: &'f [OfService], releases: &'f [Arc<Release>]) -> Result<Self, Failure> {
        let names: Vec<&str> = releases.iter().map(|release| &*release.name).collect();
        let of = |flag: &'f OfService| match (&flag.release, names.as_slice()) {
            (None, [one]) => Ok((*one, flag.host.as_str())),
            (Some(name), _) if names.contains(&name.as_str()) => {
                Ok((name.as_str(), flag.host.as_str()))
            }
            (Some(name), _) => Err(Failure::Usage(format!(
                "--service {name}={}: there is no release {name}; write one of {}",
                flag.host,
                names.join(", ")
            ))),
            (None, _) => Err(Failure::Usage(format!(
                "--service {0}: does not name its release; write RELEASE={0}, where RELEASE is one of {1}",
                flag.host,
                names.join(", ")
            ))),
        };
        flags.iter().map(of).collect::<Result<_, _>>().map(Self)
    }

    /// The services of the release `name`, which claims `hosts`. If it claims all, these are the `targets` of its
    /// plugin.
    pub fn services(
        &self,
        name: &str,
        hosts: &[String],
        namespace: &str,
        targets: &[String],
    ) -> Services {
        let flag = self.0.iter().rev().find(|(release, _)| *release == name);
        let flag = flag.map(|(_, host)| qualified(host, namespace));
        if !targets.is_empty() && hosts.iter().any(|host| host == "*") {
            let named = flag.as_ref().map_or(targets, std::slice::from_ref);
            return Services::targets(named, hosts);
        }
        if let Some(host) = flag {
            return Services::one(host, hosts, namespace);
        }
        let named: Vec<Option<String>> = hosts
            .iter()
            .map(|host| service_of(host, hosts, namespace))
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
                    .map(|(index, _)| index)
                    .collect(),
                all,
                is_guess: false,
            },
        }
    }
}

impl Services {
    /// The services of a waypoint, which gets the requests for them whatever their host is.
    fn targets(targets: &[String], hosts: &[String]) -> Self {
        let service = |host: &String| Service {
            host: host.clone(),
            hosts: hosts.to_vec(),
            routed: vec![host.clone()],
        };
        Self {
            all: targets.iter().map(service).collect(),
            strays: Vec::new(),
            is_guess: false,
        }
    }

    /// All `hosts` belong to the service `host`.
    fn one(host: String, hosts: &[String], namespace: &str) -> Self {
        let mut routed: Vec<String> = Vec::new();
        for claimed in hosts {
            let name = service_of(claimed, hosts, namespace).unwrap_or_else(|| claimed.clone());
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
