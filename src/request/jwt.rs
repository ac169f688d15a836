//! The claims of a JSON Web Token, read without verifying the token.
//!
//! If a claim occurs several times, the last one counts, as with most JSON parsers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// RFC 7515 omits the padding. Some issuers add it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claims of one token.
#[derive(Clone, Debug)]
pub struct Claims(BTreeMap<String, Claim>);

/// The value of a claim, as text.
#[derive(Clone, Debug)]
enum Claim {
    /// A string, or a whole number in decimal.
    Text(String),
    /// A boolean or another number.
    Other(String),
    /// The strings, numbers and booleans of an array.
    Array(Vec<String>),
    /// `null` or an object.
    Nothing,
}

impl Claims {
    /// The claims of the token in the value of an `authorization` header. None: it is no bearer token,
    /// or its claims are no JSON object, or are nested deeper than 128 levels.
    pub fn of(authorization: &[u8]) -> Option<Self> {
        let (scheme, token) = super::split_once(authorization, b' ')?;
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return None;
        }
        let payload = token.trim_ascii().split(|byte| *byte == b'.').nth(1)?;
        let claims = BASE64URL.decode(payload).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&claims).ok()?;
        let claims = claims.into_iter();
        Some(Self(
            claims.map(|(name, value)| (name, value.into())).collect(),
        ))
    }

    /// The claim `name`: a string, or an integer in decimal. None: it is absent, or something else.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Claim::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The values of the claim `name`: one of a string, a number or a boolean, and those of an array.
    pub fn values(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(Claim::Text(value) | Claim::Other(value)) => std::slice::from_ref(value),
            Some(Claim::Array(values)) => values,
            Some(Claim::Nothing) | None => &[],
        }
    }
}

impl Claim {
    /// The value of an item of an array. None: the item is an array, an object or `null`.
    fn value(item: Value) -> Option<String> {
        match item.into() {
            Self::Text(value) | Self::Other(value) => Some(value),
            Self::Array(_) | Self::Nothing => None,
        }
    }
}

impl From<Value> for Claim {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Number(number) => match number.as_f64() {
                Some(fraction) if number.is_f64() => Self::Other(fraction.to_string()),
                _ => Self::Text(number.to_string()),
            },
            Value::Bool(value) => Self::Other(value.to_string()),
            Value::Array(items) => Self::Array(items.into_iter().filter_map(Self::value).collect()),
            Value::Null | Value::Object(_) => Self::Nothing,
        }
    }
}
