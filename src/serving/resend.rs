//! A request that met no endpoint, sent again to the principal while its client waits.

use super::dispatch::Dispatch;
use super::host::{Buffer, Host, Map};
use crate::live::{LiveRelease, passed_on, resent};
use crate::release::Version;
use crate::request::{Header, HeaderPairs, RequestHead};

/// A request that was sent again.
#[derive(Debug)]
pub struct Resent {
    call: u32,
    /// Whether the response in whose place the answer comes has no body.
    has_no_body: bool,
    /// The body of the answer, until the response's own passes.
    body: Option<Vec<u8>>,
}

impl Resent {
    /// Sends the request with `head` again. None: the principal's cluster is unknown, or the request
    /// cannot be sent again. Only in a
    /// stream's callback for the head of the response, which then pauses.
    pub fn send<H: Host>(
        dispatch: &Dispatch<H>,
        release: &LiveRelease<H::Metric>,
        version: &Version,
        head: &HeaderPairs,
        has_no_body: bool,
    ) -> Option<Self> {
        let headers = head.borrowed();
        let (head, edits) = (RequestHead::new(&headers), release.edits_of_resent());
        let is_routing = |name: &[u8]| dispatch.live().settings().is_routing_header(name);
        let clusters = release.clusters_of_principal(version, &H::cluster());
        let call = clusters.iter().find_map(|cluster| {
            let request = resent(&head, cluster, &edits, is_routing)?;
            H::call(request, &[]).ok()
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
    pub fn answer<H: Host>(&mut self, answer: &HeaderPairs, body: usize, added: &[Header<'_>]) {
        let body = H::buffer(Buffer::AnswerBody, body);
        let headers = answer.borrowed();
        let headers: Vec<Header<'_>> = passed_on(&headers).chain(added.iter().copied()).collect();
        let status = answer.get(":status").unwrap_or_default();
        if self.has_no_body {
            return H::respond(status, &headers, &body);
        }
        for (name, _) in H::headers(Map::ResponseHeaders).borrowed() {
            let name = String::from_utf8_lossy(name);
            if !name.starts_with(':') {
                H::remove_header(Map::ResponseHeaders, &name);
            }
        }
        H::set_header(Map::ResponseHeaders, ":status", status);
        for (name, value) in headers {
            H::add_header(Map::ResponseHeaders, &String::from_utf8_lossy(name), value);
        }
        self.body = Some(body);
        H::resume_response();
    }

    /// A chunk of `size` bytes of the response passes: the answer's body takes its place.
    pub fn replace_body<H: Host>(&mut self, size: usize) {
        H::set_response_body(size, &self.body.take().unwrap_or_default());
    }
}
