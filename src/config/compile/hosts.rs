//! The hosts that releases claim.

use crate::config::path::Path;
use crate::config::punycode::ascii_host;
use crate::config::quoted::{quoted, quoted_whole};
use crate::config::violation::Violations;
use crate::config::{ReleaseConfig, ServiceConfig};
use crate::release::{HostPattern, Hosts};

use super::names::{self, expected_got, is_host_byte};

/// The longest name that DNS allows, in bytes, without a dot at its end.
const LONGEST_HOST: usize = 253;

/// What the releases of a configuration claim, in whatever proxy.
#[derive(Debug, Default)]
pub struct Claims {
    hosts: Hosts<Claim>,
    /// The releases that claim a service by its name alone, in the service's namespace.
    short: Hosts<Claimants>,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    release: usize,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Host,
    /// A host that can have other spellings. They were other hosts once, so a release can claim several.
    Spelling,
    Service,
}

/// The first and the last release that claim a name. They are all that is needed to find another one
/// than a given release.
#[derive(Clone, Copy, Debug)]
struct Claimants {
    first: usize,
    last: usize,
}

impl Claims {
    /// Adds the hosts and the services of the release at `path`. `index` is its index.
    pub fn add(
        &mut self,
        release: &ReleaseConfig,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        self.add_hosts(release, index, &path.field("hosts"), violations);
        let path = path.field("services");
        if release.services.as_ref().is_some_and(Vec::is_empty) {
            let message = "empty; write at least one service, such as services: [ { name: \"reviews\", namespace: \"bookinfo\" } ]";
            violations.add(&path, message);
        }
        for (place, one) in release.services.iter().flatten().enumerate() {
            self.add_service(one, index, &path.index(place), violations);
        }
    }

    fn add_hosts(
        &mut self,
        release: &ReleaseConfig,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let problem = match &release.hosts {
            None if release.services.is_none() => Some("missing"),
            Some(hosts) if hosts.is_empty() => Some("empty"),
            _ => None,
        };
        if let Some(problem) = problem {
            let message = format!(
                "{problem}; write at least one host, such as hosts: [\"reviews\"], or [\"*\"] for all hosts"
            );
            violations.add(path, message);
        }
        for (place, host) in release.hosts.iter().flatten().enumerate() {
            let path = path.index(place);
            if !host_pattern(host, &path, violations) {
                continue;
            }
            let by = if host.ends_with('.') || host.starts_with('[') {
                By::Spelling
            } else {
                By::Host
            };
            let short = self.short.find(host.as_bytes());
            let short = short.and_then(|claimants| claimants.other_than(index));
            let before = self.hosts.insert(host, Claim { release: index, by });
            let other = before.map(|before| before.release);
            if let Some(other) = other.filter(|other| *other != index).or(short) {
                violations.add(&path, claimed_already(other, host));
            } else if by == By::Host && before.is_some_and(|before| before.by == By::Host) {
                let message = format!(
                    "{} is in this array already; omit it (case is ignored)",
                    quoted(host)
                );
                violations.add(&path, message);
            }
        }
    }

