//! One request and its response.

use std::rc::Rc;
use std::time::Instant;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::capture::Selected;
use super::dispatch::{Dispatch, Recipient, count_ended, milliseconds_since};
use super::host;
use super::live::LiveRelease;
use super::pairing::ProductionAnswer;
use super::plugin_status;
use crate::event::ResponseClass;
use crate::mirror::capture::Capture;
use crate::release::{Decision, Release, Route};
use crate::request::{HeaderPairs, RequestHead};

/// The filter state that access logs print.
const ACCESS_LOG: &str = "halftone";

/// The filter state that tells the plugins behind this one that the request is decided: by which
/// header it is routed.
const ROUTED: &str = "halftone.routed";

/// What stands in [`ROUTED`] where the request is routed by its `:authority`, which is no header's
/// name.
const ROUTED_BY_AUTHORITY: &str = ":authority";

/// The response header that explains a decision to a client that asks.
const DECISION: &str = "x-halftone-decision";

/// The status of an upgrade that was accepted.
const SWITCHING_PROTOCOLS: u64 = 101;

pub struct Stream {
    dispatch: Rc<Dispatch>,
    decided: Option<Decided>,
    capture: Option<Capture<Recipient>>,
    /// Where a mirror's answer is compared with it.
    answer: Option<ProductionAnswer>,
}

/// What is still to be done for a request once it was decided.
struct Decided {
    at: Instant,
    release: Rc<LiveRelease>,
    version: usize,
    is_connect: bool,
    set_cookie: Option<String>,
    explanation: Option<String>,
    response: ResponseSeen,
}

/// What passed of a response.
#[derive(Clone, Copy, Default)]
struct ResponseSeen {
    /// 0: no head yet.
    status: u64,
    is_whole: bool,
}

