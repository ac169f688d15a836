//! The answer of a server.

use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields. Values are any bytes.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers, if there are any.
    pub trailers: HeaderMap,
}

impl Answer {
    /// The first value of a header field, if there is one and it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as a string, with invalid UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The name of the [`Upstream`](crate::upstream::Upstream) that answered, or `None` if Envoy answered.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.header("x-upstream")
    }
}