    fn add_service(
        &mut self,
        service: &ServiceConfig,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let name = service_label(
            service.name.as_deref(),
            "name of the service, such as name: \"reviews\"",
            &path.field("name"),
            violations,
        );
        service_label(
            service.namespace.as_deref(),
            "namespace of the service, such as namespace: \"bookinfo\"",
            &path.field("namespace"),
            violations,
        );
        let names = service.names();
        if let Some(domain) = &service.cluster_domain {
            let is_too_long = |[_, _, full]: &[String; 3]| full.len() > LONGEST_HOST;
            if !is_name(domain) || names.as_ref().is_some_and(is_too_long) {
                let message = expected_got(r#"a domain such as "cluster.local""#, domain);
                violations.add(&path.field("clusterDomain"), message);
                return;
            }
        }
        let Some(names) = names else { return };
        if let Some(other) = self.add_short(name, index) {
            violations.add(path, claimed_already(other, name));
            return;
        }
        let claim = Claim {
            release: index,
            by: By::Service,
        };
        let mut is_there = false;
        for name in &names {
            let Some(before) = self.hosts.insert(name, claim) else {
                is_there = false;
                continue;
            };
            if before.release != index {
                violations.add(path, claimed_already(before.release, name));
                return;
            }
            is_there = before.by == By::Service;
        }
        if is_there {
            let [name, _, _] = names;
            let message = format!("{} is in this array already; omit it", quoted(&name));
            violations.add(path, message);
        }
    }

    /// Adds the name of a service alone. Returns another release that claims it as a host.
    fn add_short(&mut self, name: &str, index: usize) -> Option<usize> {
        let claimants = Claimants {
            first: self
                .short
                .find(name.as_bytes())
                .map_or(index, |claimants| claimants.first),
            last: index,
        };
        self.short.insert(name, claimants);
        match self.hosts.claim(name.as_bytes()) {
            Some((HostPattern::Exact(_), claim)) if claim.release != index => Some(claim.release),
            _ => None,
        }
    }
}

impl Claimants {
    fn other_than(self, release: usize) -> Option<usize> {
        [self.first, self.last]
            .into_iter()
            .find(|one| *one != release)
    }
}

fn service_label<'t>(
    label: Option<&'t str>,
    example: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> &'t str {
    let label = names::required(label, path, &format!("the {example}"), violations);
    names::dns_label(label, path, violations);
    label
}

fn claimed_already(release: usize, host: &str) -> String {
    format!(
        "releases[{release}] claims {} already; omit it here or there",
        quoted(host)
    )
}

/// A host of a release: exact, `*.suffix` or `*`. False: it is none of these.
fn host_pattern(pattern: &str, path: &Path<'_>, violations: &mut Violations) -> bool {
    if is_host_pattern(pattern) {
        return true;
    }
    violations.add(path, not_a_pattern(pattern));
    false
}

fn not_a_pattern(pattern: &str) -> String {
    let without_port = pattern.rsplit_once(':').filter(|(host, port)| {
        is_host_pattern(host) && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    if let Some((host, _)) = without_port {
        return format!("{} has a port; omit it: {}", quoted(pattern), quoted(host));
    }
    let meant = as_host_pattern(pattern);
    if !meant.is_ascii()
        && let Some(ascii) = ascii_host(&meant).filter(|ascii| is_host_pattern(ascii))
    {
        return format!(
            "{} has letters outside ASCII, which clients send as Punycode; write {}",
            quoted(pattern),
            quoted(&ascii)
        );
    }
    let expected = r#"a host such as "reviews", "*.example.com" or "*""#;
    let mut message = expected_got(expected, pattern);
    if is_host_pattern(&meant)
        && let Some(meant) = quoted_whole(&meant)
    {
        message.push_str("; write ");
        message.push_str(&meant);
    }
    message
}

fn is_host_pattern(pattern: &str) -> bool {
    let is_v6 = pattern
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(is_v6);
    pattern == "*" || is_v6 || is_name(pattern.strip_prefix("*.").unwrap_or(pattern))
}

fn is_v6(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok()
}

/// Whether `host` is a name, with or without a dot at its end.
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut labels = host.split('.');
    host.len() <= LONGEST_HOST
        && labels.all(|label| !label.is_empty() && label.bytes().all(is_host_byte))
}

/// The host pattern that was probably meant by an URL, by a suffix without its `*.`, or by an address
/// without its brackets.
fn as_host_pattern(pattern: &str) -> String {
    let host = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    if is_v6(host) {
        return format!("[{host}]");
    }
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let suffix = host
        .strip_prefix('*')
        .unwrap_or(host)
        .trim_start_matches('.');
    if host.starts_with(['*', '.']) && !suffix.starts_with('[') {
        format!("*.{suffix}")
    } else {
        suffix.into()
    }
}
