//! Sessions: the same key gets the same version.

use std::borrow::Cow;
use std::fmt;

use xxhash_rust::xxh64::xxh64;

use super::random::{self, Random};
use crate::request::RequestHead;

/// How a release recognises the requests of one user.
#[derive(Clone, Debug)]
pub struct Session {
    seed: u64,
    keys: Vec<SessionKey>,
    cookie: Option<SessionCookie>,
}

/// A place where a request may carry its session's key. An empty value is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionKey {
    /// The value of a header; the first, if it repeats.
    Header(Box<str>),
    /// The value of a cookie; the first, if it repeats.
    Cookie(Box<str>),
    /// The value of a query parameter, percent-decoded; the first, if it repeats.
    QueryParam(Box<str>),
    /// A claim of the bearer token. Halftone does not verify the token.
    JwtClaim(Box<str>),
    /// The address that the request came from, as text without the port.
    SourceAddress,
}

/// The cookie that brings an id to clients whose requests carry no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    /// Its name.
    pub name: Box<str>,
    /// The attributes after the value in `set-cookie`, such as `; Path=/; Secure`.
    pub attributes: Box<str>,
    /// Whether the cookie is tried before the keys, so that a user keeps the version at login.
    pub keep: bool,
}

/// An id that Halftone issued to a request without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(u64);

/// The session of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The request carries a key.
    Carried(u64),
    /// It carries no key. Its response brings this id.
    Issued(u64, SessionId),
    /// It carries no key and gets no id.
    None,
}

impl Session {
    /// Sessions whose numbers depend on `salt`: the release's name, or what several releases share. The
    /// first of `keys` that a request carries is its key,
    /// else the id in `cookie`. If the cookie is to be kept, its id comes before `keys`.
    #[must_use]
    pub fn new(salt: &str, mut keys: Vec<SessionKey>, cookie: Option<SessionCookie>) -> Self {
        if let Some(cookie) = &cookie {
            let place = if cookie.keep { 0 } else { keys.len() };
            keys.insert(place, SessionKey::Cookie(cookie.name.clone()));
        }
        Self {
            seed: random::salt(salt),
            keys,
            cookie,
        }
    }

    /// The number of the session with this key: XXH64 of the key, seeded with XXH64 of the salt, so that two releases do not pick the same people.
    #[must_use]
    pub fn number(&self, key: &[u8]) -> u64 {
        xxh64(key, self.seed)
    }

    /// The cookie that an id is issued in.
    #[must_use]
    pub fn cookie(&self) -> Option<&SessionCookie> {
        self.cookie.as_ref()
    }

    /// The places where a key may be, in the order in which they are tried. The cookie that an id is
    /// issued in comes last; first, if it is to be kept.
    #[must_use]
    pub fn keys(&self) -> &[SessionKey] {
        &self.keys
    }

    /// The place of the first key that the request carries, and the key, which is not empty.
    #[must_use]
    pub fn key<'h>(&self, head: &'h RequestHead<'_>) -> Option<(&SessionKey, Cow<'h, [u8]>)> {
        self.keys
            .iter()
            .find_map(|key| key.value(head).map(|value| (key, value)))
    }

    /// Whether a session's key can be the address that the request came from.
    #[must_use]
    pub fn reads_source_address(&self) -> bool {
        self.keys.contains(&SessionKey::SourceAddress)
    }

    pub(super) fn find(&self, head: &RequestHead<'_>, chance: u64) -> Found {
        if let Some((_, key)) = self.key(head) {
            return Found::Carried(self.number(&key));
        }
        if self.cookie.is_none() {
            return Found::None;
        }
        let id = SessionId::new(chance);
        Found::Issued(self.number(&id.text()), id)
    }
}

impl SessionKey {
    /// The first value in this place that is not empty.
    fn value<'h>(&self, head: &'h RequestHead<'_>) -> Option<Cow<'h, [u8]>> {
        let is_key = |value: &&'h [u8]| !value.is_empty();
        let value = match self {
            Self::Header(name) => head
                .headers(name)
                .map(|value| -> &'h [u8] { value })
                .find(is_key),
            Self::Cookie(name) => head
                .cookies(name)
                .map(|value| -> &'h [u8] { value })
                .find(is_key),
            Self::QueryParam(name) => head.query_params(name).find(is_key),
            Self::SourceAddress => head
                .source_address()
                .map(|value| -> &'h [u8] { value })
                .filter(is_key),
            Self::JwtClaim(name) => {
                let claim = head.jwt_claim(name).filter(|claim| !claim.is_empty());
                return claim.map(|claim| claim.into_bytes().into());
            }
        };
        value.map(Cow::from)
    }
}

/// Prints the form of a configuration: `header x-user-id`.
impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::QueryParam(name) => write!(f, "queryParam {name}"),
            Self::JwtClaim(name) => write!(f, "jwtClaim {name}"),
            Self::SourceAddress => f.write_str("sourceAddress"),
        }
    }
}

impl SessionId {
    /// The id for a request with this `chance`. It distinguishes sessions and protects nothing, so it
    /// does not have to be a secret.
    fn new(chance: u64) -> Self {
        Self(Random::new(chance).next_u64())
    }

    /// Sixteen hexadecimal digits.
    #[must_use]
    pub fn text(self) -> [u8; 16] {
        let mut text = [0; 16];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            let nibble = (self.0 >> (4 * place)) as u8 & 0xf;
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            };
        }
        text
    }
}

impl SessionCookie {
    /// The value of the `set-cookie` header that brings `id` to the client.
    #[must_use]
    pub fn set(&self, id: SessionId) -> String {
        let mut value = String::with_capacity(self.name.len() + 17 + self.attributes.len());
        value.push_str(&self.name);
        value.push('=');
        value.extend(id.text().map(char::from));
        value.push_str(&self.attributes);
        value
    }
}

#[cfg(test)]
mod tests;
