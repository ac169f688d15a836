//! How a response ended, from what passes of it and from Envoy's own words.

use std::fmt;

use crate::mirror::{RequestKind, grpc};
use crate::request::RequestHead;

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseClass {
    /// It was complete, and its status divided by 100 is this number, 1 to 5.
    Status(u8),
    /// It was complete, and its `grpc-status` says that the server failed.
    GrpcError,
    /// The version broke it off, it timed out after it had begun, or there was none.
    Reset,
    /// The client left, or broke the protocol.
    Aborted,
}

impl ResponseClass {
    /// Every class, in the order of [`ResponseClass::index`].
    pub const ALL: [Self; 8] = [
        Self::Status(1),
        Self::Status(2),
        Self::Status(3),
        Self::Status(4),
        Self::Status(5),
        Self::GrpcError,
        Self::Reset,
        Self::Aborted,
    ];

    /// The classes of complete responses, in the order of [`ResponseClass::index`].
    pub const OF_COMPLETE: [Self; 6] = [
        Self::Status(1),
        Self::Status(2),
        Self::Status(3),
        Self::Status(4),
        Self::Status(5),
        Self::GrpcError,
    ];

    /// Its index in [`ResponseClass::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Status(hundred) => usize::from(hundred.saturating_sub(1)),
            Self::GrpcError => 5,
            Self::Reset => 6,
            Self::Aborted => 7,
        }
    }

    /// The class of a complete response. `grpc_status` gives the `grpc-status` of its head or of its
    /// trailers; it is asked only for a call of gRPC.
    #[must_use]
    pub fn of_complete(
        call: Call,
        status: Option<&[u8]>,
        grpc_status: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Self {
        let mut response = Response::to(call);
        response.head(status, true);
        if response.is_grpc() {
            response.grpc_status(grpc_status().as_deref());
        }
        response.complete_class()
    }

    fn of_status(status: u64) -> Self {
        match u8::try_from(status / 100) {
            Ok(hundred @ 1..=5) => Self::Status(hundred),
            _ => Self::Reset,
        }
    }
}

impl fmt::Display for ResponseClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(hundred) => write!(f, "{hundred}xx"),
            Self::GrpcError => f.write_str("grpc_error"),
            Self::Reset => f.write_str("reset"),
            Self::Aborted => f.write_str("aborted"),
        }
    }
}

/// The kind of a request, as far as it decides how a response is classed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A request that is none of the others.
    Plain,
    /// gRPC: the outcome is in `grpc-status`, and the HTTP status is 200 whatever it is.
    Grpc,
    /// CONNECT: either side ends it by breaking it off.
    Tunnel,
}

impl Call {
    /// The kind of the request with this head.
    #[must_use]
    pub fn of(head: &RequestHead<'_>) -> Self {
        if head.method() == b"CONNECT" {
            Self::Tunnel
        } else if head.headers("content-type").any(grpc::is_grpc) {
            Self::Grpc
        } else {
            Self::Plain
        }
    }
}

impl From<RequestKind> for Call {
    fn from(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Plain => Self::Plain,
            RequestKind::Grpc => Self::Grpc,
            RequestKind::Tunnel => Self::Tunnel,
        }
    }
}

/// The statuses of gRPC that mean that the server failed: UNKNOWN, DEADLINE_EXCEEDED,
/// RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. The others are the client's
/// mistakes, or ordinary answers such as NOT_FOUND.
const GRPC_ERRORS: [&[u8]; 7] = [b"2", b"4", b"8", b"12", b"13", b"14", b"15"];

/// The status of an upgrade that was accepted.
const SWITCHING_PROTOCOLS: u64 = 101;

/// What has passed of one response.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    call: Call,
    /// 0 before the head.
    status: u64,
    is_grpc_error: bool,
    is_complete: bool,
}

impl Response {
    /// Nothing has passed yet of the response to this call.
    #[must_use]
    pub fn to(call: Call) -> Self {
        Self {
            call,
            status: 0,
            is_grpc_error: false,
            is_complete: false,
        }
    }

