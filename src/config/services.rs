//! The services of a release, and the proxy that knows some of them by a short name.

use std::borrow::Cow;

use super::{ReleaseConfig, ServiceConfig};

/// The default of `clusterDomain`.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// What a configuration can depend on beside its text. By default nothing is known of the proxy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proxy<'p> {
    /// The namespace of its workload, whose services it can call by their names alone.
    pub namespace: Option<&'p str>,
    /// The labels of its workload, which `sourceLabels` compares: name and value.
    pub labels: &'p [(String, String)],
    /// The environment variables of the plugin, which `signing.keys` names: name and value.
    pub environment: &'p [(String, Vec<u8>)],
}

impl<'p> Proxy<'p> {
    /// The value of a label.
    pub(super) fn label(self, name: &str) -> Option<&'p str> {
        let mut labels = self.labels.iter();
        let found = labels.find(|(label, _)| label == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of an environment variable.
    pub(super) fn variable(self, name: &str) -> Option<&'p [u8]> {
        let mut environment = self.environment.iter();
        let found = environment.find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.as_slice())
    }
}

impl ReleaseConfig {
    /// Everything that it claims in `proxy`: its hosts, and each name of its services.
    pub fn claimed<'r>(&'r self, proxy: Proxy<'r>) -> impl Iterator<Item = Cow<'r, str>> {
        let hosts = self.hosts.iter().flatten();
        let services = self.services.iter().flatten();
        let names = services.flat_map(move |service| {
            let short = service.short_name(proxy).map(Cow::Borrowed);
            let names = service.names().into_iter().flatten().map(Cow::Owned);
            short.into_iter().chain(names)
        });
        hosts.map(|host| Cow::Borrowed(host.as_str())).chain(names)
    }
}

impl ServiceConfig {
    /// The name by which callers in the namespace of `proxy` call it. None: it is in another namespace.
    fn short_name(&self, proxy: Proxy<'_>) -> Option<&str> {
        let is_near = self.namespace.is_some() && self.namespace.as_deref() == proxy.namespace;
        self.name.as_deref().filter(|_| is_near)
    }

    /// The names by which every caller can call it; the last is the full name. None: its own name or its
    /// namespace is missing.
    #[must_use]
    pub fn names(&self) -> Option<[String; 3]> {
        let (name, namespace) = (self.name.as_deref()?, self.namespace.as_deref()?);
        let domain = self.cluster_domain.as_deref().unwrap_or(CLUSTER_DOMAIN);
        let domain = domain
            .strip_suffix('.')
            .unwrap_or(domain)
            .to_ascii_lowercase();
        Some([
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.{domain}"),
        ])
    }

    /// Its full name: `reviews.bookinfo.svc.cluster.local`. None: its own name or its namespace is
    /// missing.
    #[must_use]
    pub fn full_name(&self) -> Option<String> {
        self.names().map(|[_, _, full]| full)
    }
}
