//! The request that a mirror gets: which headers of the original it has, and as what.

use core::time::Duration;

use super::{Mirror, RequestKind};
use crate::request::{Header, RequestHead};

/// The header that marks a copy; its value is the release's name. A request that carries it is not
/// copied again, so that a mirror whose way leads back here ends.
pub const MARK: &str = "x-halftone-mirror";

/// The most that Envoy takes from a plugin as the headers of one call: pairs, and bytes in the form
/// of the ABI, which adds to each pair two lengths and two terminators, and to all a count.
const MOST_HEADERS: usize = 1024;
const MOST_BYTES: usize = 1 << 20;

/// What is different in the head of a copy. Names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// The value of [`MARK`]: the release's name.
    pub mark: Box<str>,
    /// `:authority`; none: the request's own, as the client sent it.
    pub authority: Option<Box<str>>,
    /// Headers that have this value alone.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// Headers that are not there.
    pub remove: Vec<Box<str>>,
}

/// A copy, ready to be sent; its body goes beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRequest<'a> {
    /// Where to, by Envoy's name of the cluster.
    pub cluster: &'a str,
    /// Pseudo-headers and headers, in the order of the original.
    pub headers: Vec<(&'a str, &'a str)>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// Why there can be no copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncarriable {
    /// A header has a value that is not UTF-8, which the host cannot be given.
    Bytes,
    /// There are more headers, or longer ones, than the host takes.
    TooLarge,
}

impl Mirror {
    /// The copy of the request with `head`, without the headers that `is_routing` knows.
    ///
    /// # Errors
    ///
    /// When the host could not be given it as it is: no copy is better than a mangled one.
    pub fn request<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        kind: RequestKind,
        is_routing: impl Fn(&[u8]) -> bool,
    ) -> Result<MirrorRequest<'a>, Uncarriable> {
        let edits = &self.edits;
        let of_this_hop = NamedByConnection::new(head);
        let mut headers = Vec::with_capacity(head.all_headers().len() + edits.set.len() + 2);
        for (bytes, value) in head.all_headers() {
            let name = std::str::from_utf8(bytes).map_err(|_| Uncarriable::Bytes)?;
            let value = match &edits.authority {
                Some(authority) if name == ":authority" => authority,
                _ if is_never_copied(name)
                    || is_routing(bytes)
                    || edits.replaces(name)
                    || of_this_hop.contains(bytes) =>
                {
                    continue;
                }
                _ => std::str::from_utf8(value).map_err(|_| Uncarriable::Bytes)?,
            };
            headers.push((name, value));
        }
        if kind == RequestKind::Grpc {
            headers.push(("te", "trailers"));
        }
        headers.extend(edits.set.iter().map(|(name, value)| (&**name, &**value)));
        headers.push((MARK, &*edits.mark));
        if is_too_large(&headers) {
            return Err(Uncarriable::TooLarge);
        }
        Ok(MirrorRequest {
            cluster: &self.cluster,
            headers,
            timeout: self.timeout,
        })
    }
}

impl Edits {
    fn replaces(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| **set == *name)
            || self.remove.iter().any(|removed| **removed == *name)
    }
}

/// Whether the header `name` (in lower case) is for this hop, for this proxy or for production
/// alone.
///
/// Hop-by-hop headers are those of RFC 9110, section 7.6.1. `content-length` would have the mirror
/// wait for a body that Envoy frames itself. Envoy obeys `x-envoy-*` on a call, so a client could
/// steer a copy's retries and timeout by them. `x-forwarded-client-cert` vouches for a client that
/// is not on this connection.
#[must_use]
pub fn is_never_copied(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-forwarded-client-cert"
            | MARK
    ) || name.starts_with("x-envoy-")
}

fn is_too_large(headers: &[(&str, &str)]) -> bool {
    let bytes = |(name, value): &(&str, &str)| name.len() + value.len() + 10;
    headers.len() > MOST_HEADERS || headers.iter().map(bytes).sum::<usize>() + 4 > MOST_BYTES
}

/// The headers that `connection` names: they are for this hop too.
struct NamedByConnection<'a>(Vec<&'a [u8]>);

impl<'a> NamedByConnection<'a> {
    fn new(head: &RequestHead<'a>) -> Self {
        let is_connection = |header: &&Header<'a>| header.0 == b"connection";
        let values = head.all_headers().iter().filter(is_connection);
        let names = values.flat_map(|header| header.1.split(|byte| *byte == b','));
        Self(names.map(<[u8]>::trim_ascii).collect())
    }

    fn contains(&self, name: &[u8]) -> bool {
        let is_pseudo = name.starts_with(b":");
        !is_pseudo && self.0.iter().any(|named| named.eq_ignore_ascii_case(name))
    }
}
