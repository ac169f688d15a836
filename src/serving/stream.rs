//! One request and its response.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::dispatch::{self, Dispatch, GRPC_STATUS, Recipient, count_ended, milliseconds_since};
use super::host::{Buffer, Host, Map};
use super::pairing::LivePairing;
use super::reading::Reading;
use super::resend::Resent;
use crate::draw::Draw;
use crate::effects::{DECISION, Effects, NOT_FOR_OTHERS, effects_overruled, shares_cookies};
use crate::event::{Call, Response};
use crate::live::{EndedResponse, LiveRelease, Overruled, Selected};
use crate::mirror::capture::Capture;
use crate::mirror::pairing::{EndedPairs, ProductionAnswer};
use crate::release::Version;
use crate::request::{Header, HeaderPairs, RequestHead};

/// The filter state that access logs print.
const ACCESS_LOG: &str = "halftone";

/// The filter state that tells later plugins the header by which the request is routed. Its presence
/// says that the request is decided.
pub const ROUTED: &str = "halftone.routed";

const AUTHORITY: &str = ":authority";

const CACHE_CONTROL: &str = "cache-control";

/// One request and its response.
#[derive(Debug)]
pub struct Stream<H: Host> {
    dispatch: Rc<Dispatch<H>>,
    /// The id of its context.
    id: u32,
    decided: Option<Decided<H::Metric>>,
    capture: Option<Capture<Recipient<H>>>,
    /// Production's answer, if a mirror's answer is compared with it.
    answer: Option<ProductionAnswer<LivePairing<H>>>,
}

/// What is left to do for a request that was decided.
#[derive(Debug)]
struct Decided<M> {
    at: Instant,
    release: Rc<LiveRelease<M>>,
    version: Arc<Version>,
    /// Whether the version had no endpoint before this request.
    is_try: bool,
    is_unreachable: bool,
    /// Whether the request may be sent again if it has no body.
    resends: bool,
    /// The head of a request that may be sent again.
    head: Option<HeaderPairs>,
    resent: Option<Resent>,
    set_cookies: [Option<String>; 2],
    explanation: Option<String>,
    /// The number of the session, if the release has a guard.
    session: Option<u64>,
    response: Response,
}

impl<M> Decided<M> {
    /// Whether the `grpc-status` of the response counts.
    fn counts_grpc(&self) -> bool {
        self.response.is_grpc() && self.release.release.counts_responses
    }
}

impl<H: Host> Stream<H> {
    /// A request in the context `id`, whose copies go to `dispatch`.
    pub fn new(dispatch: Rc<Dispatch<H>>, id: u32) -> Self {
        Self {
            dispatch,
            id,
            decided: None,
            capture: None,
            answer: None,
        }
    }

    /// Decides the request, performs the effects on it, and returns the mirrors that get a copy.
    fn decide(&mut self, headers: &HeaderPairs, is_alone: bool) -> Option<Selected<H::Metric>> {
        let live = self.dispatch.live();
        let pairs = headers.borrowed();
        let mut head = RequestHead::new(&pairs);
        let release = live.claiming(&head);
        let reads_address = release.is_some_and(|live| live.release.reads_source_address());
        if let Some(address) = reads_address.then(H::source_address).flatten() {
            head = head.with_source_address(address);
        }
        let head = &head;
        let reads_clock = release.is_some_and(|live| live.release.reads_clock());
        let draw = Draw {
            chance: H::random(),
            now: if reads_clock { H::now() } else { 0 },
        };
        let mut is_try = false;
        let effects = effects_overruled(
            live.settings(),
            release.map(|live| &*live.release),
            head,
            || (!is_alone).then(|| routed_by::<H>(release)).flatten(),
            draw,
            &mut (),
            |decision| match release?.overrule(decision.outcome, &H::default(), H::now) {
                Overruled::By(outcome) => Some(outcome),
                overruled => {
                    is_try = matches!(overruled, Overruled::Try);
                    None
                }
            },
        );
        change_request::<H>(&effects, is_alone);
        let release = release?;
        if effects.is_conflict {
            release.metrics().count_conflict();
        }
        let decision = effects.decision?;
        release.metrics().count_request(decision.outcome);
        self.decided = Some(Decided {
            at: H::instant(),
            release: Rc::clone(release),
            version: Arc::clone(decision.outcome.version()),
            is_try,
            resends: release.resends(decision.outcome),
            is_unreachable: false,
            head: None,
            resent: None,
            set_cookies: [effects.set_cookie, effects.set_invitation],
            explanation: effects.explanation,
            session: release
                .release
                .guard
                .as_ref()
                .and_then(|_| decision.session(head)),
            response: Response::to(Call::of(head)),
        });
        let selected = release.select(&decision, head, draw.chance);
        release.metrics().count_unread(head.budget().unread());
        selected
    }

