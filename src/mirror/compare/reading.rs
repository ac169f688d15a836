//! Reads an answer while it passes.

use std::fmt;

use xxhash_rust::xxh64::Xxh64;

use super::answer::Answer;
use super::body::{Body, Digest};
use super::{BodyMode, Compare};
use crate::mirror::grpc::{Frames, Messages, is_grpc};
use crate::mirror::limits::capacity_for;
use crate::request::Header;

const STREAM: &str = "a body is a stream";
const TOO_LARGE: &str = "a body is too large";
const NO_ROOM: &str = "there was no room for a body";
const INCOMPLETE: &str = "a gRPC message is not whole";

/// The gRPC status for a value that is not a status.
const UNKNOWN: u32 = 2;

/// An answer that is being read: the head, then chunks of the body and trailers. The result is an
/// [`Answer`].
#[derive(Clone)]
pub struct Reading {
    /// Its body is [`Body::Kept`] from the beginning, or is set at the end.
    answer: Answer,
    /// The hash of a body that is not kept.
    hash: Option<Xxh64>,
    /// The frames of a gRPC body.
    frames: Option<Frames>,
    max_body: usize,
    length: usize,
    has_ended: bool,
}

/// The kind of a body, by its content type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    EventStream,
    Grpc,
    Other,
}

impl Compare {
    /// Begins to read an answer by its head: `headers` with `:status`, names in lower case. If
    /// `end_of_stream`, there is no body.
    #[must_use]
    pub fn read(&self, headers: &[Header<'_>], end_of_stream: bool) -> Reading {
        let values = |name: &[u8]| -> Vec<Box<[u8]>> {
            let named = headers.iter().filter(|header| header.0 == name);
            named.map(|header| header.1.into()).collect()
        };
        let content_type = values(b"content-type");
        let kind = content_type
            .first()
            .map_or(Kind::Other, |value| kind_of(value));
        let encoding = encoding_of(&values(b"content-encoding"));
        let is_json = match self.body {
            BodyMode::Auto => kind == Kind::Json,
            BodyMode::Json => true,
            BodyMode::Bytes | BodyMode::None => false,
        };
        let is_auto = self.body == BodyMode::Auto;
        let body = match self.body {
            BodyMode::None => Body::Unread,
            _ if is_auto && kind == Kind::EventStream && !end_of_stream => Body::Unfit(STREAM),
            _ if is_json && encoding.is_none() => Body::Kept(Vec::new()),
            _ => Body::Unread,
        };
        let is_hashed = body == Body::Unread && self.body != BodyMode::None;
        let mut reading = Reading {
            answer: Answer {
                status: number(&values(b":status")).map_or(0, |status| status as u16),
                grpc_status: None,
                headers: self
                    .headers
                    .iter()
                    .map(|name| values(name.as_bytes()))
                    .collect(),
                set_cookies: values(b"set-cookie"),
                redacted: self
                    .redact
                    .headers
                    .iter()
                    .flat_map(|name| values(name.as_bytes()))
                    .collect(),
                encoding,
                body,
            },
            hash: is_hashed.then(|| Xxh64::new(0)),
            frames: (is_auto && kind == Kind::Grpc).then(Frames::default),
            max_body: self.max_body,
            length: 0,
            has_ended: end_of_stream,
        };
        reading.trailers(headers);
        reading
    }
}

impl Reading {
    /// Whether it needs more of the body. Trailers and the end can still come if it does not.
    #[must_use]
    pub fn wants(&self) -> bool {
        !self.has_ended && (self.hash.is_some() || matches!(self.answer.body, Body::Kept(_)))
    }

    /// The bytes of the head that it keeps.
    #[must_use]
    pub fn head_size(&self) -> usize {
        let values = self.answer.headers.iter().flatten();
        let values = values.chain(&self.answer.set_cookies);
        let values = values.chain(&self.answer.redacted);
        values.map(|value| value.len()).sum()
    }

    /// The bytes of memory that it holds for the body.
    #[must_use]
    pub fn held(&self) -> usize {
        self.answer.held()
    }

