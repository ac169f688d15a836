//! All that the filter asks of Envoy, in the filter's words.
//!
//! The SDK panics on any status that it does not expect, and a panic takes a worker out of service.
//! So every call here says when it may be made, and is made only then; and headers are read as
//! bytes, because the SDK's text getters panic on a value that is not UTF-8.

mod header_map;

use std::cell::RefCell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::LevelFilter;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType, Status};

use crate::mirror::{MirrorOutcome, MirrorRequest};
use crate::release::Draws;
use crate::request::HeaderPairs;

/// The request's headers, pseudo-headers among them. Only in the request headers callback: later
/// the map is empty.
pub fn request_headers() -> HeaderPairs {
    header_map::pairs(MapType::HttpRequestHeaders)
}

/// The response's headers, `:status` among them. Only in the response headers callback.
pub fn response_headers() -> HeaderPairs {
    header_map::pairs(MapType::HttpResponseHeaders)
}

/// The first value of a response header. Only in the response headers callback.
pub fn response_header(name: &str) -> Option<Vec<u8>> {
    header(MapType::HttpResponseHeaders, name)
}

/// The response's trailers. Only in the response trailers callback.
pub fn response_trailers() -> HeaderPairs {
    header_map::pairs(MapType::HttpResponseTrailers)
}

/// Sets a request header to one value, whatever it had before. Only in the request headers
/// callback.
///
/// Envoy then chooses the route anew by itself: it does so for every change that a plugin of this
/// ABI (0.2.1) makes.
pub fn set_request_header(name: &str, value: &str) {
    done(
        hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value)),
        name,
    );
}

/// Removes a request header, all its values. Only in the request headers callback.
pub fn remove_request_header(name: &str) {
    done(
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name),
        name,
    );
}

/// Sets a response header to one value. Only in the response headers callback.
pub fn set_response_header(name: &str, value: &str) {
    done(
        hostcalls::set_map_value(MapType::HttpResponseHeaders, name, Some(value)),
        name,
    );
}

/// Adds a response header beside those of the same name. Only in the response headers callback.
pub fn add_response_header(name: &str, value: &str) {
    done(
        hostcalls::add_map_value(MapType::HttpResponseHeaders, name, value),
        name,
    );
}

/// The part of the request's body, of `size` bytes, that passes now. Only in the request body
/// callback.
pub fn request_body(size: usize) -> Vec<u8> {
    body(BufferType::HttpRequestBody, size)
}

/// The part of the response's body, of `size` bytes, that passes now. Only in the response body
/// callback.
pub fn response_body(size: usize) -> Vec<u8> {
    body(BufferType::HttpResponseBody, size)
}

/// Sends a copy with this body to a mirror. What is answered goes to the context whose callback this
/// is: so only in a callback of the root.
pub fn call(request: MirrorRequest<'_>, body: &[u8]) -> Result<u32, MirrorOutcome> {
    let body = (!body.is_empty()).then_some(body);
    let MirrorRequest {
        cluster,
        headers,
        timeout,
    } = request;
    hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), timeout).map_err(|status| {
        match status {
            Status::BadArgument => MirrorOutcome::NoCluster,
            _ => MirrorOutcome::Failed,
        }
    })
}

/// The headers of the answer to a call. Only in the root's answer callback.
pub fn answer_headers() -> HeaderPairs {
    header_map::pairs(MapType::HttpCallResponseHeaders)
}

/// The body of the answer to a call, of `size` bytes. Only in the root's answer callback.
pub fn answer_body(size: usize) -> Vec<u8> {
    body(BufferType::HttpCallResponseBody, size)
}

/// The trailers of the answer to a call. Only in the root's answer callback.
pub fn answer_trailers() -> HeaderPairs {
    header_map::pairs(MapType::HttpCallResponseTrailers)
}

/// The first value of a header of the answer to a call. Only in the root's answer callback.
pub fn answer_header(name: &str) -> Option<Vec<u8>> {
    header(MapType::HttpCallResponseHeaders, name)
}

/// Whether the root `id` still lives, asked from a callback of the root `asking`. A root that stays
/// for its copies may be dropped by Envoy without a word.
pub fn is_root_alive(id: u32, asking: u32) -> bool {
    // It cannot be told of a context that is gone to be in effect. For what follows, the one that
    // asks must be.
    let is_alive = hostcalls::set_effective_context(id).is_ok();
    done(hostcalls::set_effective_context(asking), "the root itself");
    is_alive
}

/// This root is through with what it had to do when Envoy was done with it. Only after its done
/// callback has said that it is not.
pub fn done_at_last() {
    done(hostcalls::done(), "the end");
}

/// What a plugin of this proxy wrote for this request under `key`. No client can write it. Only in
/// a stream's callback.
pub fn filter_state(key: &str) -> Option<Vec<u8>> {
    property(&[key])
}

/// Writes `value` for this request under `wasm.<key>`, where later plugins and access logs find it.
/// Only in a stream's callback.
pub fn set_filter_state(key: &str, value: &str) {
    done(
        hostcalls::set_property(vec![key], Some(value.as_bytes())),
        key,
    );
}

/// The address that the request came from, without its port, after `x-forwarded-for` as Envoy is
/// told to trust it. Only in a stream's callback.
pub fn source_address() -> Option<Vec<u8>> {
    let mut address = property(&["source", "address"])?;
    let port = address.iter().rposition(|byte| *byte == b':')?;
    address.truncate(port);
    let bracketed = address
        .strip_prefix(b"[")
        .and_then(|address| address.strip_suffix(b"]"));
    Some(bracketed.map_or_else(|| address.clone(), <[u8]>::to_vec))
}

/// The response's status, 0 where there was none. In the stream's log callback.
pub fn response_status() -> u64 {
    number(&["response", "code"])
}

