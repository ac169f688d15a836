//! The hosts that releases claim.

use crate::config::ReleaseConfig;
use crate::config::path::Path;
use crate::config::punycode::ascii_host;
use crate::config::quoted::{quoted, quoted_whole};
use crate::config::violation::Violations;
use crate::release::Hosts;

use super::names::{expected_got, is_host_byte};

/// The longest name that DNS allows, in bytes, without a dot at its end.
const LONGEST_HOST: usize = 253;

/// What the releases of a configuration claim.
#[derive(Debug, Default)]
pub struct Claims {
    hosts: Hosts<Claim>,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    release: usize,
    /// Whether the release may claim the same host again. It may for an address and for a name with a
    /// dot at its end: such a host can have other spellings, which were other hosts once.
    can_repeat: bool,
}

impl Claims {
    /// Adds the hosts of the release at `path`. `index` is its index.
    pub fn add(
        &mut self,
        release: &ReleaseConfig,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let path = path.field("hosts");
        if release.hosts.as_ref().is_none_or(Vec::is_empty) {
            let problem = release.hosts.as_ref().map_or("missing", |_| "empty");
            let message = format!(
                "{problem}; write at least one host, such as hosts: [\"reviews\"], or [\"*\"] for all hosts"
            );
            violations.add(&path, message);
        }
        for (place, host) in release.hosts.iter().flatten().enumerate() {
            let path = path.index(place);
            if !host_pattern(host, &path, violations) {
                continue;
            }
            let claim = Claim {
                release: index,
                can_repeat: host.ends_with('.') || host.starts_with('['),
            };
            match self.hosts.insert(host, claim) {
                Some(other) if other.release != index => {
                    violations.add(&path, claimed_already(other.release, host));
                }
                Some(other) if !other.can_repeat && !claim.can_repeat => {
                    let message = format!(
                        "{} is in this array already; omit it (case is ignored)",
                        quoted(host)
                    );
                    violations.add(&path, message);
                }
                _ => {}
            }
        }
    }
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
