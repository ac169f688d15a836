//! The head of a request, as bytes.
//!
//! HTTP allows any bytes in a header value, and a proxy that panics on one is down. So nothing here
//! fails: what cannot be read is absent.

mod budget;
mod client_os;
mod header_pairs;
mod jwt;

use std::borrow::Cow;
use std::cell::OnceCell;

pub use budget::Budget;
pub use client_os::ClientOs;
pub use header_pairs::HeaderPairs;

/// A header's name, in lower case, and one of its values. A repeated header is several pairs.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The name and the value of a query parameter, percent-decoded.
type QueryParam<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A view of the head of one request. Query, cookies and token are decoded at most once, when somebody
/// first asks for them.
///
/// ```
/// use halftone::request::RequestHead;
///
/// let headers: [(&[u8], &[u8]); 3] =
///     [(b":authority", b"reviews:9080"), (b":path", b"/reviews/0?debug=%31"), (b"cookie", b"a=1; group=beta")];
/// let head = RequestHead::new(&headers);
///
/// assert_eq!(head.path(), b"/reviews/0");
/// assert_eq!(head.cookies("group").next(), Some(&b"beta"[..]));
/// assert_eq!(head.query_params("debug").next().as_deref(), Some(&b"1"[..]));
/// ```
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    headers: &'a [Header<'a>],
    lengths: u64,
    authority: &'a [u8],
    method: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    source_address: Option<Cow<'a, [u8]>>,
    budget: Budget,
    cookies: OnceCell<Vec<(&'a [u8], &'a [u8])>>,
    query_params: OnceCell<Vec<QueryParam<'a>>>,
    tokens: OnceCell<Vec<jwt::Claims>>,
    client_os: OnceCell<Option<ClientOs>>,
}

