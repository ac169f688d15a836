//! One request and its response.

use std::rc::Rc;
use std::time::Instant;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::host;
use super::root::Serving;
use crate::event::ResponseClass;
use crate::release::{Decision, Release, Route};
use crate::request::{Header, RequestHead};

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
    serving: Rc<Serving>,
    decided: Option<Decided>,
}

/// What is still to be done for a request once it was decided.
struct Decided {
    at: Instant,
    release: usize,
    version: usize,
    is_connect: bool,
    set_cookie: Option<String>,
    explanation: Option<String>,
}

impl Stream {
    pub fn new(serving: Rc<Serving>) -> Self {
        Self {
            serving,
            decided: None,
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if self.serving.releases.all().is_empty() {
            return Action::Continue;
        }
        let headers = host::request_headers();
        let headers: Vec<Header<'_>> = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect();
        self.decided = Exchange {
            serving: &self.serving,
            head: RequestHead::new(&headers),
        }
        .run();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let Some(decided) = &self.decided {
            if let Some(cookie) = &decided.set_cookie {
                host::add_response_header("set-cookie", cookie);
            }
            if let Some(explanation) = &decided.explanation {
                host::set_response_header(DECISION, explanation);
            }
        }
        Action::Continue
    }

    /// Runs also for a request that an earlier filter answered, whose headers never came here:
    /// nothing was decided then.
    fn on_log(&mut self) {
        if let Some(decided) = &self.decided
            && let Some(metrics) = self.serving.metrics.get(decided.release)
        {
            let milliseconds = u64::try_from(decided.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (status, details) = (host::response_status(), host::response_details());
            let is_tunnel = decided.is_connect || status == SWITCHING_PROTOCOLS;
            let class = ResponseClass::of(status, &details, is_tunnel);
            metrics.count_response(decided.version, class, milliseconds);
        }
    }
}

impl Context for Stream {}

/// One request, while it is decided.
struct Exchange<'s, 'h> {
    serving: &'s Serving,
    head: RequestHead<'h>,
}

impl Exchange<'_, '_> {
    fn run(&self) -> Option<Decided> {
        let Some((index, release)) = self.serving.releases.claiming(&self.head) else {
            self.remove_forged(None);
            return None;
        };
        if host::filter_state(ROUTED).is_some() {
            if let Some(metrics) = self.serving.metrics.get(index) {
                metrics.count_conflict();
            }
            self.remove_forged(None);
            return None;
        }
        Some(self.decide(index, release))
    }

    fn decide(&self, index: usize, release: &Release) -> Decided {
        let at = Instant::now();
        let decision = self.decision(release);
        let outcome = decision.outcome;
        self.route(&decision);
        if self.serving.releases.access_log {
            host::set_filter_state(ACCESS_LOG, outcome.log_entry());
        }
        if let Some(metrics) = self.serving.metrics.get(index) {
            metrics.count_request(outcome);
        }
        let asked = self
            .serving
            .releases
            .explain
            .as_ref()
            .is_some_and(|header| self.head.headers(header).next().is_some());
        Decided {
            at,
            release: index,
            version: outcome.version().index(),
            is_connect: self.head.method() == b"CONNECT",
            set_cookie: decision.set_cookie(),
            explanation: asked.then(|| outcome.explanation().into()),
        }
    }

    fn decision<'r>(&self, release: &'r Release) -> Decision<'r> {
        let chance = host::random();
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
                host::set_filter_state(ROUTED, name);
            }
            (Route::Authority, Some(authority)) => {
                self.remove_forged(None);
                if self.head.authority() != authority.as_bytes() {
                    host::set_request_header(":authority", authority);
                }
                host::set_filter_state(ROUTED, ROUTED_BY_AUTHORITY);
            }
            (Route::Authority, None) => self.remove_forged(None),
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
                let forged = self.serving.releases.is_routing_header(name)
                    && set.map(str::as_bytes) != Some(*name);
                forged.then(|| std::str::from_utf8(name).ok()).flatten()
            })
            .collect();
        if forged.is_empty() {
            return;
        }
        let routed = host::filter_state(ROUTED);
        for name in forged {
            if routed.as_deref() != Some(name.as_bytes()) {
                host::remove_request_header(name);
            }
        }
    }
}
