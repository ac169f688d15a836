//! One claim of a JSON Web Token, read without verifying it.
//!
//! The claims are JSON that a client sent, so this is one place of the core that needs a JSON
//! parser. Only the claim that is asked for is kept; the rest is passed over without being built.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// RFC 7515 leaves the padding away; some issuers do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claim `name` of the token in the value of an `authorization` header: a text, or a whole
/// number in decimal. Anything else, and whatever is not a bearer token, is no claim.
pub fn claim(authorization: &[u8], name: &str) -> Option<String> {
    let (scheme, token) = super::split_once(authorization, b' ')?;
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let payload = token.trim_ascii().split(|byte| *byte == b'.').nth(1)?;
    let claims = BASE64URL.decode(payload).ok()?;
    match (Claim { name })
        .deserialize(&mut serde_json::Deserializer::from_slice(&claims))
        .ok()??
    {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// Looks for one member of the claims. Where it stands several times the last one counts, as with
/// most JSON parsers.
struct Claim<'a> {
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Claim<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, claims: D) -> Result<Self::Value, D::Error> {
        claims.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Claim<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object of claims")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == self.name {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