    /// Whether the response is that of no version, and the request was sent again.
    fn resend(&mut self, has_no_body: bool) -> bool {
        let Some(decided) = &mut self.decided else {
            return false;
        };
        let (release, version) = (&decided.release, &decided.version);
        if release.release.fallback.is_none() {
            return false;
        }
        let (flags, cluster) = (H::response_flags, H::cluster);
        let (status, is_try) = (decided.response.status(), decided.is_try);
        decided.is_unreachable =
            release.has_no_endpoint(version, is_try, status, &H::default(), flags, cluster);
        let head = decided.head.take().filter(|_| decided.is_unreachable);
        decided.resent = head
            .and_then(|head| Resent::send(&self.dispatch, release, version, &head, has_no_body));
        decided.resent.is_some()
    }

    fn end_response(&mut self) {
        if let Some(decided) = &mut self.decided {
            decided.response.end();
            if let Some(answer) = self.answer.take() {
                report(answer.end(milliseconds_since::<H>(decided.at)));
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

/// The header by which an earlier plugin routes the request. If there is none and `release` claims the
/// request, plugins behind this one see that this one routes it.
fn routed_by<H: Host>(release: Option<&Rc<LiveRelease<H::Metric>>>) -> Option<Vec<u8>> {
    let is_ours = |live: &Rc<LiveRelease<H::Metric>>| {
        H::claim_filter_state(ROUTED, live.release.route.header())
    };
    match release {
        Some(live) if is_ours(live) => None,
        _ => H::filter_state(ROUTED),
    }
}

/// Performs the effects on the request headers.
fn change_request<H: Host>(effects: &Effects<'_, '_>, is_alone: bool) {
    for name in &effects.removed {
        H::remove_header(Map::RequestHeaders, name);
    }
    if let Some(set) = effects.set {
        if !set.is_present {
            H::set_header(Map::RequestHeaders, set.name, set.value);
        }
        if !is_alone && set.name == AUTHORITY {
            H::with_reading(Reading::forget);
        }
    }
    if let Some(entry) = effects.access_log {
        H::set_filter_state(ACCESS_LOG, entry);
    }
}

impl<H: Host> Stream<H> {
    /// The head of the request passes.
    pub fn request_headers(&mut self, end_of_stream: bool) {
        let live = self.dispatch.live();
        if live.all().is_empty() {
            return;
        }
        let is_alone = H::is_alone();
        let is_first = !is_alone && H::is_first_reader();
        if !is_alone
            && !is_first
            && H::with_reading(|reading| reading.is_of_no_concern(self.id, live))
        {
            return;
        }
        let headers = H::headers(Map::RequestHeaders);
        if is_first {
            H::with_reading(|reading| reading.read(self.id, &headers));
        }
        let selected = self.decide(&headers, is_alone);
        let keeps = self
            .decided
            .as_mut()
            .filter(|one| end_of_stream && one.resends);
        let head = keeps.map(|decided| &mut decided.head);
        if let Some(selected) = selected {
            if let Some(head) = head {
                *head = Some(headers.clone());
            }
            let capture = dispatch::capture::<H>(selected, headers);
            let recipients = capture.targets().iter();
            let pairs = recipients.filter_map(|recipient| recipient.pairing.clone());
            self.answer = ProductionAnswer::new(pairs);
            self.capture = Some(capture);
        } else if let Some(head) = head {
            *head = Some(headers);
        }
        if end_of_stream {
            self.end_copy();
        }
    }

    /// A chunk of the request's body passes.
    pub fn request_body(&mut self, size: usize, end_of_stream: bool) {
        if let Some(capture) = &mut self.capture {
            count_ended(capture.body(size, |size| H::buffer(Buffer::RequestBody, size)));
            if end_of_stream {
                self.end_copy();
            }
        }
    }

    /// Trailers end a request in place of the last chunk of its body.
    pub fn request_trailers(&mut self) {
        self.end_copy();
    }

    /// The head of the response passes. True: it waits until the host resumes it.
    pub fn response_headers(&mut self, end_of_stream: bool) -> bool {
        let Some(decided) = &mut self.decided else {
            return false;
        };
        // A comparison needs all headers, everybody else the status alone.
        let compared = self.answer.as_mut().filter(|answer| answer.is_awaited());
        match compared {
            Some(answer) => {
                let headers = H::headers(Map::ResponseHeaders);
                answer.head(&headers.borrowed(), end_of_stream);
                decided.response.head(headers.get(":status"), end_of_stream);
            }
            None if decided.release.release.reads_status() => {
                let status = H::header(Map::ResponseHeaders, ":status");
                decided.response.head(status.as_deref(), end_of_stream);
            }
            None => {}
        }
        if self.resend(end_of_stream) {
            return true;
        }
        let Some(decided) = &mut self.decided else {
            return false;
        };
        if decided.counts_grpc() {
            let status = H::header(Map::ResponseHeaders, GRPC_STATUS);
            decided.response.grpc_status(status.as_deref());
        }
        for cookie in decided.set_cookies.iter().flatten() {
            H::add_header(Map::ResponseHeaders, "set-cookie", cookie);
        }
        if decided.set_cookies.iter().any(Option::is_some) {
            let cache_control = H::header(Map::ResponseHeaders, CACHE_CONTROL);
            if shares_cookies(cache_control.as_deref()) {
                H::add_header(Map::ResponseHeaders, CACHE_CONTROL, NOT_FOR_OTHERS);
            }
        }
        if let Some(explanation) = &decided.explanation {
            H::set_header(Map::ResponseHeaders, DECISION, explanation);
        }
        if end_of_stream {
            self.end_response();
        }
        false
    }

    /// A chunk of the response's body passes.
    pub fn response_body(&mut self, size: usize, end_of_stream: bool) {
        let decided = self.decided.as_mut();
        if let Some(resent) = decided.and_then(|decided| decided.resent.as_mut()) {
            resent.replace_body::<H>(size);
        }
        if let Some(answer) = &mut self.answer {
            answer.body(size, |size| H::buffer(Buffer::ResponseBody, size));
        }
        if end_of_stream {
            self.end_response();
        }
    }

    /// The trailers of the response pass.
    pub fn response_trailers(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.trailers(|| H::headers(Map::ResponseTrailers));
        }
        if let Some(decided) = &mut self.decided
            && decided.counts_grpc()
        {
            let status = H::header(Map::ResponseTrailers, GRPC_STATUS);
            decided.response.grpc_status(status.as_deref());
        }
        self.end_response();
    }

    /// Runs also for a request that an earlier filter answered. Its headers never came here, so
    /// nothing was decided.
    pub fn ended(&mut self) {
        if let Some(capture) = self.capture.take() {
            count_ended(capture.abandon());
        }
        if let Some(answer) = self.answer.take() {
            report(answer.abandon());
        }
        if let Some(decided) = &self.decided
            && decided.release.release.counts_responses
        {
            let ask = || (H::response_status(), H::response_details());
            let ended = EndedResponse {
                version: &decided.version,
                class: decided.response.class(ask),
                milliseconds: milliseconds_since::<H>(decided.at),
                is_tunnel: decided.response.is_tunnel(),
                is_ignored: decided.is_unreachable,
                session: decided.session,
            };
            let release = &decided.release;
            release.count_response(ended, &H::default(), H::response_flags, H::uptime);
        }
    }

    /// The answer to a request that was sent again. Without one, the response that was paused goes on.
    pub fn answered(&mut self, call: u32, headers: usize, body: usize) {
        let Some(decided) = &mut self.decided else {
            return;
        };
        let resent = decided.resent.take_if(|resent| resent.is(call));
        let (Some(mut resent), Some(fallback)) = (resent, &decided.release.release.fallback) else {
            return;
        };
        if headers == 0 {
            return H::resume_response();
        }
        if let Some(answer) = self.answer.take() {
            report(answer.abandon());
        }
        let answer = H::headers(Map::AnswerHeaders);
        decided.version = Arc::clone(fallback.outcome.version());
        decided.is_unreachable = false;
        decided.response.head(answer.get(":status"), true);
        let explanation = decided
            .explanation
            .as_ref()
            .map(|_| fallback.outcome.explanation());
        let mut added: Vec<Header<'_>> = Vec::new();
        for cookie in decided.set_cookies.iter().flatten() {
            added.push((b"set-cookie", cookie.as_bytes()));
        }
        let sets_cookies = decided.set_cookies.iter().any(Option::is_some);
        if sets_cookies && shares_cookies(answer.get(CACHE_CONTROL)) {
            added.push((CACHE_CONTROL.as_bytes(), NOT_FOR_OTHERS.as_bytes()));
        }
        if let Some(explanation) = &explanation {
            added.push((DECISION.as_bytes(), explanation.as_bytes()));
        }
        resent.answer::<H>(&answer, body, &added);
        decided.resent = Some(resent);
    }
}

fn report<H: Host>(pairs: EndedPairs<LivePairing<H>>) {
    for (pair, compared) in pairs {
        pair.report(compared);
    }
}