    /// Whether the `grpc-status` of headers and trailers is asked for.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.call == Call::Grpc
    }

    /// The status of its head, 0 before.
    #[must_use]
    pub fn status(&self) -> u64 {
        self.status
    }

    /// Whether it belongs to a tunnel, or to an upgrade that was accepted.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        self.call == Call::Tunnel || self.status == SWITCHING_PROTOCOLS
    }

    /// The head passes, with the value of `:status`.
    pub fn head(&mut self, status: Option<&[u8]>, end_of_stream: bool) {
        let text = status.and_then(|status| std::str::from_utf8(status).ok());
        self.status = text.and_then(|text| text.parse().ok()).unwrap_or_default();
        self.is_complete = end_of_stream;
    }

    /// A `grpc-status` passes, in the head of a response without a body or in the trailers.
    pub fn grpc_status(&mut self, status: Option<&[u8]>) {
        self.is_grpc_error |= status.is_some_and(|status| GRPC_ERRORS.contains(&status));
    }

    /// The response is complete.
    pub fn end(&mut self) {
        self.is_complete = true;
    }

    /// How it ended. If it did not pass completely, `ask` gives the status that the client got, 0 if
    /// none, and Envoy's reason for the response and for its end (`response.code_details`).
    #[must_use]
    pub fn class(&self, ask: impl FnOnce() -> (u64, Vec<u8>)) -> ResponseClass {
        if self.is_complete {
            return self.complete_class();
        }
        let (status, details) = ask();
        let is_tunnel = self.call == Call::Tunnel || status == SWITCHING_PROTOCOLS;
        match broken_off(status, &details) {
            Some(class) if !is_tunnel => class,
            _ => ResponseClass::of_status(status),
        }
    }

    fn complete_class(&self) -> ResponseClass {
        match ResponseClass::of_status(self.status) {
            ResponseClass::Status(2) if self.is_grpc_error => ResponseClass::GrpcError,
            class => class,
        }
    }
}

