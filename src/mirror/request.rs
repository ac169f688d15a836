//! The request that a mirror gets, and the headers of the original that it has.

use core::time::Duration;

use super::{Mirror, RequestKind};
use crate::request::{Header, RequestHead};

/// The header that marks a copy. Its value is the release's name. A request with this header is not
/// copied again: a mirror whose requests come back here would otherwise never end.
pub const MARK: &str = "x-halftone-mirror";

/// The most headers that Envoy takes from a plugin for one call: pairs, and bytes as the ABI serialises
/// them, with two lengths and two terminators for each pair, and one count.
const MOST_HEADERS: usize = 1024;
const MOST_BYTES: usize = 1 << 20;

/// The changes in the head of a copy. Names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// The value of [`MARK`]: the release's name. Empty: the request is not marked.
    pub mark: Box<str>,
    /// `:authority`. None: as the client sent it.
    pub authority: Option<Box<str>>,
    /// The headers that are set, each with its only value.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// The headers that are removed.
    pub remove: Vec<Box<str>>,
}

/// A copy that is ready to be sent, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRequest<'a> {
    /// The cluster that it goes to, by Envoy's name.
    pub cluster: &'a str,
    /// Pseudo-headers and headers, in the order of the original.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The longest time that the answer may take.
    pub timeout: Duration,
}

/// Why a request cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncarriable {
    /// A header is not UTF-8. The host does not take it.
    Bytes,
    /// The host does not take this many headers, or headers of this length.
    TooLarge,
}

impl Mirror {
    /// The copy of the request with `head`, without the headers for which `is_routing` holds.
    ///
    /// # Errors
    ///
    /// The host does not take the headers as they are. No copy is better than a changed one.
    pub fn request<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        kind: RequestKind,
        is_routing: impl Fn(&[u8]) -> bool,
    ) -> Result<MirrorRequest<'a>, Uncarriable> {
        Ok(MirrorRequest {
            cluster: &self.cluster,
            headers: self.edits.apply(head, kind, is_routing)?,
            timeout: self.timeout,
        })
    }
}

impl Edits {
    /// The headers of the request with `head`, with these changes and without the headers for which
    /// `is_routing` holds.
    ///
    /// # Errors
    ///
    /// The host does not take the headers as they are.
    pub fn apply<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        kind: RequestKind,
        is_routing: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<(&'a str, &'a str)>, Uncarriable> {
        let edits = self;
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
        if !edits.mark.is_empty() {
            headers.push((MARK, &*edits.mark));
        }
        if is_too_large(&headers) {
            return Err(Uncarriable::TooLarge);
        }
        Ok(headers)
    }

    fn replaces(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| **set == *name)
            || self.remove.iter().any(|removed| **removed == *name)
    }
}

/// Whether the header `name`, in lower case, is only for this hop, this proxy or production.
///
/// Hop-by-hop headers are those of RFC 9110, section 7.6.1. With `content-length`, the mirror would
/// wait for a body that Envoy frames itself. Envoy obeys `x-envoy-*` on a call, so a client could set
/// the retries and the timeout of a copy. `x-forwarded-client-cert` vouches for a client that is not
/// on this connection.
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

/// The headers that `connection` names. They are for this hop too.
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
