//! What a server answered.

use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields; values are any bytes.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
    /// Its trailers; empty when there were none.
    pub trailers: HeaderMap,
}

impl Answer {
    /// The first value of a header field, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The name of the [`Upstream`](crate::upstream::Upstream) that answered; `None` when Envoy answered itself.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.header("x-upstream")
    }
}
