//! What is left of a body when it has passed.

use xxhash_rust::xxh64::xxh64;

/// A body, as far as it is needed to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// It was not looked at, and is compared with nothing.
    Unread,
    /// All of it.
    Kept(Vec<u8>),
    /// What it hashes to.
    Hashed(Digest),
    /// It cannot be compared, for this reason.
    Unfit(&'static str),
}

/// What is compared of bytes that are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// How many there are.
    pub length: u64,
    /// Their XXH64.
    pub hash: u64,
}

impl Body {
    /// The digest of its bytes, of which only the bytes matter and not whether they were kept.
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
    /// For people: `12 bytes (xxh64 0123456789abcdef)`.
    pub fn shown(self) -> Vec<u8> {
        let plural = if self.length == 1 { "" } else { "s" };
        let (length, hash) = (self.length, self.hash);
        format!("{length} byte{plural} (xxh64 {hash:016x})").into_bytes()
    }
}
