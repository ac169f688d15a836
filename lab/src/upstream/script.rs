//! The reaction of an upstream to a request.

use std::time::Duration;

use hyper::body::Bytes;

use super::Gate;

/// The reaction to a request after it was read to its end.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) delay: Duration,
    pub(super) gate: Option<Gate>,
    pub(super) act: Act,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Content,
    pub(super) trailers: Vec<(String, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Answer,
    Hang,
    Reset,
    BreakOff,
    Stall,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Echo,
    Fixed(Bytes),
    Zeros(usize),
}

impl Script {
    /// Answers 200 with the request as JSON: `upstream, method, authority, path, version, headers, body_bytes`.
    /// A header is a pair of name and value. The bytes of the value are read as Latin-1.
    ///
    /// Answers an upgrade with 101 and CONNECT with 200, and then sends every byte back.
    #[must_use]
    pub fn echo() -> Self {
        Self {
            delay: Duration::ZERO,
            gate: None,
            act: Act::Answer,
            status: 200,
            headers: Vec::new(),
            body: Content::Echo,
            trailers: Vec::new(),
        }
    }

    /// Answers with this status (100 to 999) and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            body: Content::Fixed(Bytes::new()),
            ..Self::echo()
        }
    }

    /// Answers a gRPC call with `message` and this grpc-status in the trailers. `message` excludes gRPC's prefix of
    /// five bytes.
    #[must_use]
    pub fn grpc(grpc_status: u8, message: &[u8]) -> Self {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let framed = [&[0], length.to_be_bytes().as_slice(), message].concat();
        Self::status(200)
            .header("content-type", "application/grpc")
            .body(framed)
            .trailer("grpc-status", grpc_status.to_string().as_bytes())
    }

    /// Never answers, and keeps the connection open.
    #[must_use]
    pub fn hang() -> Self {
        Self {
            act: Act::Hang,
            ..Self::echo()
        }
    }

    /// Closes the connection (HTTP/2: resets the stream) without an answer.
    #[must_use]
    pub fn reset() -> Self {
        Self {
            act: Act::Reset,
            ..Self::echo()
        }
    }

    /// Closes or resets after the head and the body of the answer, before its end.
    #[must_use]
    pub fn break_off(mut self) -> Self {
        self.act = Act::BreakOff;
        self
    }

    /// Sends the head and the body as if more followed, and then sends nothing.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.act = Act::Stall;
        self
    }

    /// Waits this long before the rest.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits until `gate` is open before the rest.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Adds a header field. The value can have any bytes except CR, LF and NUL. A name can be added twice.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Answers with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Content::Fixed(body.into());
        self
    }

    /// Answers with a body of `length` zeros. The body is never in memory as a whole.
    #[must_use]
    pub fn zeros(mut self, length: usize) -> Self {
        self.body = Content::Zeros(length);
        self
    }

    /// Adds a trailer. Over HTTP/1.1 it arrives only if the request asked for trailers.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }
}
