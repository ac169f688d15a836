//! The parts of an answer that are compared.

use super::body::Body;

/// The parts of an answer that are compared. [`Reading::end`](super::Reading::end) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status. 0: there is none.
    pub status: u16,
    /// The gRPC status. 2 (unknown): it is not a number. None: there is none.
    pub grpc_status: Option<u32>,
    /// The values of each header that is compared, in the order of [`Compare::headers`](super::Compare::headers).
    pub(super) headers: Vec<Vec<Box<[u8]>>>,
    /// The values of its `set-cookie` headers.
    pub(in crate::mirror) set_cookies: Vec<Box<[u8]>>,
    /// The values of its headers that samples hide.
    pub(in crate::mirror) redacted: Vec<Box<[u8]>>,
    /// The encoding of a compressed body.
    pub(super) encoding: Option<Box<str>>,
    pub(super) body: Body,
}

impl Answer {
    /// The bytes of its body that it holds in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.body {
            Body::Kept(bytes) => bytes.capacity(),
            _ => 0,
        }
    }

    /// Its body, if it was kept to be compared as JSON. Empty: it was not.
    pub(in crate::mirror) fn json(&self) -> &[u8] {
        match &self.body {
            Body::Kept(bytes) => bytes,
            _ => &[],
        }
    }

    /// The reason why its body cannot be compared.
    #[must_use]
    pub fn unfit(&self) -> Option<&'static str> {
        match self.body {
            Body::Unfit(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the statuses differ. An answer that was not read to its end may lack its gRPC status.
    /// Then the gRPC statuses are not compared.
    pub(super) fn status_differs(&self, other: &Self) -> bool {
        let is_known = |answer: &Self| answer.grpc_status.is_some() || answer.unfit().is_none();
        let grpc_differs =
            self.grpc_status != other.grpc_status && is_known(self) && is_known(other);
        self.status != other.status || grpc_differs
    }
}
