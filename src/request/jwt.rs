//! The claims of a JSON Web Token, read without verifying the token.
//!
//! If a claim occurs several times, the last one counts, as with most JSON parsers.

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
pub struct Claims(Map<String, Value>);

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
        serde_json::from_slice(&claims).ok().map(Self)
    }

    /// The claim `name`: a string, or an integer in decimal. None: it is absent, or something else.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        }
    }
}
