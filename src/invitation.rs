//! Invitations: tokens that let their bearers into one rule of one release until they expire.
//!
//! A token is text: `i1.<release>.<rule>.<expiry>.<signature>`. The expiry is in seconds since
//! 1970-01-01T00:00:00Z. The signature is the HMAC-SHA256 of all that comes before its dot, cut to its
//! first 128 bits, in base64url without padding. `i1` is the version of the format.
//! `docs/invitation.py` writes and reads the same tokens.
//!
//! Each token has one spelling. The fields are compared as they are. Only the signature depends on a
//! secret, and it is compared in constant time.

mod invited;
mod keys;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use invited::{Invited, Place, Valid};
pub use keys::{Key, Keys, Unusable};

/// The version of the format, and the first field of each token.
const VERSION: &[u8] = b"i1";

/// What the versions of the format begin with.
const KIND: u8 = b'i';

/// The bytes of a signature.
const SIGNATURE: usize = 16;

/// The digits of an expiry at most: with them, its milliseconds fit into 64 bits.
const EXPIRY_DIGITS: usize = 12;

/// The bytes of the longest name of a release or a rule.
const LONGEST_NAME: usize = 63;

/// The bytes of the longest token.
pub const LONGEST: usize = VERSION.len() + 2 * LONGEST_NAME + EXPIRY_DIGITS + 22 + 4;

/// The last expiry that a token can have, in seconds since 1970-01-01T00:00:00Z.
pub const LAST_EXPIRY: u64 = 10_u64.pow(EXPIRY_DIGITS as u32) - 1;

/// A token whose form is right. Whether a key has signed it, and when it expires, is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'t> {
    /// The name of the release.
    pub release: &'t [u8],
    /// The name of the rule.
    pub rule: &'t [u8],
    /// The time from which on it is not valid, in seconds since 1970-01-01T00:00:00Z.
    pub expiry: u64,
    signed: &'t [u8],
    signature: [u8; SIGNATURE],
}

/// The reason for which a token is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no token at all.
    NotAnInvitation,
    /// It has another version of the format.
    UnknownVersion,
    /// A part of it is missing, or is not as it was written.
    Damaged,
    /// It is to another rule, or to another release.
    Elsewhere {
        /// The name of the release.
        release: Box<str>,
        /// The name of the rule.
        rule: Box<str>,
    },
    /// It has expired, at this time in seconds since 1970-01-01T00:00:00Z.
    Expired(u64),
    /// None of the usable keys has signed it.
    NotSigned,
    /// There is no usable key.
    NoKey,
}

impl<'t> Token<'t> {
    /// Reads the form of a token.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotAnInvitation`], [`Refusal::UnknownVersion`] or [`Refusal::Damaged`].
    pub fn read(text: &'t [u8]) -> Result<Self, Refusal> {
        let (version, rest) = split_once(text).ok_or(Refusal::NotAnInvitation)?;
        if version != VERSION {
            return Err(match version {
                [KIND, digits @ ..] if is_number(digits) => Refusal::UnknownVersion,
                _ => Refusal::NotAnInvitation,
            });
        }
        if text.len() > LONGEST {
            return Err(Refusal::Damaged);
        }
        Self::read_fields(text, rest).ok_or(Refusal::Damaged)
    }

    /// Reads the fields of `text` that `rest` has: all but the version. A rule's name may have dots.
    fn read_fields(text: &'t [u8], rest: &'t [u8]) -> Option<Self> {
        let (release, rest) = split_once(rest)?;
        let (rest, signature) = rsplit_once(rest)?;
        let (rule, expiry) = rsplit_once(rest)?;
        let signed = text.get(..text.len().checked_sub(signature.len() + 1)?)?;
        let are_names = [release, rule]
            .iter()
            .all(|name| !name.is_empty() && name.iter().all(|byte| is_of_a_name(*byte)));
        if !are_names || !is_number(expiry) || expiry.len() > EXPIRY_DIGITS {
            return None;
        }
        let mut bytes = [0; SIGNATURE];
        let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
        (length == SIGNATURE).then_some(Self {
            release,
            rule,
            expiry: std::str::from_utf8(expiry).ok()?.parse().ok()?,
            signed,
            signature: bytes,
        })
    }
}

/// Prints the end of a sentence that begins with the token.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnInvitation => f.write_str("is not an invitation"),
            Self::UnknownVersion => f.write_str("has a version that this Halftone does not know"),
            Self::Damaged => f.write_str("is cut or damaged"),
            Self::Elsewhere { release, rule } => {
                write!(f, "is for rule {rule} of release {release}")
            }
            Self::Expired(at) => write!(f, "expired {at} seconds after 1970-01-01T00:00:00Z"),
            Self::NotSigned => f.write_str("is not signed by a usable key"),
            Self::NoKey => f.write_str("cannot be verified: no key is usable"),
        }
    }
}

/// Whether `text` begins like a token, so that it must not come into a log.
#[must_use]
pub fn resembles_one(text: &[u8]) -> bool {
    let rest = text.strip_prefix(VERSION);
    rest.is_some_and(|rest| rest.starts_with(b"."))
}

/// Whether `text` is a decimal number, without zeros in front.
fn is_number(text: &[u8]) -> bool {
    match text {
        [] => false,
        [b'0'] => true,
        [b'0', ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// What comes before and after the first dot.
fn split_once(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'.', text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What comes before and after the last dot.
fn rsplit_once(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b'.', text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
