//! The messages of a gRPC body, counted as it passes.
//!
//! A body is a row of frames: a byte of flags, the length of the message in four bytes, the message.
//! What must be known is only whether there is one message or more, so nothing of it is kept.

/// How many bytes stand before a message.
const PREFIX: u32 = 5;

/// Whether `content_type` is that of gRPC: of whatever codec, but not of gRPC-Web, which frames its
/// trailers too.
#[must_use]
pub fn is_grpc(content_type: &[u8]) -> bool {
    let media = content_type.split(|byte| *byte == b';').next();
    let media = media.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let codec = media.strip_prefix(b"application/grpc");
    matches!(codec.map(<[u8]>::first), Some(None | Some(b'+')))
}

/// The frames of one body, fed chunk by chunk.
///
/// ```
/// use halftone::mirror::grpc::{Frames, Messages};
///
/// let mut frames = Frames::default();
/// frames.push(b"\0\0\0\0\x02h");
/// assert_eq!(frames.messages(), Messages::Incomplete);
/// frames.push(b"i");
/// assert_eq!(frames.messages(), Messages::One);
/// frames.push(b"\0");
/// assert_eq!(frames.messages(), Messages::Many);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Bytes of the first prefix that have come.
    prefix: u32,
    /// Bytes of the first message that are still to come, as far as its prefix tells.
    missing: u32,
    is_stream: bool,
}

/// How many messages have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// Nothing has come yet.
    None,
    /// A part of the first one.
    Incomplete,
    /// Exactly one, whole: if the body ends here, the call is unary.
    One,
    /// One, and at least the beginning of another: a stream.
    Many,
}

impl Frames {
    /// Takes in the next bytes of the body.
    pub fn push(&mut self, mut chunk: &[u8]) {
        while self.prefix < PREFIX
            && let Some((byte, rest)) = chunk.split_first()
        {
            // The flags are shifted out by the length.
            self.missing = self.missing << 8 | u32::from(*byte);
            self.prefix += 1;
            chunk = rest;
        }
        if self.prefix < PREFIX {
            return;
        }
        match u32::try_from(chunk.len()) {
            Ok(length) if length <= self.missing => self.missing -= length,
            _ => {
                self.missing = 0;
                self.is_stream = true;
            }
        }
    }

    /// Whether more than one message was sent: known with the first byte of the second.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// How many messages have come up to now.
    #[must_use]
    pub fn messages(&self) -> Messages {
        match (self.prefix, self.missing) {
            _ if self.is_stream => Messages::Many,
            (0, _) => Messages::None,
            (PREFIX, 0) => Messages::One,
            _ => Messages::Incomplete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted() {
        let table: [(&[u8], Messages); 9] = [
            (b"", Messages::None),
            (b"\0", Messages::Incomplete),
            (b"\0\0\0\0", Messages::Incomplete),
            (b"\0\0\0\0\0", Messages::One),
            (b"\x01\0\0\0\x03abc", Messages::One),
            (b"\0\0\0\0\x03ab", Messages::Incomplete),
            (b"\0\0\0\0\x03abc\0", Messages::Many),
            (b"\0\0\0\0\0\0\0\0\0\0", Messages::Many),
            (b"\xff\xff\xff\xff\xff\0", Messages::Incomplete),
        ];
        for (body, messages) in table {
            let mut frames = Frames::default();
            frames.push(body);
            assert_eq!(frames.messages(), messages, "{body:?}");
            assert_eq!(frames.is_stream(), messages == Messages::Many);
        }
    }
}
