//! The services that resources name, and the clusters that Istio makes from them.

use std::collections::{BTreeMap, BTreeSet};

use halftone_resources::{Resource, RouteTo};
use serde_json::Value;

use super::{Role, virtual_services};

/// The name of the cluster of a service, or of one of its subsets.
///
/// ```
/// use halftone_lab::istio::cluster;
///
/// assert_eq!(cluster("reviews.bookinfo.svc.cluster.local", 9080, ""),
/// "outbound|9080||reviews.bookinfo.svc.cluster.local");
/// ```
#[must_use]
pub fn cluster(host: &str, port: u16, subset: &str) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// The name of the same cluster at a waypoint, which has no outbound clusters.
///
/// ```
/// use halftone_lab::istio::waypoint_cluster;
///
/// assert_eq!(waypoint_cluster("reviews.bookinfo.svc.cluster.local", 9080, "v2"),
/// "inbound-vip|9080|http/v2|reviews.bookinfo.svc.cluster.local");
/// ```
#[must_use]
pub fn waypoint_cluster(host: &str, port: u16, subset: &str) -> String {
    let separator = if subset.is_empty() { "" } else { "/" };
    format!("inbound-vip|{port}|http{separator}{subset}|{host}")
}

/// Services by full name, and the proxy that has their clusters.
#[derive(Debug)]
pub(super) struct Services {
    by_name: BTreeMap<String, Service>,
    role: Role,
}

#[derive(Debug, Default)]
struct Service {
    ports: BTreeSet<u16>,
    subsets: BTreeSet<String>,
}

impl Services {
    /// The services that routes, DestinationRules and the mirrors of plugins name.
    pub(super) fn named_by(
        resources: &[Resource],
        role: &Role,
        problems: &mut Vec<String>,
    ) -> Self {
        let mut services = Self {
            by_name: BTreeMap::new(),
            role: role.clone(),
        };
        for service in virtual_services(resources) {
            for to in service.http.iter().flat_map(|route| &route.route) {
                let port = to.destination.port.map(|port| port.number);
                services.name(&to.destination.host, port);
            }
        }
        for (host, port) in resources.iter().flat_map(mirrored) {
            services.name(&host, Some(port));
        }
        for resource in resources {
            let Resource::DestinationRule(rule) = resource else {
                continue;
            };
            let service = services.name(&rule.host, None);
            let subsets = rule.subsets.iter().map(|subset| subset.name.clone());
            service.subsets.extend(subsets);
            if service.ports.is_empty() {
                problems.push(format!(
                    "{resource}: spec.host: no route and no mirror names a port of {}",
                    rule.host
                ));
            }
        }
        services
    }

    fn name(&mut self, host: &str, port: Option<u16>) -> &mut Service {
        let service = self.by_name.entry(host.to_owned()).or_default();
        service.ports.extend(port);
        service
    }

    /// The names of the services.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The cluster of every service and of every subset.
    pub(super) fn clusters(&self) -> Vec<String> {
        let mut clusters = Vec::new();
        for (host, service) in &self.by_name {
            for port in &service.ports {
                clusters.push(self.role.cluster(host, *port, ""));
                let subsets = service.subsets.iter();
                clusters.extend(subsets.map(|subset| self.role.cluster(host, *port, subset)));
            }
        }
        clusters
    }

    /// The cluster of a route's destination, or the wrong field and the problem.
    pub(super) fn cluster_of(&self, to: &RouteTo) -> Result<String, (&'static str, String)> {
        let host = &to.host;
        let service = self.by_name.get(host);
        let port = match to.port {
            Some(port) => port.number,
            None => self.only_port(host).map_err(|what| ("port", what))?,
        };
        let subset = to.subset.as_deref().unwrap_or_default();
        let has_subset = service.is_some_and(|service| service.subsets.contains(subset));
        if !subset.is_empty() && !has_subset {
            let what = format!(
                "no DestinationRule of {host} has the subset {subset}, so Envoy would answer 503"
            );
            return Err(("subset", what));
        }
        Ok(self.role.cluster(host, port, subset))
    }

    /// The cluster of a whole service with one port.
    pub(super) fn cluster_of_all(&self, host: &str) -> Result<String, String> {
        let port = self.only_port(host)?;
        Ok(self.role.cluster(host, port, ""))
    }

    /// The port of a service that has exactly one.
    fn only_port(&self, host: &str) -> Result<u16, String> {
        let ports = self.by_name.get(host).map(|service| &service.ports);
        let ports: Vec<u16> = ports.into_iter().flatten().copied().collect();
        match *ports.as_slice() {
            [port] => Ok(port),
            _ => Err(format!("expected one port of {host}, got {ports:?}")),
        }
    }
}

/// The services that the mirrors of a plugin name, with the ports.
fn mirrored(resource: &Resource) -> Vec<(String, u16)> {
    let list = |value: &Value, name| value.get(name).and_then(Value::as_array).cloned();
    let Some((_, config)) = resource.configuration() else {
        return Vec::new();
    };
    let releases = list(config, "releases").unwrap_or_default();
    let mirrors = releases
        .iter()
        .flat_map(|release| list(release, "mirrors").unwrap_or_default());
    mirrors
        .filter_map(|mirror| {
            let destination = mirror.get("destination")?;
            let port = destination.get("port")?.as_f64()?;
            let host = destination.get("host")?.as_str()?;
            Some((host.to_ascii_lowercase(), port as u16))
        })
        .collect()
}
