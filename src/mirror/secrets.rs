//! What must not come into a log: credentials, also where an answer repeats them.

use std::borrow::Cow;

use super::compare::Answer;
use crate::request::Header;

/// The headers whose values are secret.
const SECRET_HEADERS: [&[u8]; 3] = [b"authorization", b"cookie", b"set-cookie"];

/// A shorter text is no secret: it would be found everywhere.
const SHORTEST: usize = 4;

/// The secrets of one request and its answers.
///
/// They are the values of `authorization`, `cookie` and `set-cookie`, the credentials in the first
/// and the value of each cookie in the others, of at least four bytes; and all of them also
/// percent-decoded, and in the forms that text takes when it is read in the wrong encoding.
#[derive(Clone, Default)]
pub struct Secrets {
    /// In order, and none of them begins with another one: where a text begins with a secret, it is
    /// the last one that is not behind the text.
    sorted: Vec<Box<[u8]>>,
}

/// Whether the values of the header `name`, in lower case, are secret.
pub fn is_secret_header(name: &str) -> bool {
    SECRET_HEADERS.contains(&name.as_bytes())
}

impl Secrets {
    /// The secrets of a request with these headers, names in lower case, and of the answers to it.
    #[must_use]
    pub fn of(request: &[Header<'_>], answers: [Option<&Answer>; 2]) -> Self {
        let mut found = Vec::new();
        for (name, value) in request {
            match *name {
                b"authorization" => {
                    add(&mut found, value);
                    let space = value.iter().position(|byte| *byte == b' ');
                    let credentials = space.and_then(|space| value.get(space..));
                    add(&mut found, credentials.unwrap_or_default());
                }
                b"cookie" => {
                    add(&mut found, value);
                    value
                        .split(|byte| *byte == b';')
                        .for_each(|pair| add_cookie(&mut found, pair));
                }
                b"set-cookie" => add_set_cookie(&mut found, value),
                _ => {}
            }
        }
        for value in answers
            .into_iter()
            .flatten()
            .flat_map(|answer| &answer.set_cookies)
        {
            add_set_cookie(&mut found, value);
        }
        Self::sorted(found)
    }

    fn sorted(mut found: Vec<Box<[u8]>>) -> Self {
        found.sort_unstable();
        // Behind a secret come, without a gap, those that begin with it.
        found.dedup_by(|secret, last| secret.starts_with(last));
        Self { sorted: found }
    }

    /// Whether a secret begins in the first `shown` bytes of `text`, as it is, as text, or
    /// percent-decoded. Behind them it may: what is not shown tells nothing.
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

/// It does not print what it hides.
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

/// Adds a text in all its forms.
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

/// The text percent-decoded, if that changes it.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    match Cow::from(percent_encoding::percent_decode(text)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(decoded) => Some(decoded),
    }
}