impl Decided {
    /// How the response ended. Once it has passed here whole, nobody need be asked. In the stream's log
    /// callback.
    fn response_class(&self) -> ResponseClass {
        if self.response.is_whole {
            return ResponseClass::of_whole(self.response.status);
        }
        let (status, details) = (host::response_status(), host::response_details());
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

    fn copy(&mut self, selected: Selected, headers: HeaderPairs, end_of_stream: bool) {
        self.capture = selected.capture(headers);
        if let (Some(decided), Some(capture)) = (&self.decided, &self.capture) {
            let pairings = capture.targets().iter();
            let pairings = pairings.filter_map(|recipient| recipient.pairing.clone());
            self.answer = ProductionAnswer::new(decided.at, pairings);
        }
        if end_of_stream {
            self.end_copy();
        }
    }

    /// The response has come to its end.
    fn end_response(&mut self) {
        if let Some(decided) = &mut self.decided {
            decided.response.is_whole = true;
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

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if self.dispatch.live().releases.all().is_empty() {
            return Action::Continue;
        }
        let headers = host::request_headers();
        let exchange = Exchange {
            dispatch: &self.dispatch,
            head: RequestHead::new(&headers.borrowed()),
            is_alone: plugin_status::is_alone(),
        }
        .run();
        let (decided, selected) = exchange.unzip();
        self.decided = decided;
        if let Some(selected) = selected.flatten() {
            self.copy(selected, headers, end_of_stream);
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(capture) = &mut self.capture {
            count_ended(capture.body(size, host::request_body));
            if end_of_stream {
                self.end_copy();
            }
        }
        Action::Continue
    }

    /// Trailers end a request in place of the last part of its body.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.end_copy();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(decided) = &mut self.decided else {
            return Action::Continue;
        };
        decided.response.is_whole = end_of_stream;
        // Where the answer is compared all of its head is needed, and else its status alone.
        let compared = self.answer.as_mut().filter(|answer| answer.is_awaited());
        decided.response.status = match compared {
            Some(answer) => {
                let headers = host::response_headers();
                answer.head(&headers, end_of_stream);
                status(headers.get(":status"))
            }
            None => status(host::response_header(":status").as_deref()),
        };
        if let Some(cookie) = &decided.set_cookie {
            host::add_response_header("set-cookie", cookie);
        }
        if let Some(explanation) = &decided.explanation {
            host::set_response_header(DECISION, explanation);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(answer) = &mut self.answer {
            answer.body(size, end_of_stream);
        }
        if end_of_stream {
            self.end_response();
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if let Some(answer) = &mut self.answer {
            answer.trailers();
        }
        self.end_response();
        Action::Continue
    }

    /// Runs also for a request that an earlier filter answered, whose headers never came here:
    /// nothing was decided then.
    fn on_log(&mut self) {
        if let Some(capture) = self.capture.take() {
            count_ended(capture.abandon());
        }
        if let Some(answer) = &mut self.answer {
            answer.gone();
        }
        if let Some(decided) = &self.decided {
            let milliseconds = milliseconds_since(decided.at);
            let metrics = &decided.release.metrics;
            metrics.count_response(decided.version, decided.response_class(), milliseconds);
        }
    }
}

impl Context for Stream {}

fn status(value: Option<&[u8]>) -> u64 {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// One request, while it is decided.
struct Exchange<'s, 'h> {
    dispatch: &'s Dispatch,
    head: RequestHead<'h>,
    /// No other plugin can have decided it before, and none will ask.
    is_alone: bool,
}

impl Exchange<'_, '_> {
    fn run(&self) -> Option<(Decided, Option<Selected>)> {
        let Some(live) = self.dispatch.live().claiming(&self.head) else {
            self.remove_forged(None);
            return None;
        };
        if self.routed().is_some() {
            live.metrics.count_conflict();
            self.remove_forged(None);
            return None;
        }
        Some(self.decide(live))
    }

    fn decide(&self, live: &Rc<LiveRelease>) -> (Decided, Option<Selected>) {
        let releases = &self.dispatch.live().releases;
        let at = host::instant();
        let chance = host::random();
        let decision = self.decision(&live.release, chance);
        let outcome = decision.outcome;
        self.route(&decision);
        if releases.access_log {
            host::set_filter_state(ACCESS_LOG, outcome.log_entry());
        }
        live.metrics.count_request(outcome);
        let asked = releases
            .explain
            .as_ref()
            .is_some_and(|header| self.head.headers(header).next().is_some());
        let selected = Selected::new(live, &decision, &self.head, chance);
        let decided = Decided {
            at,
            release: Rc::clone(live),
            version: outcome.version().index(),
            is_connect: self.head.method() == b"CONNECT",
            set_cookie: decision.set_cookie(),
            explanation: asked.then(|| outcome.explanation()),
            response: ResponseSeen::default(),
        };
        (decided, selected)
    }

    fn decision<'r>(&self, release: &'r Release, chance: u64) -> Decision<'r> {
        match release
            .reads_source_address()
            .then(host::source_address)
            .flatten()
        {
            Some(address) => {
                release.decide(&self.head.clone().with_source_address(&address), chance)
            }
            None => release.decide(&self.head, chance),
        }
    }

    /// Makes the decision count: the route is chosen by what is written here.
    fn route(&self, decision: &Decision<'_>) {
        let version = decision.outcome.version();
        match (&decision.release.route, version.authority()) {
            (Route::Header(name), _) => {
                self.remove_forged(Some(name));
                let mut sent = self.head.headers(name);
                // What the client sent is right by chance, once: the route is chosen by it already.
                if !(sent.next() == Some(version.name().as_bytes()) && sent.next().is_none()) {
                    host::set_request_header(name, version.name());
                }
                self.set_routed(name);
            }
            (Route::Authority, Some(authority)) => {
                self.remove_forged(None);
                if self.head.authority() != authority.as_bytes() {
                    host::set_request_header(":authority", authority);
                }
                self.set_routed(ROUTED_BY_AUTHORITY);
            }
            (Route::Authority, None) => self.remove_forged(None),
        }
    }

    /// What an earlier plugin of this proxy routes the request by.
    fn routed(&self) -> Option<Vec<u8>> {
        (!self.is_alone)
            .then(|| host::filter_state(ROUTED))
            .flatten()
    }

    fn set_routed(&self, by: &str) {
        if !self.is_alone {
            host::set_filter_state(ROUTED, by);
        }
    }

    /// Removes what a client sent under the name of a routing header, but for `set`, which is
    /// overwritten, and for the one that an earlier plugin of this proxy set.
    fn remove_forged(&self, set: Option<&str>) {
        let forged: Vec<&str> = self
            .head
            .all_headers()
            .iter()
            .filter_map(|(name, _)| {
                let forged = self.dispatch.live().releases.is_routing_header(name)
                    && set.map(str::as_bytes) != Some(*name);
                forged.then(|| std::str::from_utf8(name).ok()).flatten()
            })
            .collect();
        if forged.is_empty() {
            return;
        }
        let routed = self.routed();
        for name in forged {
            if routed.as_deref() != Some(name.as_bytes()) {
                host::remove_request_header(name);
            }
        }
    }
}