/// Who broke off a response after it had begun. None: nobody did. Envoy 1.40 was made to give each of
/// these details.
fn broken_off(status: u64, details: &[u8]) -> Option<ResponseClass> {
    const BY_CLIENT: [&[u8]; 4] = [b"downstream_", b"http1.", b"http2.", b"http3."];
    const BY_VERSION: [&[u8]; 1] = [b"upstream_reset_after_response_started"];
    const TIMED_OUT: [&[u8]; 4] = [
        b"response_timeout",
        b"stream_idle_timeout",
        b"max_duration_timeout",
        b"upstream_per_try_idle_timeout",
    ];
    const TIMEOUTS_OF_ENVOY: [u64; 2] = [408, 504];
    let begins = |words: &[&[u8]]| words.iter().any(|word| details.starts_with(word));
    // A timeout before the response begins gives a complete response of Envoy's own.
    let is_timeout = begins(&TIMED_OUT) && !TIMEOUTS_OF_ENVOY.contains(&status);
    if begins(&BY_CLIENT) {
        Some(ResponseClass::Aborted)
    } else {
        (begins(&BY_VERSION) || is_timeout).then_some(ResponseClass::Reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(call: Call, status: u64, details: &str) -> String {
        let ask = || (status, details.as_bytes().to_vec());
        Response::to(call).class(ask).to_string()
    }

    fn never() -> (u64, Vec<u8>) {
        panic!("a complete response asks nothing")
    }

    #[test]
    fn the_index_of_a_class_is_its_position() {
        for (index, class) in ResponseClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), index);
        }
        for (index, class) in ResponseClass::OF_COMPLETE.into_iter().enumerate() {
            assert_eq!(class.index(), index);
        }
    }

    #[test]
    fn the_class_of_a_complete_answer_asks_for_the_grpc_status_of_a_call_of_grpc_alone() {
        let failed = || Some(b"14".to_vec());
        let class = |call, status: &[u8], grpc_status: fn() -> Option<Vec<u8>>| {
            ResponseClass::of_complete(call, Some(status), grpc_status).to_string()
        };
        assert_eq!(class(Call::Grpc, b"200", failed), "grpc_error");
        assert_eq!(class(Call::Grpc, b"200", || None), "2xx");
        assert_eq!(class(Call::Grpc, b"503", failed), "5xx");
        assert_eq!(
            class(Call::Plain, b"503", || panic!("not a call of gRPC")),
            "5xx"
        );
    }

    #[test]
    fn the_class_of_a_complete_response_is_that_of_its_status() {
        let table = [
            (&b"200"[..], "2xx"),
            (b"101", "1xx"),
            (b"301", "3xx"),
            (b"404", "4xx"),
            (b"599", "5xx"),
            (b"600", "reset"),
            (b"\xff", "reset"),
        ];
        for (status, class) in table {
            for ends_with_head in [true, false] {
                let mut response = Response::to(Call::Plain);
                response.head(Some(status), ends_with_head);
                if !ends_with_head {
                    response.end();
                }
                assert_eq!(response.class(never).to_string(), class, "{status:?}");
            }
        }
    }

    #[test]
    fn a_grpc_status_of_a_failed_server_is_a_grpc_error() {
        let table = [
            (&b"200"[..], &b"0"[..], "2xx"),
            (b"200", b"1", "2xx"),
            (b"200", b"2", "grpc_error"),
            (b"200", b"3", "2xx"),
            (b"200", b"4", "grpc_error"),
            (b"200", b"5", "2xx"),
            (b"200", b"8", "grpc_error"),
            (b"200", b"12", "grpc_error"),
            (b"200", b"13", "grpc_error"),
            (b"200", b"14", "grpc_error"),
            (b"200", b"15", "grpc_error"),
            (b"200", b"16", "2xx"),
            (b"200", b"\xff", "2xx"),
            (b"503", b"14", "5xx"),
        ];
        for (status, grpc, class) in table {
            let mut response = Response::to(Call::Grpc);
            response.head(Some(status), false);
            response.grpc_status(Some(grpc));
            response.end();
            assert_eq!(response.class(never).to_string(), class, "{grpc:?}");
        }
    }

    #[test]
    fn a_response_of_envoy_that_did_not_pass_here_has_the_class_of_its_status() {
        let table = [
            (404, "via_upstream", "4xx"),
            (301, "direct_response", "3xx"),
            (
                503,
                "upstream_reset_before_response_started{connection_termination}",
                "5xx",
            ),
            (504, "response_timeout", "5xx"),
            (408, "stream_idle_timeout", "4xx"),
            (504, "max_duration_timeout", "5xx"),
            (200, "", "2xx"),
            (0, "", "reset"),
        ];
        for (status, details, class) in table {
            assert_eq!(
                asked(Call::Plain, status, details),
                class,
                "{status} {details}"
            );
        }
    }

    #[test]
    fn a_response_that_the_version_broke_off_is_a_reset() {
        let table = [
            (200, "upstream_reset_after_response_started{protocol_error}"),
            (404, "upstream_reset_after_response_started"),
            (200, "response_timeout"),
            (200, "stream_idle_timeout"),
            (200, "max_duration_timeout"),
            (200, "upstream_per_try_idle_timeout"),
        ];
        for (status, details) in table {
            assert_eq!(
                asked(Call::Plain, status, details),
                "reset",
                "{status} {details}"
            );
        }
    }

    #[test]
    fn a_response_that_the_client_left_is_aborted() {
        for status in [0, 200, 404] {
            for details in [
                "downstream_remote_disconnect",
                "http2.remote_reset",
                "http1.codec_error",
            ] {
                assert_eq!(
                    asked(Call::Plain, status, details),
                    "aborted",
                    "{status} {details}"
                );
                assert_eq!(
                    asked(Call::Grpc, status, details),
                    "aborted",
                    "{status} {details}"
                );
            }
        }
    }

    #[test]
    fn the_class_of_a_tunnel_is_that_of_its_status() {
        let details = "downstream_remote_disconnect";
        for (status, class) in [(101, "1xx"), (200, "2xx"), (503, "5xx"), (0, "reset")] {
            assert_eq!(asked(Call::Tunnel, status, details), class, "{status}");
        }
        assert_eq!(asked(Call::Plain, 101, details), "1xx", "an upgrade");
    }
}
