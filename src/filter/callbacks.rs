//! One request and its response: Envoy's callbacks.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::envoy::Envoy;
use crate::serving::{self, Dispatch};

/// A stream of Envoy.
pub struct Stream(serving::Stream<Envoy>);

impl Stream {
    pub fn new(dispatch: Rc<Dispatch<Envoy>>, id: u32) -> Self {
        Self(serving::Stream::new(dispatch, id))
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "trap")]
        if super::abi::header(serving::Map::RequestHeaders, "x-halftone-trap").is_some() {
            std::process::abort();
        }
        self.0.request_headers(end_of_stream);
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.0.request_body(size, end_of_stream);
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.0.request_trailers();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if self.0.response_headers(end_of_stream) {
            Action::Pause
        } else {
            Action::Continue
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.0.response_body(size, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.0.response_trailers();
        Action::Continue
    }

    fn on_log(&mut self) {
        self.0.ended();
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _trailers: usize) {
        self.0.answered(call, headers, body);
    }
}
