//! One answer, as far as it is compared.

use super::body::Body;

/// What was kept of an answer to compare it with another: [`Reading::end`](super::Reading::end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP; 0 where there is none.
    pub status: u16,
    /// The status of gRPC; 2, unknown, where it is no number. `None`: there is none.
    pub grpc_status: Option<u32>,
    /// The values of each header that is compared, in the order of [`Compare::headers`](super::Compare::headers).
    pub(super) headers: Vec<Vec<Box<[u8]>>>,
    /// The values of its `set-cookie` headers.
    pub(in crate::mirror) set_cookies: Vec<Box<[u8]>>,
    /// The encoding of a body that is compressed.
    pub(super) encoding: Option<Box<str>>,
    pub(super) body: Body,
}

impl Answer {
    /// How many bytes of its body it holds in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.body {
            Body::Kept(bytes) => bytes.capacity(),
            _ => 0,
        }
    }

    /// Why its body cannot be compared, if it cannot.
    #[must_use]
    pub fn unfit(&self) -> Option<&'static str> {
        match self.body {
            Body::Unfit(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the statuses are not the same. Of an answer that was not read to its end, that of
    /// gRPC may be missing; then it says nothing.
    pub(super) fn status_differs(&self, other: &Self) -> bool {
        let is_told = |answer: &Self| answer.grpc_status.is_some() || answer.unfit().is_none();
        let grpc_differs = self.grpc_status != other.grpc_status && is_told(self) && is_told(other);
        self.status != other.status || grpc_differs
    }
}
