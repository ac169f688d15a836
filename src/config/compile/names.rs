//! The names that a configuration may use, and why not others.
//!
//! Names end up in headers, metrics and logs. What they may hold is decided here, once, so that
//! nothing that is written there on a request needs checking.

use crate::config::violation::{Path, Violations};
use crate::lookup::Lookup;
use crate::mirror::is_never_copied;

/// Headers that a request cannot do without, or that the proxy itself obeys. A routing header is
/// removed where nobody claims the host: under one of these names that would be an outage.
const NOT_FOR_ROUTING: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-halftone-mirror",
];

/// Stands in for a name that is missing. It is right everywhere, so that one mistake is told once.
pub const STAND_IN: &str = "missing";

/// A text that must be there. Where it is not, the violation says what to do.
pub fn required<'t>(
    text: Option<&'t str>,
    path: &Path<'_>,
    allowed: &str,
    violations: &mut Violations,
) -> &'t str {
    text.unwrap_or_else(|| {
        violations.add(path, "is missing", allowed);
        STAND_IN
    })
}

/// A text that must not be empty.
pub fn not_empty(text: &str, path: &Path<'_>, allowed: &str, violations: &mut Violations) {
    if text.is_empty() {
        violations.add(path, "is empty", allowed);
    }
}

/// The name of a release: a DNS label.
pub fn dns_label(name: &str, path: &Path<'_>, violations: &mut Violations) {
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let bytes = name.as_bytes();
    if !(bytes.len() <= 63
        && bytes.iter().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last()))
    {
        let wrong = format!("`{}` is not a DNS label", shown(name));
        violations.add(
            path,
            wrong,
            "use up to 63 of a-z, 0-9 and -, a letter or digit first and last",
        );
    }
}

/// The name of a version or a rule: what Kubernetes allows as the value of a label.
pub fn label_value(name: &str, path: &Path<'_>, violations: &mut Violations) {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    if !(bytes.len() <= 63
        && bytes.iter().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last()))
    {
        let wrong = format!("`{}` is not a name", shown(name));
        violations.add(
            path,
            wrong,
            "use up to 63 of a-z, A-Z, 0-9, -, _ and ., a letter or digit first and last",
        );
    }
}

/// A header's name, in lower case as the proxy has it.
pub fn header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    if name.starts_with(':') {
        let allowed = "use hosts, path or method for what pseudo-headers say";
        violations.add(
            path,
            format!("`{}` is a pseudo-header", shown(name)),
            allowed,
        );
    } else {
        token(name, "a header's name", path, violations);
    }
    name.to_ascii_lowercase().into()
}

/// The name of a header to route by, in lower case.
pub fn routing_header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    let name = header(name, path, violations);
    if NOT_FOR_ROUTING.contains(&&*name) || name.starts_with("x-envoy-") {
        let wrong = format!(
            "`{name}` means something to the proxy or the service, and would be removed from requests"
        );
        violations.add(path, wrong, "name a header that is used for nothing else");
    }
    name
}

/// The name of a header of a copy, in lower case: one that a copy can have.
pub fn copied_header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    let name = header(name, path, violations);
    if &*name == "host" {
        violations.add(path, "`host` is the :authority", "use authority for it");
    } else if is_never_copied(&name) {
        let wrong = format!("`{name}` is Halftone's or the proxy's own in a copy");
        violations.add(path, wrong, "leave it away");
    }
    name
}

/// A header's value (RFC 9110, section 5.5): a line of text.
pub fn header_value(value: &str, path: &Path<'_>, violations: &mut Violations) {
    let is_in_line = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    if !value.bytes().all(is_in_line) {
        let wrong = format!("`{}` is more than a line of text", shown(value));
        violations.add(path, wrong, "leave line ends and control characters away");
    }
}

/// A request's method.
pub fn method(method: &str, path: &Path<'_>, violations: &mut Violations) {
    token(method, "a method", path, violations);
    if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let wrong = format!("`{}` is not in upper case", shown(method));
        violations.add(path, wrong, "write it as requests do: GET");
    }
}

