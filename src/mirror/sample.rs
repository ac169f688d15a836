//! The log lines about answers that differ.

use std::fmt::{self, Write as _};

use super::compare::{Answer, Comparison, Difference, Place};
use super::redact::Redact;
use super::secrets::{SecretHeader, Secrets};
use crate::escape::json_string;

/// Replaces a secret.
pub(super) const HIDDEN: &str = "(hidden)";

/// The longest value that a sample shows, in characters.
const LONGEST_VALUE: usize = 64;

/// The longest other text of a request or an answer that a sample shows, in characters.
const LONGEST_TEXT: usize = 256;

const MINUTE: u64 = 60_000;

/// Two answers to one request, and how they compare. It prints as one line of JSON.
///
/// A long text of the request or an answer is cut. A text that contains a secret, and the value of a
/// [`SecretHeader`] or at a place to redact, is replaced by `(hidden)`.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The release's name.
    pub release: &'a str,
    /// The mirror's name.
    pub mirror: &'a str,
    /// The value of the request's `x-request-id`.
    pub request_id: Option<&'a [u8]>,
    /// The request's method.
    pub method: &'a [u8],
    /// The request's path, with the query if it is shown.
    pub path: &'a [u8],
    /// Production's answer, if there was one.
    pub production_answer: Option<&'a Answer>,
    /// The mirror's answer, if there was one.
    pub mirror_answer: Option<&'a Answer>,
    /// The time that production took, in milliseconds.
    pub production_milliseconds: Option<u64>,
    /// The time that the mirror took, in milliseconds.
    pub mirror_milliseconds: Option<u64>,
    /// How the answers compare.
    pub comparison: &'a Comparison,
    /// The headers and the places of a body whose values must not be shown.
    pub redact: &'a Redact,
    /// The texts that must not be shown.
    pub secrets: &'a Secrets,
}

impl fmt::Display for Sample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = |answer: Option<&Answer>| answer.map(|answer| u64::from(answer.status));
        let grpc_status =
            |answer: Option<&Answer>| answer.and_then(|answer| answer.grpc_status).map(u64::from);
        f.write_str("{\"release\":")?;
        json_string(f, self.release.chars())?;
        f.write_str(",\"mirror\":")?;
        json_string(f, self.mirror.chars())?;
        f.write_str(",\"requestId\":")?;
        self.text(f, self.request_id, LONGEST_TEXT)?;
        f.write_str(",\"method\":")?;
        self.text(f, Some(self.method), LONGEST_TEXT)?;
        f.write_str(",\"path\":")?;
        self.text(f, Some(self.path), LONGEST_TEXT)?;
        write!(f, ",\"result\":\"{}\"", self.comparison.result)?;
        number(f, "productionStatus", status(self.production_answer))?;
        number(f, "mirrorStatus", status(self.mirror_answer))?;
        for (name, answer) in [
            ("productionGrpcStatus", self.production_answer),
            ("mirrorGrpcStatus", self.mirror_answer),
        ] {
            if let Some(status) = grpc_status(answer) {
                number(f, name, Some(status))?;
            }
        }
        number(f, "productionMilliseconds", self.production_milliseconds)?;
        number(f, "mirrorMilliseconds", self.mirror_milliseconds)?;
        f.write_str(",\"differences\":[")?;
        for (index, difference) in self.comparison.differences.iter().enumerate() {
            f.write_str(if index == 0 { "{" } else { ",{" })?;
            self.difference(f, difference)?;
            f.write_char('}')?;
        }
        f.write_char(']')?;
        if let Some(note) = &self.comparison.note {
            f.write_str(",\"note\":")?;
            self.text(f, Some(note.as_bytes()), LONGEST_TEXT)?;
        }
        f.write_char('}')
    }
}

impl Sample<'_> {
    fn difference(&self, f: &mut fmt::Formatter<'_>, difference: &Difference) -> fmt::Result {
        let is_secret;
        match &difference.place {
            Place::Header(name) => {
                f.write_str("\"header\":")?;
                json_string(f, name.chars())?;
                is_secret =
                    SecretHeader::of(&**name).is_some() || self.redact.has_header(name.as_bytes());
            }
            Place::Pointer(pointer) => {
                f.write_str("\"pointer\":")?;
                let place = self.redact.place(pointer);
                is_secret = place.is_some();
                // A name below a hidden place is part of its value.
                let pointer = place.unwrap_or(pointer);
                let unescaped = pointer.replace("~1", "/").replace("~0", "~");
                let hidden = self.hides(unescaped.as_bytes(), LONGEST_TEXT);
                let pointer = if hidden { HIDDEN } else { pointer };
                self.text(f, Some(pointer.as_bytes()), LONGEST_TEXT)?;
            }
        }
        for (name, value) in [
            (",\"production\":", &difference.production),
            (",\"mirror\":", &difference.mirror),
        ] {
            f.write_str(name)?;
            let value = value.as_deref();
            let value = value.map(|value| if is_secret { HIDDEN.as_bytes() } else { value });
            self.text(f, value, LONGEST_VALUE)?;
        }
        Ok(())
    }

    fn hides(&self, text: &[u8], longest: usize) -> bool {
        // A character has at most four bytes.
        self.secrets.are_in(text, 4 * longest)
    }

    /// Writes a text from outside as a JSON string: cut if it is long, replaced if it has a secret.
    fn text(&self, f: &mut fmt::Formatter<'_>, text: Option<&[u8]>, longest: usize) -> fmt::Result {
        let Some(text) = text else {
            return f.write_str("null");
        };
        if self.hides(text, longest) {
            return json_string(f, HIDDEN.chars());
        }
        let begin = text.get(..4 * longest + 4).unwrap_or(text);
        let begin = String::from_utf8_lossy(begin);
        let is_long = begin.chars().nth(longest).is_some();
        json_string(f, begin.chars().take(longest).chain(is_long.then_some('…')))
    }
}

fn number(f: &mut fmt::Formatter<'_>, name: &str, number: Option<u64>) -> fmt::Result {
    write!(f, ",\"{name}\":")?;
    match number {
        Some(number) => write!(f, "{number}"),
        None => f.write_str("null"),
    }
}

/// Limits the samples in a minute, so that they do not flood the log. A minute begins with its first
/// sample.
#[derive(Clone, Debug)]
pub struct Samples {
    per_minute: u32,
    since: Option<u64>,
    taken: u32,
}

impl Samples {
    /// Allows `per_minute` samples in a minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            since: None,
            taken: 0,
        }
    }

    /// Whether a sample is allowed at `now`, in milliseconds since any fixed time. If the clock goes back,
    /// the current minute begins again, with the samples that it had.
    pub fn take(&mut self, now: u64) -> bool {
        match self.since {
            Some(since) if now < since => self.since = Some(now),
            Some(since) if now - since < MINUTE => {}
            _ => {
                self.since = Some(now);
                self.taken = 0;
            }
        }
        let is_free = self.taken < self.per_minute;
        self.taken += u32::from(is_free);
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_of_a_minute_are_limited() {
        let mut samples = Samples::new(2);
        let table = [
            (100_000, true),
            (100_001, true),
            (100_002, false),
            (159_999, false),
            (160_000, true),
            (10_000, true),
            (10_001, false),
            (69_999, false),
            (70_000, true),
            (u64::MAX, true),
            (u64::MAX, true),
            (u64::MAX, false),
            (0, false),
            (60_000, true),
        ];
        for (now, taken) in table {
            assert_eq!(samples.take(now), taken, "{now}");
        }
        assert!(!Samples::new(0).take(0));
    }
}
