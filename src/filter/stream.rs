//! One request and its response.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::abi::{self, Buffer, Map, Metric};
use super::dispatch::{self, Dispatch, GRPC_STATUS, Recipient, count_ended, milliseconds_since};
use super::live::LiveRelease;
use super::pairing::LivePairing;
use super::plugin_status;
use crate::draw::Draw;
use crate::effects::{DECISION, Effects, NOT_FOR_OTHERS, effects, shares_cookies};
use crate::event::{Call, Response};
use crate::live::Selected;
use crate::mirror::capture::Capture;
use crate::mirror::pairing::{EndedPairs, ProductionAnswer};
use crate::release::Version;
use crate::request::{Header, RequestHead};

/// The filter state that access logs print.
const ACCESS_LOG: &str = "halftone";

/// The filter state that tells later plugins the header by which the request is routed. Its presence
/// says that the request is decided.
const ROUTED: &str = "halftone.routed";

const CACHE_CONTROL: &str = "cache-control";

pub struct Stream {
    dispatch: Rc<Dispatch>,
    decided: Option<Decided>,
    capture: Option<Capture<Recipient>>,
    /// Production's answer, if a mirror's answer is compared with it.
    answer: Option<ProductionAnswer<LivePairing>>,
}

/// What is left to do for a request that was decided.
struct Decided {
    at: Instant,
    release: Rc<LiveRelease>,
    version: Arc<Version>,
    set_cookie: Option<String>,
    explanation: Option<String>,
    response: Response,
}

impl Stream {
    pub fn new(dispatch: Rc<Dispatch>) -> Self {
        Self {
            dispatch,
            decided: None,
            capture: None,
            answer: None,
        }
    }

