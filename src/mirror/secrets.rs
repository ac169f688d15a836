//! Credentials and cookies, which must not come into a log or onto a screen, also if an answer repeats
//! them.

use std::borrow::Cow;

use super::compare::Answer;
use super::redact::Redact;
use crate::request::Header;

/// A shorter text is no secret: it would be found everywhere.
const SHORTEST: usize = 4;

/// A header whose value is secret, by the kind of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretHeader {
    /// `authorization` and `proxy-authorization`: a scheme and credentials.
    Credentials,
    /// `cookie`: cookies that a client sends.
    Cookies,
    /// `set-cookie`: a cookie that a response sets.
    SetCookie,
}

impl SecretHeader {
    /// The kind of the header `name`, in lower case. None: its value is not secret.
    #[must_use]
    pub fn of(name: impl AsRef<[u8]>) -> Option<Self> {
        match name.as_ref() {
            b"authorization" | b"proxy-authorization" => Some(Self::Credentials),
            b"cookie" => Some(Self::Cookies),
            b"set-cookie" => Some(Self::SetCookie),
            _ => None,
        }
    }
}

/// The secrets of one request and its answers: the values of each [`SecretHeader`], the credentials
/// in them, and the value of each cookie.
///
/// Only texts of at least four bytes are secrets. Each is found also percent-decoded, and in the forms
/// that it has if it is read in the wrong encoding.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Sorted, and no secret begins with another one. So the secret that a text begins with is the
    /// last one that is not greater than the text.
    sorted: Vec<Box<[u8]>>,
}

impl Secrets {
    /// The secrets of a request with these headers, names in lower case, and of the answers to it. What
    /// `redact` names is secret too.
    #[must_use]
    pub fn of(request: &[Header<'_>], answers: [Option<&Answer>; 2], redact: &Redact) -> Self {
        let mut found = Vec::new();
        for (name, value) in request {
            match SecretHeader::of(name) {
                Some(SecretHeader::Credentials) => {
                    add(&mut found, value);
                    let space = value.iter().position(|byte| *byte == b' ');
                    let credentials = space.and_then(|space| value.get(space..));
                    add(&mut found, credentials.unwrap_or_default());
                }
                Some(SecretHeader::Cookies) => {
                    add(&mut found, value);
                    value
                        .split(|byte| *byte == b';')
                        .for_each(|pair| add_cookie(&mut found, pair));
                }
                Some(SecretHeader::SetCookie) => add_set_cookie(&mut found, value),
                None if redact.has_header(name) => add(&mut found, value),
                None => {}
            }
        }
        for answer in answers.into_iter().flatten() {
            for value in &answer.set_cookies {
                add_set_cookie(&mut found, value);
            }
            for value in &answer.redacted {
                add(&mut found, value);
            }
            redact.each_value(answer.json(), |value| add(&mut found, value));
        }
        Self::sorted(found)
    }

    /// The same secrets, and `more`.
    #[must_use]
    pub(super) fn with<'t>(self, more: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut found = self.sorted;
        more.for_each(|text| add(&mut found, text));
        Self::sorted(found)
    }

    fn sorted(mut found: Vec<Box<[u8]>>) -> Self {
        found.sort_unstable();
        // The secrets that begin with another one follow it without a gap.
        found.dedup_by(|secret, last| secret.starts_with(last));
        Self { sorted: found }
    }

    /// Whether a secret begins in the first `shown` bytes of `text`: as it is, with replacement
    /// characters for what is not UTF-8, or percent-decoded.
    #[must_use]
    pub(super) fn are_in(&self, text: &[u8], shown: usize) -> bool {
        if self.sorted.is_empty() {
            return false;
        }
        let is_at = |text: &[u8]| {
            let next = self.sorted.partition_point(|secret| **secret <= *text);
            let last = next.checked_sub(1).and_then(|last| self.sorted.get(last));
            last.is_some_and(|secret| text.starts_with(secret))
        };
        let begin = |text: &[u8]| {
            let mut places = 0..text.len().min(shown);
            places.any(|place| text.get(place..).is_some_and(is_at))
        };
        let in_text = |text: &[u8]| match String::from_utf8_lossy(text) {
            Cow::Borrowed(_) => begin(text),
            Cow::Owned(lossy) => begin(text) || begin(lossy.as_bytes()),
        };
        in_text(text) || decoded(text).is_some_and(|text| in_text(&text))
    }
}

/// It does not print the secrets.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

fn add_set_cookie(found: &mut Vec<Box<[u8]>>, value: &[u8]) {
    add(found, value);
    add_cookie(
        found,
        value.split(|byte| *byte == b';').next().unwrap_or_default(),
    );
}

/// Adds the value of a cookie, given as `name=value`, without its quotes.
fn add_cookie(found: &mut Vec<Box<[u8]>>, pair: &[u8]) {
    let equals = pair.iter().position(|byte| *byte == b'=');
    let value = pair
        .get(equals.map_or(0, |equals| equals + 1)..)
        .unwrap_or_default();
    match value.trim_ascii() {
        [b'"', value @ .., b'"'] => add(found, value),
        value => add(found, value),
    }
}

/// Adds a secret in all its forms.
fn add(found: &mut Vec<Box<[u8]>>, text: &[u8]) {
    let text = text.trim_ascii();
    if text.len() < SHORTEST {
        return;
    }
    found.push(text.into());
    if let Some(decoded) = decoded(text)
        && decoded.len() >= SHORTEST
    {
        found.push(decoded.into());
    }
    if !text.is_ascii() {
        let latin: String = text.iter().map(|byte| char::from(*byte)).collect();
        found.push(latin.into_bytes().into());
        found.push(String::from_utf8_lossy(text).as_bytes().into());
    }
}

/// The text percent-decoded. None: that does not change it.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    match Cow::from(percent_encoding::percent_decode(text)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(decoded) => Some(decoded),
    }
}
