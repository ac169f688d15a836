//! Finds the release that claims a host. An exact host beats `*.suffix`, a longer suffix beats a
//! shorter one, and `*` comes last.

use std::borrow::Cow;
use std::fmt;

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
    /// Adds `pattern`: a host, `*.suffix` or `*`, in any case. Returns the target that the same pattern
    /// had before.
    pub fn insert(&mut self, pattern: &str, target: T) -> Option<T> {
        let pattern = pattern.to_ascii_lowercase();
        if pattern == "*" {
            self.any.replace(target)
        } else if let Some(suffix) = pattern.strip_prefix("*.") {
            self.suffixes.insert(suffix.as_bytes().into(), target)
        } else {
            self.exact.insert(pattern.as_bytes().into(), target)
        }
    }

    /// The target of the best pattern for the host of `authority`. Port and case do not matter.
    #[must_use]
    pub fn find(&self, authority: &[u8]) -> Option<&T> {
        self.claim(authority).map(|(_, target)| target)
    }

    /// The best pattern for the host of `authority`, and its target.
    #[must_use]
    pub fn claim(&self, authority: &[u8]) -> Option<(HostPattern<'_>, &T)> {
        let host = lower_case(host_of(authority));
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

fn lower_case(host: &[u8]) -> Cow<'_, [u8]> {
    if host.iter().any(u8::is_ascii_uppercase) {
        host.to_ascii_lowercase().into()
    } else {
        host.into()
    }
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
            ("reviews.", None),
        ];
        for (authority, expected) in table {
            assert_eq!(found(authority), expected, "{authority}");
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
