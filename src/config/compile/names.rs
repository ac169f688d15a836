//! The names that a configuration may use.
//!
//! Names end up in headers, metrics and logs. They are checked here, once, so that nothing that is
//! written there for a request needs checking.

use crate::config::path::Path;
use crate::config::quoted::{quoted, quoted_whole};
use crate::config::violation::Violations;
use crate::lookup::Lookup;
use crate::mirror::is_never_copied;

/// Headers with a meaning of their own: a request cannot do without them, or the proxy, a cache, a
/// tracer or the service reads them. Halftone removes a routing header from requests to hosts that no
/// release claims: for one of these that would be an outage, or would lose its meaning.
const NOT_FOR_ROUTING: [&str; 30] = [
    "authorization",
    "b3",
    "baggage",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-halftone-mirror",
    "x-ot-span-context",
    "x-real-ip",
    "x-request-id",
];

/// The first letters of more such headers.
const NOT_FOR_ROUTING_PREFIXES: [&str; 9] = [
    "accept",
    "content-",
    "grpc-",
    "if-",
    "proxy-",
    "sec-",
    "x-b3-",
    "x-envoy-",
    "x-forwarded-",
];

/// The name that is compiled in place of a missing or wrong one. It is valid everywhere, so that one
/// mistake is reported once, and short, though a wrong name can be as long as the configuration and
/// have thousands of copies.
pub const STAND_IN: &str = "missing";

/// A string that must be there. `example` is what to write if it is missing.
pub fn required<'t>(
    text: Option<&'t str>,
    path: &Path<'_>,
    example: &str,
    violations: &mut Violations,
) -> &'t str {
    text.unwrap_or_else(|| {
        violations.add(path, format!("missing; write {example}"));
        STAND_IN
    })
}

/// A string that must not be empty. `example` is what to write if it is.
pub fn not_empty(text: &str, path: &Path<'_>, example: &str, violations: &mut Violations) {
    if text.is_empty() {
        violations.add(path, format!("empty; write {example}"));
    }
}

/// The name of a release: a DNS label. Returns the stand-in for a name that is none.
pub fn dns_label<'t>(name: &'t str, path: &Path<'_>, violations: &mut Violations) -> &'t str {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !is_label(name, is_allowed) {
        let expected =
            r#"a DNS label (up to 63 of a-z, 0-9 and "-", a letter or digit first and last)"#;
        let fixed = as_label(&name.to_ascii_lowercase(), is_allowed);
        violations.add(path, not_a_label(name, expected, fixed, path));
        return STAND_IN;
    }
    name
}

/// The name of a version, a rule or a mirror: a Kubernetes label value. Returns the stand-in for a
/// name that is none.
pub fn label_value<'t>(name: &'t str, path: &Path<'_>, violations: &mut Violations) -> &'t str {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !is_label(name, is_allowed) {
        let expected = r#"a name (up to 63 of a-z, A-Z, 0-9, "-", "_" and ".", a letter or digit first and last)"#;
        let fixed = as_label(name, is_allowed);
        violations.add(path, not_a_label(name, expected, fixed, path));
        return STAND_IN;
    }
    name
}

fn is_label(name: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.iter().copied().all(is_allowed)
        && is_edge(bytes.first())
        && is_edge(bytes.last())
}

/// `name` with `-` for each byte that is not allowed.
fn as_label(name: &str, is_allowed: impl Fn(u8) -> bool) -> String {
    let allowed = |byte: u8| {
        if is_allowed(byte) {
            char::from(byte)
        } else {
            '-'
        }
    };
    let label: String = name.bytes().take(63).map(allowed).collect();
    let is_no_edge = |character: char| !character.is_ascii_alphanumeric();
    label.trim_matches(is_no_edge).into()
}

fn not_a_label(name: &str, expected: &str, fixed: String, path: &Path<'_>) -> String {
    let message = expected_got(expected, name);
    let is_similar = name
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    match quoted_whole(&fixed) {
        Some(fixed) if is_similar && fixed != "\"\"" => {
            format!("{message}; write {}", path.assign(&fixed))
        }
        _ => message,
    }
}

/// A header's name, in lower case as the proxy has it.
pub fn header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    if name.starts_with(':') {
        let message = format!(
            "{} is a pseudo-header; write the name of a header (hosts, path and method match pseudo-headers)",
            quoted(name)
        );
        violations.add(path, message);
    } else {
        token(name, "a header's name", path, violations);
    }
    name.to_ascii_lowercase().into()
}

/// The name of a header that a condition tests, in lower case.
pub fn tested_header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    let name = header(name, path, violations);
    if &*name == "host" {
        violations.add(
            path,
            "no request has the header `host`: Envoy makes it the `:authority`; write the host in the release's \
             field `hosts` instead",
        );
    }
    name
}

/// The name of a header to route by, in lower case.
pub fn routing_header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    let name = header(name, path, violations);
    let mut prefixes = NOT_FOR_ROUTING_PREFIXES.iter();
    if NOT_FOR_ROUTING.contains(&&*name) || prefixes.any(|prefix| name.starts_with(prefix)) {
        let message = format!(
            "Envoy or the service uses {}, and Halftone removes the routing header from requests that it does not \
             route; write a header that nothing else uses, such as \"x-halftone-version\"",
            quoted(&name)
        );
        violations.add(path, message);
    }
    name
}

