//! One claim of a JSON Web Token, read without verifying the token.
//!
//! If a claim occurs several times, the last one counts, as with most JSON parsers.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::json::Json;

/// RFC 7515 omits the padding. Some issuers add it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claim `name` of the token in the value of an `authorization` header: a string, or an integer
/// in decimal. None: it is something else, the value is no bearer token, or the claims are nested
/// deeper than 128 levels.
pub fn claim(authorization: &[u8], name: &str) -> Option<String> {
    let (scheme, token) = super::split_once(authorization, b' ')?;
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let payload = token.trim_ascii().split(|byte| *byte == b'.').nth(1)?;
    let claims = BASE64URL.decode(payload).ok()?;
    let claims: Json = serde_json::from_slice(&claims).ok()?;
    match claims.get(name)? {
        Json::Text(text) => Some(text.clone()),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}