impl<'a> RequestHead<'a> {
    /// A view of `headers`, which include the pseudo-headers `:authority`, `:method` and `:path`. Names
    /// are in lower case, as Envoy gives them. A pseudo-header that is absent is empty.
    #[must_use]
    pub fn new(headers: &'a [Header<'a>]) -> Self {
        let (mut authority, mut method, mut target) = (None, None, None);
        let mut lengths = 0;
        for (name, value) in headers {
            lengths |= length_bit(name);
            if name.first() != Some(&b':') {
                continue;
            }
            let first = match *name {
                b":authority" => &mut authority,
                b":method" => &mut method,
                b":path" => &mut target,
                _ => continue,
            };
            first.get_or_insert(*value);
        }
        let target = target.unwrap_or_default();
        let (path, query) = split_once(target, b'?').unwrap_or((target, b""));
        Self {
            headers,
            lengths,
            authority: authority.unwrap_or_default(),
            method: method.unwrap_or_default(),
            path,
            query,
            source_address: None,
            budget: Budget::default(),
            cookies: OnceCell::new(),
            query_params: OnceCell::new(),
            tokens: OnceCell::new(),
            client_os: OnceCell::new(),
        }
    }

    /// The same head, with the address that the request came from: a string without a port, in the form
    /// that Envoy prints (RFC 5952 for IPv6).
    #[must_use]
    pub fn with_source_address(self, address: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            source_address: Some(address.into()),
            ..self
        }
    }

    /// `:authority`: the host, and the port if the client sent one.
    #[must_use]
    pub fn authority(&self) -> &'a [u8] {
        self.authority
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &'a [u8] {
        self.method
    }

    /// The path without the query, as sent: not percent-decoded.
    #[must_use]
    pub fn path(&self) -> &'a [u8] {
        self.path
    }

    /// The query, as sent: not percent-decoded. Empty: there is none.
    #[must_use]
    pub fn query(&self) -> &'a [u8] {
        self.query
    }

    /// The address that the request came from, if it is known.
    #[must_use]
    pub fn source_address(&self) -> Option<&[u8]> {
        self.source_address.as_deref()
    }

    /// All headers in their order, repeats included.
    #[must_use]
    pub fn all_headers(&self) -> &'a [Header<'a>] {
        self.headers
    }

    /// The lengths of the names of all headers: the union of their [`length_bit`].
    #[must_use]
    pub fn name_lengths(&self) -> u64 {
        self.lengths
    }

    /// The work that conditions may still do on this request.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The values of the header `name` (in lower case), in their order.
    pub fn headers<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let name = name.as_bytes();
        let is_possible = self.lengths & length_bit(name) != 0;
        Values {
            headers: if is_possible { self.headers } else { &[] },
            name,
        }
    }

    /// The names and values of all cookies.
    pub(crate) fn all_cookies(&self) -> &[(&'a [u8], &'a [u8])] {
        self.cookies.get_or_init(|| {
            self.headers("cookie")
                .flat_map(|value| value.split(|byte| *byte == b';'))
                .filter_map(|pair| split_once(pair.trim_ascii(), b'='))
                .map(|(name, value)| (name.trim_ascii_end(), value.trim_ascii_start()))
                .collect()
        })
    }

    /// The values of the cookie `name` in all `cookie` headers, as sent: not decoded, with quotes.
    pub fn cookies(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .all_cookies()
            .iter()
            .filter(move |cookie| cookie.0 == name.as_bytes());
        named.map(|cookie| cookie.1)
    }

    /// The names and values of all query parameters, percent-decoded.
    pub(crate) fn all_query_params(&self) -> &[QueryParam<'a>] {
        self.query_params.get_or_init(|| {
            self.query
                .split(|byte| *byte == b'&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| split_once(pair, b'=').unwrap_or((pair, b"")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect()
        })
    }

    /// The values of the query parameter `name`, percent-decoded. A parameter without `=` has an empty
    /// value. A `+` is a plus, as in Envoy's own query matching.
    pub fn query_params(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self
            .all_query_params()
            .iter()
            .filter(move |param| *param.0 == *name.as_bytes());
        named.map(|param| &*param.1)
    }

    /// The client's operating system, from its `user-agent`.
    #[must_use]
    pub fn client_os(&self) -> Option<ClientOs> {
        *self.client_os.get_or_init(|| {
            self.headers("user-agent")
                .next()
                .and_then(ClientOs::of_user_agent)
        })
    }

    /// The claim `name` of the bearer token in `authorization`: a string, or an integer in decimal. The
    /// token is read, not verified.
    #[must_use]
    pub fn jwt_claim(&self, name: &str) -> Option<String> {
        self.all_claims()
            .iter()
            .find_map(|claims| claims.text(name))
    }

    /// The values of the claim `name` of the first bearer token that has one: strings, numbers and
    /// booleans, as text, and those in an array. The token is read, not verified.
    pub fn jwt_claims(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let mut values = self.all_claims().iter().map(|claims| claims.values(name));
        let values = values.find(|values| !values.is_empty()).unwrap_or_default();
        values.iter().map(String::as_bytes)
    }

    /// The number of bearer tokens in `authorization`.
    pub(crate) fn tokens(&self) -> usize {
        self.all_claims().len()
    }

    fn all_claims(&self) -> &[jwt::Claims] {
        self.tokens.get_or_init(|| {
            self.headers("authorization")
                .filter_map(jwt::Claims::of)
                .collect()
        })
    }
}

/// Iterates over the values of the header `name`. A plain loop is faster here than an iterator chain.
struct Values<'a, 'n> {
    headers: &'a [Header<'a>],
    name: &'n [u8],
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while let [(name, value), rest @ ..] = self.headers {
            self.headers = rest;
            // The lengths of most names differ.
            if name.len() == self.name.len() && *name == self.name {
                return Some(value);
            }
        }
        None
    }
}

/// The bit `n` for a name of `n` bytes, modulo 64. Names whose bits differ are different.
#[must_use]
pub fn length_bit(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
}

/// The address in `address:port` or `[v6]:port`. None: there is no port.
///
/// ```
/// use halftone::request::without_port;
///
/// assert_eq!(without_port(b"10.0.0.1:80"), Some(&b"10.0.0.1"[..]));
/// assert_eq!(without_port(b"[fe80::1]:80"), Some(&b"fe80::1"[..]));
/// assert_eq!(without_port(b"/run/envoy.sock"), None);
/// ```
#[must_use]
pub fn without_port(address: &[u8]) -> Option<&[u8]> {
    let port = address.iter().rposition(|byte| *byte == b':')?;
    let address = address.get(..port)?;
    let v6 = address.strip_prefix(b"[");
    Some(v6.and_then(|v6| v6.strip_suffix(b"]")).unwrap_or(address))
}

fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(text).into()
}

/// The two sides of the first `separator`.
fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
