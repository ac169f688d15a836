//! The keys that sign invitations.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{LAST_EXPIRY, SIGNATURE, Token, VERSION};

/// A key that is long enough.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// The keys of a configuration, by the names of the environment variables that have them.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The names and values of the keys, in order. The first signs.
    named: Vec<(Box<str>, Result<Key, Unusable>)>,
}

/// The reason for which no invitation is valid by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The environment variable does not exist, or is empty.
    Missing,
    /// It has only this number of bytes.
    Short(usize),
}

impl Key {
    /// The bytes of the shortest key.
    pub const SHORTEST: usize = 32;

    /// A key of these bytes, without the white space around them: a Secret made of a file often ends
    /// with a line end.
    ///
    /// # Errors
    ///
    /// It is too short.
    pub fn new(bytes: &[u8]) -> Result<Self, Unusable> {
        let bytes = bytes.trim_ascii();
        match bytes.len() {
            0 => Err(Unusable::Missing),
            length if length < Self::SHORTEST => Err(Unusable::Short(length)),
            length => match Hmac::new_from_slice(bytes) {
                Ok(mac) => Ok(Self(mac)),
                Err(_) => Err(Unusable::Short(length)),
            },
        }
    }

    /// An invitation to `rule` of `release`, until `expiry` in seconds since 1970-01-01T00:00:00Z. The
    /// names must be those of a valid configuration, and `expiry` at most [`LAST_EXPIRY`].
    #[must_use]
    pub fn invite(&self, release: &str, rule: &str, expiry: u64) -> String {
        let version = String::from_utf8_lossy(VERSION);
        let expiry = expiry.min(LAST_EXPIRY);
        let mut token = format!("{version}.{release}.{rule}.{expiry}");
        let signature = self.mac(token.as_bytes()).finalize().into_bytes();
        let (signature, _) = signature.split_at(SIGNATURE);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// Whether the key has signed `token`. The time that this takes does not depend on the signature.
    fn has_signed(&self, token: &Token<'_>) -> bool {
        let mac = self.mac(token.signed);
        mac.verify_truncated_left(&token.signature).is_ok()
    }

    fn mac(&self, text: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(text)
    }
}

/// Prints nothing of the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Keys {
    /// The keys in the environment variables of these names. `value` gives that of one.
    pub fn new<'n, 'v>(
        names: impl IntoIterator<Item = &'n str>,
        value: impl Fn(&str) -> Option<&'v [u8]>,
    ) -> Self {
        let key = |name: &'n str| {
            let key = value(name).ok_or(Unusable::Missing);
            (name.into(), key.and_then(Key::new))
        };
        Self {
            named: names.into_iter().map(key).collect(),
        }
    }

    /// The names of the environment variables.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.named.iter().map(|(name, _)| &**name)
    }

    /// The key in the environment variable `name`. None: the configuration does not name it.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Result<&Key, Unusable>> {
        let mut named = self.named.iter().filter(|(known, _)| **known == *name);
        named
            .next()
            .map(|(_, key)| key.as_ref().map_err(|why| *why))
    }

    /// Those by which an invitation can be valid.
    pub fn usable(&self) -> impl Iterator<Item = &Key> {
        self.named.iter().filter_map(|(_, key)| key.as_ref().ok())
    }

    /// The names of the others, each with the reason.
    pub fn unusable(&self) -> impl Iterator<Item = (&str, Unusable)> {
        let why = |key: &Result<Key, Unusable>| key.as_ref().err().copied();
        let named = self.named.iter();
        named.filter_map(move |(name, key)| Some((&**name, why(key)?)))
    }

    /// Whether one of the usable keys has signed `token`. All are tried, whichever has.
    pub(super) fn have_signed(&self, token: &Token<'_>) -> bool {
        self.usable()
            .fold(false, |signed, key| key.has_signed(token) | signed)
    }
}

/// Prints the end of a sentence that begins with the name of the environment variable.
impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = Key::SHORTEST;
        match self {
            Self::Missing => f.write_str("is missing or empty"),
            Self::Short(length) => {
                write!(f, "has {length} bytes, and a key has at least {shortest}")
            }
        }
    }
}