/// The name of a header of a copy, in lower case: one that a copy can have.
pub fn copied_header(name: &str, path: &Path<'_>, violations: &mut Violations) -> Box<str> {
    let name = header(name, path, violations);
    if &*name == "host" {
        violations.add(
            path,
            "`host` is the `:authority`; write the mirror's field `authority` instead",
        );
    } else if is_never_copied(&name) {
        let message = format!(
            "Halftone or Envoy controls {} in a copy; omit it",
            quoted(&name)
        );
        violations.add(path, message);
    }
    name
}

/// A header's value (RFC 9110, section 5.5): one line of text.
pub fn header_value(value: &str, path: &Path<'_>, violations: &mut Violations) {
    let is_in_line = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    if !value.bytes().all(is_in_line) {
        let message = expected_got("one line of text", value);
        violations.add(
            path,
            format!("{message}; omit line ends and control characters"),
        );
    }
}

/// A request's method.
pub fn method(method: &str, path: &Path<'_>, violations: &mut Violations) {
    token(method, "a method", path, violations);
    if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let message = format!(
            "{}; write {}",
            expected_got("a method in upper case", method),
            quoted(&method.to_ascii_uppercase())
        );
        violations.add(path, message);
    }
}

/// The full name of a service.
pub fn service(host: &str, path: &Path<'_>, violations: &mut Violations) {
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_host_byte) {
        let expected = r#"a service's full name, such as "reviews.bookinfo.svc.cluster.local""#;
        violations.add(path, expected_got(expected, host));
    }
}

/// A cluster's name: any text in one line.
pub fn cluster(name: &str, path: &Path<'_>, violations: &mut Violations) {
    if name.is_empty() || name.chars().any(char::is_control) {
        violations.add(path, expected_got("the name of an Envoy cluster", name));
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
            expected_got(r#"a domain such as "example.com""#, domain),
        );
    }
}

/// The `:authority` of a request: `host` or `host:port`.
pub fn authority(authority: &str, path: &Path<'_>, violations: &mut Violations) {
    let (host, port) = authority
        .rsplit_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let host_is_plain = !host.is_empty() && host.bytes().all(is_host_byte);
    let port_is_number = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port_is_valid = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !host_is_plain || !port_is_number {
        let expected =
            r#"a host such as "reviews-v1.bookinfo.svc.cluster.local", with a port if necessary"#;
        violations.add(path, expected_got(expected, authority));
    } else if !port_is_valid {
        let expected = "a host with a port from 1 to 65535";
        violations.add(path, expected_got(expected, authority));
    }
}

/// Whether a host's name can have `byte`.
pub fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// RFC 9110's token: a method, or the name of a header or a cookie.
fn token(name: &str, expected: &str, path: &Path<'_>, violations: &mut Violations) {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_allowed) {
        let message = expected_got(expected, name);
        violations.add(
            path,
            format!("{message}; use letters, digits and !#$%&'*+-.^_`|~"),
        );
    }
}

/// The message about a text that is not what is `expected`.
pub fn expected_got(expected: &str, text: &str) -> String {
    format!("expected {expected}, got {}", quoted(text))
}

/// The names of an array's items, which must differ.
pub struct Unique {
    array: &'static str,
    first: Lookup<usize>,
}

impl Unique {
    /// No names yet, of the items of the array in the field `array`.
    pub fn new(array: &'static str) -> Self {
        Self {
            array,
            first: Lookup::default(),
        }
    }

    /// Adds the name of the item at `path`, if it has one. `index` is its index.
    pub fn insert(
        &mut self,
        name: Option<&str>,
        index: usize,
        path: &Path<'_>,
        violations: &mut Violations,
    ) {
        let Some(name) = name else { return };
        if let Some(first) = self.first.insert(name.as_bytes().into(), index) {
            let message = format!(
                "{} is the name of {}[{first}] too; write another name",
                quoted(name),
                self.array
            );
            violations.add(&path.field("name"), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_another_meaning_is_no_routing_header() {
        let table = [
            ("x-halftone-version", true),
            ("x-reviews-version", true),
            ("x-b3", true),
            ("x-forwarded", true),
            ("if", true),
            ("accept", false),
            ("accept-language", false),
            ("b3", false),
            ("baggage", false),
            ("cache-control", false),
            ("content-encoding", false),
            ("forwarded", false),
            ("grpc-timeout", false),
            ("host", false),
            ("if-none-match", false),
            ("Origin", false),
            ("proxy-authorization", false),
            ("range", false),
            ("referer", false),
            ("sec-fetch-mode", false),
            ("te", false),
            ("traceparent", false),
            ("tracestate", false),
            ("User-Agent", false),
            ("via", false),
            ("x-b3-sampled", false),
            ("x-envoy-original-path", false),
            ("x-forwarded-for", false),
            ("X-Real-IP", false),
            ("x-request-id", false),
        ];
        for (name, is_valid) in table {
            let mut violations = Violations::default();
            routing_header(name, &Path::ROOT, &mut violations);
            assert_eq!(violations.is_empty(), is_valid, "{name}");
        }
    }
}