/// The full name of a service.
pub fn service(host: &str, path: &Path<'_>, violations: &mut Violations) {
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_host_byte) {
        let wrong = format!("`{}` is not a service", shown(host));
        let allowed = "write it as reviews.bookinfo.svc.cluster.local";
        violations.add(path, wrong, allowed);
    }
}

/// A cluster's name, which is anything in one line.
pub fn cluster(name: &str, path: &Path<'_>, violations: &mut Violations) {
    if name.is_empty() || name.chars().any(char::is_control) {
        let wrong = format!("`{}` is not a cluster's name", shown(name));
        violations.add(path, wrong, "give the name that Envoy has for it");
    }
}

/// A cookie's name. Its case matters.
pub fn cookie(name: &str, path: &Path<'_>, violations: &mut Violations) {
    token(name, "a cookie's name", path, violations);
}

/// The domain of a cookie.
pub fn cookie_domain(domain: &str, path: &Path<'_>, violations: &mut Violations) {
    if domain.is_empty() || !domain.bytes().all(is_host_byte) {
        violations.add(
            path,
            format!("`{}` is not a domain", shown(domain)),
            "write it as example.com",
        );
    }
}

/// A host of a release: exact, `*.suffix` or `*`.
pub fn host_pattern(pattern: &str, path: &Path<'_>, violations: &mut Violations) {
    const ALLOWED: &str = "write it as reviews, *.example.com or *";
    let host = pattern.strip_prefix("*.").unwrap_or(pattern);
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok());
    if pattern == "*" || is_v6 {
        return;
    }
    if let Some((name, port)) = host.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && name.bytes().all(is_host_byte)
    {
        violations.add(
            path,
            format!("`{}` has a port", shown(pattern)),
            "leave the port away; a host is claimed on all ports",
        );
    } else if host.is_empty()
        || host.len() > 253
        || host.starts_with('.')
        || !host.bytes().all(is_host_byte)
    {
        violations.add(path, format!("`{}` is not a host", shown(pattern)), ALLOWED);
    }
}

/// What a request's `:authority` is rewritten to: `host` or `host:port`.
pub fn authority(authority: &str, path: &Path<'_>, violations: &mut Violations) {
    let (host, port) = authority
        .rsplit_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let host_is_plain = !host.is_empty() && host.bytes().all(is_host_byte);
    let port_is_one = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !(host_is_plain && port_is_one) {
        let wrong = format!("`{}` is not a host", shown(authority));
        violations.add(
            path,
            wrong,
            "write it as reviews-v1.bookinfo.svc.cluster.local, with :port if need be",
        );
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// RFC 9110's token, which names of headers and of cookies are.
fn token(name: &str, what: &str, path: &Path<'_>, violations: &mut Violations) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(allowed) {
        let wrong = format!("`{}` is not {what}", shown(name));
        violations.add(path, wrong, "use letters, digits and !#$%&'*+-.^_`|~");
    }
}

/// A text of the configuration, in a form that a line of a log can carry.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The names of a list's items, which must differ from one another.
pub struct Unique {
    list: &'static str,
    item: &'static str,
    first: Lookup<usize>,
}

impl Unique {
    /// Of the list `list`, each of whose items is a `item`.
    pub fn new(list: &'static str, item: &'static str) -> Self {
        Self {
            list,
            item,
            first: Lookup::default(),
        }
    }

    /// Takes in the name of the item at `path`, the `index`-th, if it has one.
    pub fn insert(
        &mut self,
        name: Option<&str>,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let Some(name) = name else { return };
        if let Some(first) = self.first.insert(name.as_bytes().into(), index) {
            let wrong = format!("`{name}` is the name of {}[{first}] too", self.list);
            let allowed = format!("give each {} a name of its own", self.item);
            violations.add(&path.field("name"), wrong, allowed);
        }
    }
}
