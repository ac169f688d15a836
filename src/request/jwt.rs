//! One claim of a JSON Web Token, read without verifying it.
//!
//! The claims are JSON that a client sent, so this is one place of the core that needs a JSON
//! parser. Where a claim stands several times the last one counts, as with most of them.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::json::Json;

/// RFC 7515 leaves the padding away; some issuers do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claim `name` of the token in the value of an `authorization` header: a text, or a whole
/// number in decimal. Anything else is no claim, and whatever is not a bearer token, or is nested
/// deeper than the parser goes (128 levels), has none.
pub fn claim(authorization: &[u8], name: &str) -> Option<String> {
    let (scheme, token) = super::split_once(authorization, b' ')?;
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let payload = token.trim_ascii().split(|byte| *byte == b'.').nth(1)?;
    let claims = BASE64URL.decode(payload).ok()?;
    let claims: Json<'_> = serde_json::from_slice(&claims).ok()?;
    match claims.get(name)? {
        Json::String(text) => Some(text.clone().into_owned()),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}
