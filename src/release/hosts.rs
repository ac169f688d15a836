//! Finds the release that claims a host. An exact host beats `*.suffix`, a longer suffix beats a
//! shorter one, and `*` comes last.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use crate::lookup::Lookup;

/// The longest name that DNS allows, in bytes. Only `*` claims a longer one, so that a host made of
/// dots costs no more than a real one.
const LONGEST_HOST: usize = 253;

/// A table from host patterns to `T`. A lookup costs the same for one pattern and for 100,000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts<T> {
    exact: Lookup<T>,
    suffixes: Lookup<T>,
    any: Option<T>,
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self {
            exact: Lookup::default(),
            suffixes: Lookup::default(),
            any: None,
        }
    }
}

impl<T> Hosts<T> {
    /// Adds `pattern`: a host, `*.suffix` or `*`, in any spelling. Returns the target that the same
    /// pattern had before.
    pub fn insert(&mut self, pattern: &str, target: T) -> Option<T> {
        if pattern == "*" {
            self.any.replace(target)
        } else if let Some(suffix) = pattern.strip_prefix("*.") {
            self.suffixes
                .insert(canonical_host(suffix.as_bytes()).into(), target)
        } else {
            self.exact
                .insert(canonical_host(pattern.as_bytes()).into(), target)
        }
    }

    /// The target of the best pattern for the host of `authority`. The port, the case, a dot at the end
    /// and the spelling of an IPv6 address do not matter.
    #[must_use]
    pub fn find(&self, authority: &[u8]) -> Option<&T> {
        self.claim(authority).map(|(_, target)| target)
    }

    /// The best pattern for the host of `authority`, and its target.
    #[must_use]
    pub fn claim(&self, authority: &[u8]) -> Option<(HostPattern<'_>, &T)> {
        let host = canonical_host(host_of(authority));
        let any = || self.any.as_ref().map(|target| (HostPattern::Any, target));
        if host.is_empty() || host.len() > LONGEST_HOST {
            return any();
        }
        self.exact
            .get_key_value(&*host)
            .map(|(host, target)| (HostPattern::Exact(host), target))
            .or_else(|| self.find_suffix(&host))
            .or_else(any)
    }

    fn find_suffix(&self, host: &[u8]) -> Option<(HostPattern<'_>, &T)> {
        if self.suffixes.is_empty() {
            return None;
        }
        let dots = memchr::memchr_iter(b'.', host).filter(|dot| *dot > 0);
        dots.filter_map(|dot| host.get(dot + 1..))
            .find_map(|suffix| self.suffixes.get_key_value(suffix))
            .map(|(suffix, target)| (HostPattern::Suffix(suffix), target))
    }
}

/// A pattern that claims a host, in lower case. It prints the form of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPattern<'h> {
    /// The host itself.
    Exact(&'h [u8]),
    /// `*.suffix`: every host below this one.
    Suffix(&'h [u8]),
    /// `*`: every host.
    Any,
}

impl fmt::Display for HostPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(&String::from_utf8_lossy(host)),
            Self::Suffix(suffix) => write!(f, "*.{}", String::from_utf8_lossy(suffix)),
            Self::Any => f.write_str("*"),
        }
    }
}

/// The host in an authority: `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &[u8]) -> &[u8] {
    match authority
        .iter()
        .rposition(|byte| matches!(byte, b':' | b']'))
    {
        Some(at) if authority.get(at) == Some(&b':') => authority.get(..at).unwrap_or(authority),
        _ => authority,
    }
}

/// The one spelling of `host` that [`Hosts`] have: in lower case, without a dot at the end, and an IPv6
/// address as RFC 5952 writes it.
#[must_use]
pub fn canonical_host(host: &[u8]) -> Cow<'_, [u8]> {
    if let Some(address) = v6(host) {
        return format!("[{address}]").into_bytes().into();
    }
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.iter().any(u8::is_ascii_uppercase) {
        host.to_ascii_lowercase().into()
    } else {
        host.into()
    }
}

/// The address in brackets.
fn v6(host: &[u8]) -> Option<Ipv6Addr> {
    let address = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(address).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(authority: &str) -> Option<&'static str> {
        let mut hosts = Hosts::default();
        for pattern in [
            "reviews",
            "reviews.example.com",
            "*.example.com",
            "*.eu.example.com",
            "[::1]",
            "[2001:db8::a]",
        ] {
            hosts.insert(pattern, pattern);
        }
        let (pattern, target) = hosts.claim(authority.as_bytes())?;
        assert_eq!(pattern.to_string(), *target);
        Some(target)
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let table = [
            ("reviews", Some("reviews")),
            ("reviews:9080", Some("reviews")),
            ("REVIEWS:9080", Some("reviews")),
            ("reviews.example.com", Some("reviews.example.com")),
            ("ratings.example.com", Some("*.example.com")),
            ("a.b.example.com:80", Some("*.example.com")),
            ("a.eu.example.com", Some("*.eu.example.com")),
            ("a.b.eu.example.com", Some("*.eu.example.com")),
            ("eu.example.com", Some("*.example.com")),
            ("example.com", None),
            (".example.com", None),
            ("xexample.com", None),
            ("[::1]", Some("[::1]")),
            ("[::1]:8080", Some("[::1]")),
            ("", None),
            (":80", None),
            ("reviews.", Some("reviews")),
            ("Reviews.:9080", Some("reviews")),
            ("reviews..", None),
            ("ratings.example.com.", Some("*.example.com")),
            ("example.com.", None),
            (".", None),
            ("[0:0::1]", Some("[::1]")),
            ("[0000:0:0:0:0:0:0:0001]:8080", Some("[::1]")),
            ("[::0.0.0.1]", Some("[::1]")),
            ("[2001:DB8:0::000A]:80", Some("[2001:db8::a]")),
            ("[::2]", None),
            ("[::1", None),
            ("[::1%25lo]", None),
            ("::1", None),
        ];
        for (authority, expected) in table {
            assert_eq!(found(authority), expected, "{authority}");
        }
    }

    #[test]
    fn the_spelling_of_a_pattern_does_not_matter() {
        for (pattern, authority) in [
            ("Reviews.", "reviews"),
            ("reviews.", "reviews."),
            ("*.Example.com.", "a.example.com"),
            ("[0:0::1]", "[::1]:80"),
            ("[::FFFF:1.2.3.4]", "[::ffff:102:304]"),
        ] {
            let mut hosts = Hosts::default();
            hosts.insert(pattern, ());
            assert!(hosts.find(authority.as_bytes()).is_some(), "{pattern}");
        }
    }

    #[test]
    fn the_star_claims_every_other_host() {
        let mut hosts = Hosts::default();
        hosts.insert("*", "any");
        hosts.insert("reviews", "reviews");
        for (authority, expected) in [
            (&b"reviews"[..], "reviews"),
            (b"ratings", "any"),
            (b"", "any"),
            (b"\xff\xfe", "any"),
        ] {
            assert_eq!(hosts.find(authority), Some(&expected));
        }
        assert_eq!(hosts.find(&b"a.".repeat(10_000)), Some(&"any"));
    }
}
