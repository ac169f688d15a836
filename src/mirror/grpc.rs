//! Counts the messages of a gRPC body while it passes.
//!
//! A body is a sequence of frames: a byte of flags, four bytes with the length of the message, the
//! message. Only the first message matters, and whether there is another. Nothing is kept.

/// The bytes before a message.
const PREFIX: u32 = 5;

/// Whether `content_type` is gRPC, with any codec. gRPC-Web is not: it frames its trailers too.
#[must_use]
pub fn is_grpc(content_type: &[u8]) -> bool {
    let media = content_type.split(|byte| *byte == b';').next();
    let media = media.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let codec = media.strip_prefix(b"application/grpc");
    matches!(codec.map(<[u8]>::first), Some(None | Some(b'+')))
}

/// The frames of one body, chunk by chunk.
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
    /// The bytes of the first prefix that have come.
    prefix: u32,
    /// The bytes of the first message that are missing, as far as its prefix is known.
    missing: u32,
    is_stream: bool,
}

/// The number of messages that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// No byte has come.
    None,
    /// A part of the first message.
    Incomplete,
    /// One whole message. If the body ends here, the call is unary.
    One,
    /// One message, and at least the beginning of another: a stream.
    Many,
}

impl Frames {
    /// Takes the next bytes of the body.
    pub fn push(&mut self, mut chunk: &[u8]) {
        while self.prefix < PREFIX
            && let Some((byte, rest)) = chunk.split_first()
        {
            // The length shifts the flags out.
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

    /// Whether there is more than one message. The first byte of the second one tells.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// The number of messages that have come.
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
