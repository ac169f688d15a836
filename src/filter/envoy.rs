//! Envoy as a [`Host`].

use std::fmt;
use std::time::Instant;

use super::abi::{self, Metric, Queue};
use super::{plugin_status, plugins};
use crate::live::Shared;
use crate::mirror::{MirrorOutcome, MirrorRequest};
use crate::request::{Header, HeaderPairs};
use crate::serving::{Buffer, Host, Map, Reading};

/// The Envoy that runs this filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Envoy;

impl Shared for Envoy {
    fn read(&self, key: &str) -> (Vec<u8>, u32) {
        abi::shared_data(key)
    }

    fn write(&self, key: &str, value: &[u8], version: u32) -> bool {
        abi::set_shared_data(key, value, version)
    }
}

#[rustfmt::skip]
impl Host for Envoy {
    type Metric = Metric;
    type Queue = Queue;

    fn headers(map: Map) -> HeaderPairs { abi::headers(map) }
    fn header(map: Map, name: &str) -> Option<Vec<u8>> { abi::header(map, name) }
    fn set_header(map: Map, name: &str, value: impl AsRef<[u8]>) { abi::set_header(map, name, value); }
    fn add_header(map: Map, name: &str, value: impl AsRef<[u8]>) { abi::add_header(map, name, value); }
    fn remove_header(map: Map, name: &str) { abi::remove_header(map, name); }
    fn buffer(of: Buffer, most: usize) -> Vec<u8> { abi::buffer(of, most) }
    fn set_response_body(size: usize, body: &[u8]) { abi::set_response_body(size, body); }
    fn resume_response() { abi::resume_response(); }
    fn respond(status: &[u8], headers: &[Header<'_>], body: &[u8]) { abi::respond(status, headers, body); }
    fn call(request: MirrorRequest<'_>, body: &[u8]) -> Result<u32, MirrorOutcome> { abi::call(request, body) }
    fn register_queue() -> Option<Queue> { Queue::register() }
    fn put(queue: &Queue) { queue.put(); }
    fn take(queue: &Queue) { queue.take(); }
    fn filter_state(key: &str) -> Option<Vec<u8>> { abi::filter_state(key) }
    fn set_filter_state(key: &str, value: &str) { abi::set_filter_state(key, value); }
    fn claim_filter_state(key: &str, value: &str) -> bool { abi::claim_filter_state(key, value) }
    fn is_first_reader() -> bool { plugins::is_first_reader() }
    fn with_reading<R>(with: impl FnOnce(&mut Reading) -> R) -> R { plugins::with_reading(with) }
    fn is_alone() -> bool { plugin_status::is_alone() }
    fn source_address() -> Option<Vec<u8>> { abi::source_address() }
    fn response_status() -> u64 { abi::response_status() }
    fn response_details() -> Vec<u8> { abi::response_details() }
    fn response_flags() -> u64 { abi::response_flags() }
    fn cluster() -> String { abi::cluster() }
    fn instant() -> Instant { abi::instant() }
    fn uptime() -> u64 { abi::uptime() }
    fn now() -> u64 { abi::now() }
    fn random() -> u64 { abi::random() }
    fn debug(text: fmt::Arguments<'_>) { log::debug!("halftone: {text}"); }
    fn warn(text: fmt::Arguments<'_>) { log::warn!("halftone: {text}"); }
}
