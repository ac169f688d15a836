//! What a sample hides beside credentials and cookies: headers and places of bodies that the
//! configuration names, and secret query parameters.

use std::borrow::Cow;

use serde_json::Value;

use super::json_diff::Pointer;
use super::sample::HIDDEN;
use crate::invitation;

/// A parameter whose name has one of these parts is secret. Case and separators do not matter.
const SECRET_PARTS: [&str; 10] = [
    "auth",
    "credential",
    "jwt",
    "key",
    "pass",
    "pwd",
    "secret",
    "session",
    "sig",
    "token",
];

/// A parameter with one of these names is secret. Case and separators do not matter.
const SECRET_NAMES: [&str; 6] = ["code", "nonce", "otp", "pin", "sid", "state"];

/// The values that the samples of a comparison hide, because the configuration says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redact {
    /// The names of headers of the request and of the answers, in lower case.
    pub headers: Vec<Box<str>>,
    /// The places of a JSON body.
    pub pointers: Vec<Pointer>,
}

impl Redact {
    /// Whether the values of the header `name` are hidden. `name` is in lower case.
    #[must_use]
    pub fn has_header(&self, name: &[u8]) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|header| header.as_bytes() == name)
    }

    /// The hidden place that contains the place at `pointer`, as the beginning of `pointer`.
    pub(super) fn place<'p>(&self, pointer: &'p str) -> Option<&'p str> {
        let mut lengths = self
            .pointers
            .iter()
            .filter_map(|hidden| hidden.leads_to(pointer));
        let first = lengths.next()?;
        pointer.get(..lengths.fold(first, usize::min))
    }

    /// Calls `add` with each string and number that a JSON body has at a hidden place.
    pub(super) fn each_value(&self, body: &[u8], mut add: impl FnMut(&[u8])) {
        if self.pointers.is_empty() {
            return;
        }
        let Ok(body) = serde_json::from_slice(body) else {
            return;
        };
        for pointer in &self.pointers {
            for value in pointer.values(&body) {
                each_text(value, &mut add);
            }
        }
    }
}

/// Calls `add` with each string and number in `value`.
fn each_text(value: &Value, add: &mut impl FnMut(&[u8])) {
    match value {
        Value::String(text) => add(text.as_bytes()),
        Value::Number(number) => add(number.to_string().as_bytes()),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, add)),
        Value::Object(members) => members.values().for_each(|member| each_text(member, add)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The query without the values of secret parameters.
pub fn shown_query(query: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(query.len());
    for (index, param) in query.split(|byte| *byte == b'&').enumerate() {
        if index > 0 {
            shown.push(b'&');
        }
        match secret_value(param) {
            Some(value) => {
                let name = param.len().saturating_sub(value.len());
                shown.extend_from_slice(param.get(..name).unwrap_or_default());
                shown.extend_from_slice(HIDDEN.as_bytes());
            }
            None => shown.extend_from_slice(param),
        }
    }
    shown
}

/// The values of the secret parameters of `query`, as sent.
pub fn secret_values(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&').filter_map(secret_value)
}

/// The value of a parameter, as sent. None: it has no value, or neither its name nor its value is that of
/// a secret.
fn secret_value(param: &[u8]) -> Option<&[u8]> {
    let equals = memchr::memchr(b'=', param)?;
    let name = Cow::from(percent_encoding::percent_decode(param.get(..equals)?));
    let is_separator = |byte: &u8| !byte.is_ascii_alphanumeric();
    let name: String = name
        .iter()
        .filter(|byte| !is_separator(byte))
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let value = param.get(equals + 1..)?;
    let is_secret = SECRET_NAMES.contains(&name.as_str())
        || SECRET_PARTS.iter().any(|part| name.contains(part))
        || invitation::resembles_one(&Cow::from(percent_encoding::percent_decode(value)));
    is_secret.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_parameters_are_hidden_in_a_query() {
        let table = [
            ("", ""),
            ("page=2&sort=name", "page=2&sort=name"),
            ("token=abc", "token=(hidden)"),
            (
                "page=2&access_token=abc&x",
                "page=2&access_token=(hidden)&x",
            ),
            ("API-Key=a=b", "API-Key=(hidden)"),
            ("X-Amz-Signature=abc", "X-Amz-Signature=(hidden)"),
            ("to%6Ben=abc", "to%6Ben=(hidden)"),
            ("user[password]=abc", "user[password]=(hidden)"),
            ("code=abc&zipcode=12345", "code=(hidden)&zipcode=12345"),
            ("sid=1&side=left", "sid=(hidden)&side=left"),
            ("token", "token"),
            (
                "halftone=i1.shop.testers.1.abc&a=1",
                "halftone=(hidden)&a=1",
            ),
            ("in=%691%2Eshop", "in=(hidden)"),
            ("version=i12", "version=i12"),
            ("token=&a=1", "token=(hidden)&a=1"),
            ("=abc&&", "=abc&&"),
        ];
        for (query, shown) in table {
            let got = shown_query(query.as_bytes());
            assert_eq!(String::from_utf8(got).unwrap(), shown, "{query}");
        }
    }

    #[test]
    fn a_hidden_place_contains_all_that_is_below_it() {
        let pointers = ["/user/email", "/items/*/id", "/a~1b"];
        let redact = Redact {
            headers: Vec::new(),
            pointers: pointers
                .iter()
                .filter_map(|text| Pointer::parse(text))
                .collect(),
        };
        let table = [
            ("/user/email", Some("/user/email")),
            ("/user/email/0/at", Some("/user/email")),
            ("/user/emails", None),
            ("/user", None),
            ("/items/7/id", Some("/items/7/id")),
            ("/items/7/id/x", Some("/items/7/id")),
            ("/items/7", None),
            ("/a~1b", Some("/a~1b")),
            ("/a/b", None),
            ("", None),
        ];
        for (pointer, place) in table {
            assert_eq!(redact.place(pointer), place, "{pointer}");
        }
        let body = br#"{"user":{"email":["one@x",2222]},"items":[{"id":"i1"},{"id":null}],"a/b":"slash","c":"no"}"#;
        let mut found = Vec::new();
        redact.each_value(body, |value| {
            found.push(String::from_utf8_lossy(value).into_owned())
        });
        assert_eq!(found, ["one@x", "2222", "i1", "slash"]);
    }
}