    /// Decides the request, performs the effects on it, and returns the mirrors that get a copy.
    fn decide(&mut self, headers: &[Header<'_>]) -> Option<Selected<Metric>> {
        let live = self.dispatch.live();
        let mut head = RequestHead::new(headers);
        let release = live.claiming(&head);
        let reads_address = release.is_some_and(|live| live.release.reads_source_address());
        if let Some(address) = reads_address.then(abi::source_address).flatten() {
            head = head.with_source_address(address);
        }
        let head = &head;
        let is_alone = plugin_status::is_alone();
        let has_ramp = release.is_some_and(|live| live.release.ramp().is_some());
        let draw = Draw {
            chance: abi::random(),
            now: if has_ramp { abi::now() } else { 0 },
        };
        let effects = effects(
            live.settings(),
            release.map(|live| &*live.release),
            head,
            || (!is_alone).then(|| abi::filter_state(ROUTED)).flatten(),
            draw,
            &mut (),
        );
        change_request(&effects, is_alone);
        let release = release?;
        if effects.is_conflict {
            release.metrics().count_conflict();
        }
        let decision = effects.decision?;
        release.metrics().count_request(decision.outcome);
        self.decided = Some(Decided {
            at: abi::instant(),
            release: Rc::clone(release),
            version: Arc::clone(decision.outcome.version()),
            set_cookie: effects.set_cookie,
            explanation: effects.explanation,
            response: Response::to(Call::of(head)),
        });
        let selected = release.select(&decision, head, draw.chance);
        release.metrics().count_unread(head.budget().unread());
        selected
    }

    fn end_response(&mut self) {
        if let Some(decided) = &mut self.decided {
            decided.response.end();
            if let Some(answer) = self.answer.take() {
                report(answer.end(milliseconds_since(decided.at)));
            }
        }
    }

    fn end_copy(&mut self) {
        if let Some(capture) = self.capture.take() {
            let (copies, ended) = capture.end();
            count_ended(ended);
            self.dispatch.put(copies);
        }
    }
}

/// Performs the effects on the request headers. Plugins behind this one read the mark; if there are
/// none, it is not written.
fn change_request(effects: &Effects<'_, '_>, is_alone: bool) {
    for name in &effects.removed {
        abi::remove_header(Map::RequestHeaders, name);
    }
    if let Some(set) = effects.set {
        if !set.is_present {
            abi::set_header(Map::RequestHeaders, set.name, set.value);
        }
        if !is_alone {
            abi::set_filter_state(ROUTED, set.name);
        }
    }
    if let Some(entry) = effects.access_log {
        abi::set_filter_state(ACCESS_LOG, entry);
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if self.dispatch.live().all().is_empty() {
            return Action::Continue;
        }
        let headers = abi::headers(Map::RequestHeaders);
        #[cfg(feature = "trap")]
        if headers.get("x-halftone-trap").is_some() {
            std::process::abort();
        }
        let selected = self.decide(&headers.borrowed());
        if let Some(selected) = selected {
            let capture = dispatch::capture(selected, headers);
            let recipients = capture.targets().iter();
            let pairs = recipients.filter_map(|recipient| recipient.pairing.clone());
            self.answer = ProductionAnswer::new(pairs);
            self.capture = Some(capture);
        }
        if end_of_stream {
            self.end_copy();
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(capture) = &mut self.capture {
            count_ended(capture.body(size, |size| abi::buffer(Buffer::RequestBody, size)));
            if end_of_stream {
                self.end_copy();
            }
        }
        Action::Continue
    }

    /// Trailers end a request in place of the last chunk of its body.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.end_copy();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(decided) = &mut self.decided else {
            return Action::Continue;
        };
        // A comparison needs all headers, everybody else the status alone.
        let compared = self.answer.as_mut().filter(|answer| answer.is_awaited());
        match compared {
            Some(answer) => {
                let headers = abi::headers(Map::ResponseHeaders);
                answer.head(&headers.borrowed(), end_of_stream);
                decided.response.head(headers.get(":status"), end_of_stream);
            }
            None => {
                let status = abi::header(Map::ResponseHeaders, ":status");
                decided.response.head(status.as_deref(), end_of_stream);
            }
        }
        if decided.response.is_grpc() {
            let status = abi::header(Map::ResponseHeaders, GRPC_STATUS);
            decided.response.grpc_status(status.as_deref());
        }
        if let Some(cookie) = &decided.set_cookie {
            abi::add_header(Map::ResponseHeaders, "set-cookie", cookie);
            let cache_control = abi::header(Map::ResponseHeaders, CACHE_CONTROL);
            if shares_cookies(cache_control.as_deref()) {
                abi::add_header(Map::ResponseHeaders, CACHE_CONTROL, NOT_FOR_OTHERS);
            }
        }
        if let Some(explanation) = &decided.explanation {
            abi::set_header(Map::ResponseHeaders, DECISION, explanation);
        }
        if end_of_stream {
            self.end_response();
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(answer) = &mut self.answer {
            answer.body(size, |size| abi::buffer(Buffer::ResponseBody, size));
        }
        if end_of_stream {
            self.end_response();
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if let Some(answer) = &mut self.answer {
            answer.trailers(|| abi::headers(Map::ResponseTrailers));
        }
        if let Some(decided) = &mut self.decided
            && decided.response.is_grpc()
        {
            let status = abi::header(Map::ResponseTrailers, GRPC_STATUS);
            decided.response.grpc_status(status.as_deref());
        }
        self.end_response();
        Action::Continue
    }

    /// Runs also for a request that an earlier filter answered. Its headers never came here, so
    /// nothing was decided.
    fn on_log(&mut self) {
        if let Some(capture) = self.capture.take() {
            count_ended(capture.abandon());
        }
        if let Some(answer) = self.answer.take() {
            report(answer.abandon());
        }
        if let Some(decided) = &self.decided {
            let metrics = decided.release.metrics();
            let milliseconds = milliseconds_since(decided.at);
            let ask = || (abi::response_status(), abi::response_details());
            metrics.count_response(&decided.version, decided.response.class(ask), milliseconds);
        }
    }
}

impl Context for Stream {}

fn report(pairs: EndedPairs<LivePairing>) {
    for (pair, compared) in pairs {
        pair.report(compared);
    }
}
