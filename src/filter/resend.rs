//! A request that met no endpoint, sent again to the principal while its client waits.

use super::abi::{self, Buffer, Map};
use super::dispatch::Dispatch;
use super::live::LiveRelease;
use crate::live::{passed_on, resent};
use crate::release::Version;
use crate::request::{Header, HeaderPairs, RequestHead};

/// A request that was sent again.
pub struct Resent {
    call: u32,
    /// Whether the response in whose place the answer comes has no body.
    has_no_body: bool,
    /// The body of the answer, until the response's own passes.
    body: Option<Vec<u8>>,
}

impl Resent {
    /// Sends the request with `head` again. None: the principal's cluster is unknown. Only in a
    /// stream's callback for the head of the response, which then pauses.
    pub fn send(
        dispatch: &Dispatch,
        release: &LiveRelease,
        version: &Version,
        head: &HeaderPairs,
        has_no_body: bool,
    ) -> Option<Self> {
        let headers = head.borrowed();
        let (head, edits) = (RequestHead::new(&headers), release.edits_of_resent());
        let is_routing = |name: &[u8]| dispatch.live().settings().is_routing_header(name);
        let clusters = release.clusters_of_principal(version, &abi::cluster());
        let call = clusters.iter().find_map(|cluster| {
            let request = resent(&head, cluster, &edits, is_routing).ok()?;
            abi::call(request, &[]).ok()
        })?;
        Some(Self {
            call,
            has_no_body,
            body: None,
        })
    }

    /// Whether it is waiting for the answer to `call`.
    pub fn is(&self, call: u32) -> bool {
        self.call == call
    }

    /// Puts the answer, with `added` headers, in the place of the response. A response without a body
    /// cannot get one, so Envoy then sends another, which filters behind this one do not see.
    pub fn answer(&mut self, answer: &HeaderPairs, body: usize, added: &[Header<'_>]) {
        let body = abi::buffer(Buffer::AnswerBody, body);
        let headers = answer.borrowed();
        let headers: Vec<Header<'_>> = passed_on(&headers).chain(added.iter().copied()).collect();
        let status = answer.get(":status").unwrap_or_default();
        if self.has_no_body {
            return abi::respond(status, &headers, &body);
        }
        for (name, _) in abi::headers(Map::ResponseHeaders).borrowed() {
            let name = String::from_utf8_lossy(name);
            if !name.starts_with(':') {
                abi::remove_header(Map::ResponseHeaders, &name);
            }
        }
        abi::set_header(Map::ResponseHeaders, ":status", status);
        for (name, value) in headers {
            abi::add_header(Map::ResponseHeaders, &String::from_utf8_lossy(name), value);
        }
        self.body = Some(body);
        abi::resume_response();
    }

    /// A chunk of `size` bytes of the response passes: the answer's body takes its place.
    pub fn replace_body(&mut self, size: usize) {
        abi::set_response_body(size, &self.body.take().unwrap_or_default());
    }
}