/// Envoy's word on how the response came to be: `via_upstream`. In the stream's log callback.
pub fn response_details() -> Vec<u8> {
    property(&["response", "code_details"]).unwrap_or_default()
}

/// The plugin's name: in Istio `<namespace>.<name>` of the resource. In every callback.
pub fn plugin_name() -> String {
    let name = property(&["plugin_name"]).unwrap_or_default();
    String::from_utf8_lossy(&name).into_owned()
}

/// The plugin's configuration. Only in the configure callback.
pub fn plugin_configuration() -> Vec<u8> {
    let configuration = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
    configuration.ok().flatten().unwrap_or_default()
}

/// Has the root called back after `period`, and again after each further one. Only in the configure
/// callback.
pub fn tick_after(period: Duration) {
    done(hostcalls::set_tick_period(period), "a tick");
}

/// Ends the ticks of this root. Only in its tick callback.
pub fn stop_ticking() {
    done(hostcalls::set_tick_period(Duration::ZERO), "a tick");
}

/// What all workers share under `key`, and the number that a change of it must quote.
pub fn shared_data(key: &str) -> (Option<Vec<u8>>, Option<u32>) {
    hostcalls::get_shared_data(key).unwrap_or_default()
}

/// Changes what all workers share under `key`, unless somebody changed it since `quoted` was read.
pub fn set_shared_data(key: &str, value: &[u8], quoted: Option<u32>) -> Result<(), Changed> {
    match hostcalls::set_shared_data(key, Some(value), quoted) {
        Err(Status::CasMismatch) => Err(Changed),
        _ => Ok(()),
    }
}

/// Somebody else changed the shared data first.
pub struct Changed;

/// A queue of which the root that registered it hears.
#[derive(Clone, Copy, Debug)]
pub struct Queue(u32);

impl Queue {
    /// The queue `name`. Only in a callback of a root, which from then on is called for every item.
    pub fn register(name: &str) -> Option<Self> {
        hostcalls::register_shared_queue(name).ok().map(Self)
    }

    /// Puts an empty item in.
    pub fn put(self) {
        done(hostcalls::enqueue_shared_queue(self.0, None), "a wake-up");
    }

    /// Takes one item out.
    pub fn take(self) {
        done(
            hostcalls::dequeue_shared_queue(self.0).map(drop),
            "a wake-up",
        );
    }
}

/// A counter, a gauge or a histogram of Envoy's.
#[derive(Clone, Copy, Debug)]
pub struct Metric(u32);

impl Metric {
    /// The counter `name`, at 0 from now on if it is new. Where labels stand in the name see
    /// [`crate::event`].
    pub fn counter(name: &str) -> Option<Self> {
        Self::define(MetricType::Counter, name)
    }

    /// The gauge `name`.
    pub fn gauge(name: &str) -> Option<Self> {
        Self::define(MetricType::Gauge, name)
    }

    /// The histogram `name`.
    pub fn histogram(name: &str) -> Option<Self> {
        Self::define(MetricType::Histogram, name)
    }

    fn define(kind: MetricType, name: &str) -> Option<Self> {
        hostcalls::define_metric(kind, name).ok().map(Self)
    }

    /// Adds `amount`; to a gauge also a negative one. 0 is no change, which Envoy would refuse.
    pub fn add(self, amount: i64) {
        if amount != 0 {
            done(hostcalls::increment_metric(self.0, amount), "a metric");
        }
    }

    /// What a counter or a gauge holds, over all workers.
    pub fn value(self) -> Option<u64> {
        hostcalls::get_metric(self.0).ok()
    }

    /// Takes a value into a histogram.
    pub fn record(self, value: u64) {
        done(hostcalls::record_metric(self.0, value), "a metric");
    }
}

/// Lets the log build only those messages that Envoy's own level for plugins lets through.
pub fn follow_log_level() {
    log::set_max_level(match hostcalls::get_log_level() {
        Ok(LogLevel::Trace) => LevelFilter::Trace,
        Ok(LogLevel::Debug) => LevelFilter::Debug,
        Ok(LogLevel::Info) => LevelFilter::Info,
        Ok(LogLevel::Warn) => LevelFilter::Warn,
        Ok(LogLevel::Error | LogLevel::Critical) | Err(_) => LevelFilter::Error,
    });
}

/// A random number. Each worker's generator is seeded once: asking the host for every request would
/// cost more than the decision.
pub fn random() -> u64 {
    thread_local! {
        static DRAWS: RefCell<Draws> = RefCell::new(Draws::new(seed()));
    }
    DRAWS.with_borrow_mut(Draws::next_u64)
}

/// The time of a clock that never goes back.
pub fn instant() -> Instant {
    Instant::now()
}

/// The time of day, in milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Where the host has no randomness, its clock is better than one number for all workers.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|error| {
        log::error!(
            "halftone: no random numbers ({error}); the clock seeds the draws of this worker"
        );
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_nanos() as u64)
    })
}

fn header(of: MapType, name: &str) -> Option<Vec<u8>> {
    hostcalls::get_map_value_bytes(of, name).ok().flatten()
}

fn body(of: BufferType, size: usize) -> Vec<u8> {
    let bytes = hostcalls::get_buffer(of, 0, size);
    bytes.ok().flatten().unwrap_or_default()
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

/// Envoy writes a number as eight bytes, the lowest first.
fn number(path: &[&str]) -> u64 {
    let bytes = property(path).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    u64::from_le_bytes(bytes.unwrap_or_default())
}

/// A call that Envoy refuses changes nothing for the request, which goes on.
fn done(result: Result<(), Status>, what: &str) {
    if let Err(status) = result {
        log::debug!("halftone: Envoy refused {what}: {status:?}");
    }
}
