//! One request and its response.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::abi::{self, Buffer, Map};
use super::capture::Selected;
use super::dispatch::{Dispatch, Recipient, count_ended, milliseconds_since};
use super::live::LiveRelease;
use super::pairing::LivePairing;
use super::plugin_status;
use crate::draw::Draw;
use crate::effects::{DECISION, Effects, effects};
use crate::event::ResponseClass;
use crate::mirror::capture::Capture;
use crate::mirror::pairing::{EndedPairs, ProductionAnswer};
use crate::release::Version;
use crate::request::{HeaderPairs, RequestHead};

/// The filter state that access logs print.
const ACCESS_LOG: &str = "halftone";

/// The filter state that tells later plugins the header by which the request is routed. Its presence
/// says that the request is decided.
const ROUTED: &str = "halftone.routed";

/// The status of an upgrade that was accepted.
const SWITCHING_PROTOCOLS: u64 = 101;

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
    is_connect: bool,
    set_cookie: Option<String>,
    explanation: Option<String>,
    response: ResponseSeen,
}

/// What has passed of a response.
#[derive(Clone, Copy, Default)]
struct ResponseSeen {
    /// 0 before the head.
    status: u64,
    is_whole: bool,
}

impl Decided {
    /// The class of the response. Only in the log callback: a response that did not pass here whole
    /// costs two host calls.
    fn response_class(&self) -> ResponseClass {
        if self.response.is_whole {
            return ResponseClass::of_whole(self.response.status);
        }
        let (status, details) = (abi::response_status(), abi::response_details());
        let is_tunnel = self.is_connect || status == SWITCHING_PROTOCOLS;
        ResponseClass::of(status, &details, is_tunnel)
    }
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
    fn decide(&mut self, head: &RequestHead<'_>) -> Option<Selected> {
        let live = self.dispatch.live();
        let release = live.claiming(head);
        let address = release
            .filter(|live| live.release.reads_source_address())
            .and_then(|_| abi::source_address());
        let with_address;
        let head = match &address {
            Some(address) => {
                with_address = head.clone().with_source_address(address);
                &with_address
            }
            None => head,
        };
        let is_alone = plugin_status::is_alone();
        let draw = Draw {
            chance: abi::random(),
            now: 0,
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
            release.metrics.count_conflict();
        }
        let decision = effects.decision?;
        release.metrics.count_request(decision.outcome);
        self.decided = Some(Decided {
            at: abi::instant(),
            release: Rc::clone(release),
            version: Arc::clone(decision.outcome.version()),
            is_connect: head.method() == b"CONNECT",
            set_cookie: effects.set_cookie,
            explanation: effects.explanation,
            response: ResponseSeen::default(),
        });
        Selected::new(release, &decision, head, draw)
    }

    fn copy(&mut self, selected: Selected, headers: HeaderPairs, end_of_stream: bool) {
        self.capture = selected.capture(headers);
        let recipients = self.capture.iter().flat_map(Capture::targets);
        let pairs = recipients.filter_map(|recipient| recipient.pairing.clone());
        self.answer = ProductionAnswer::new(pairs);
        if end_of_stream {
            self.end_copy();
        }
    }

    fn end_response(&mut self) {
        if let Some(decided) = &mut self.decided {
            decided.response.is_whole = true;
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
        let selected = self.decide(&RequestHead::new(&headers.borrowed()));
        if let Some(selected) = selected {
            self.copy(selected, headers, end_of_stream);
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
        decided.response.status = match compared {
            Some(answer) => {
                let headers = abi::headers(Map::ResponseHeaders);
                answer.head(&headers.borrowed(), end_of_stream);
                status(headers.get(":status"))
            }
            None => status(abi::header(Map::ResponseHeaders, ":status").as_deref()),
        };
        if let Some(cookie) = &decided.set_cookie {
            abi::add_header(Map::ResponseHeaders, "set-cookie", cookie);
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
            let metrics = &decided.release.metrics;
            let milliseconds = milliseconds_since(decided.at);
            metrics.count_response(&decided.version, decided.response_class(), milliseconds);
        }
    }
}

impl Context for Stream {}

fn report(pairs: EndedPairs<LivePairing>) {
    for (pair, compared) in pairs {
        pair.report(compared);
    }
}

/// The number of a `:status`, 0 if it is none.
fn status(value: Option<&[u8]>) -> u64 {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