    /// The bytes of memory that a chunk of `length` bytes adds. 0 if it takes no more.
    #[must_use]
    pub fn growth(&self, length: usize) -> usize {
        match &self.answer.body {
            Body::Kept(bytes) if self.wants() => {
                self.capacity(length).saturating_sub(bytes.capacity())
            }
            _ => 0,
        }
    }

    /// The capacity that it needs with `length` more bytes. A body that is then too large needs none.
    fn capacity(&self, length: usize) -> usize {
        match &self.answer.body {
            Body::Kept(bytes) if self.is_over(length) => bytes.capacity(),
            Body::Kept(bytes) => capacity_for(bytes, length, self.max_body),
            _ => 0,
        }
    }

    /// Whether the body is too large with `length` more bytes.
    #[must_use]
    pub fn is_over(&self, length: usize) -> bool {
        self.length.saturating_add(length) > self.max_body
    }

    /// Drops the body because it is too large.
    pub fn cut_short(&mut self) {
        if self.wants() {
            self.drop_body(TOO_LARGE);
        }
    }

    /// Takes the next bytes of the body. A body that becomes too large, or that is a stream, is
    /// dropped.
    pub fn push(&mut self, chunk: &[u8]) {
        if !self.wants() {
            return;
        }
        let capacity = self.capacity(chunk.len());
        self.length = self.length.saturating_add(chunk.len());
        if self.length > self.max_body {
            return self.drop_body(TOO_LARGE);
        }
        if let Some(frames) = &mut self.frames {
            frames.push(chunk);
            if frames.is_stream() {
                return self.drop_body(STREAM);
            }
        }
        if let Some(hash) = &mut self.hash {
            hash.update(chunk);
        }
        if let Body::Kept(bytes) = &mut self.answer.body {
            bytes.reserve_exact(capacity - bytes.len());
            bytes.extend_from_slice(chunk);
        }
    }

    /// Takes the trailers. They have the gRPC status.
    pub fn trailers(&mut self, trailers: &[Header<'_>]) {
        let status = trailers.iter().find(|header| header.0 == b"grpc-status");
        if let Some((_, value)) = status {
            self.answer.grpc_status = Some(number(&[*value]).unwrap_or(UNKNOWN));
        }
    }

    /// Drops the body because there is no memory for it. It is not compared.
    pub fn give_up(&mut self) {
        if self.wants() {
            self.drop_body(NO_ROOM);
        }
    }

    fn drop_body(&mut self, reason: &'static str) {
        self.hash = None;
        self.answer.body = Body::Unfit(reason);
    }

    /// The whole answer has been read.
    #[must_use]
    pub fn end(mut self) -> Answer {
        if let Some(hash) = self.hash {
            self.answer.body = Body::Hashed(Digest {
                length: self.length as u64,
                hash: hash.digest(),
            });
            if let Some(Messages::Incomplete) = self.frames.map(|frames| frames.messages()) {
                self.answer.body = Body::Unfit(INCOMPLETE);
            }
        }
        self.answer
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reading = f.debug_struct("Reading");
        reading.field("answer", &self.answer);
        reading
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The kind that `content_type` gives. Its parameters and its case do not matter.
fn kind_of(content_type: &[u8]) -> Kind {
    let media = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let media = media.trim_ascii().to_ascii_lowercase();
    match &*media {
        b"application/json" | b"text/json" => Kind::Json,
        b"text/event-stream" => Kind::EventStream,
        media if is_grpc(media) => Kind::Grpc,
        media if media.ends_with(b"+json") && media.contains(&b'/') => Kind::Json,
        _ => Kind::Other,
    }
}

/// The encodings of a compressed body, as text. None: the body is not compressed.
fn encoding_of(values: &[Box<[u8]>]) -> Option<Box<str>> {
    let all = values.join(&b", "[..]);
    let mut codings = all.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    let is_compressed = !codings.all(is_plain);
    is_compressed.then(|| String::from_utf8_lossy(&all).into())
}

/// The number that the first of `values` is. None: it is not a number of at most four digits.
fn number<T: AsRef<[u8]>>(values: &[T]) -> Option<u32> {
    let digits = values.first()?.as_ref();
    let is_number = matches!(digits.len(), 1..=4) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    })
}
