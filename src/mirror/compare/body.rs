//! A body of an answer, kept or hashed.

use xxhash_rust::xxh64::xxh64;

/// The part of a body that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the body is not compared.
    Unread,
    /// The whole body.
    Kept(Vec<u8>),
    /// Its length and hash.
    Hashed(Digest),
    /// The body cannot be compared, for this reason.
    Unfit(&'static str),
}

/// The length and the hash of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The number of bytes.
    pub length: u64,
    /// Their XXH64.
    pub hash: u64,
}

impl Body {
    /// The digest of its bytes. It is the same for kept and for hashed bytes.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Kept(bytes) => Some(Digest {
                length: bytes.len() as u64,
                hash: xxh64(bytes, 0),
            }),
            Self::Hashed(digest) => Some(*digest),
            Self::Unread | Self::Unfit(_) => None,
        }
    }
}

impl Digest {
    /// A text for people: `12 bytes (xxh64 0123456789abcdef)`.
    pub fn shown(self) -> Vec<u8> {
        let plural = if self.length == 1 { "" } else { "s" };
        let (length, hash) = (self.length, self.hash);
        format!("{length} byte{plural} (xxh64 {hash:016x})").into_bytes()
    }
}
