//! Every call of the host.
//!
//! The SDK's own calls panic on a status that they do not expect, and a panic takes a worker out of
//! service. So the calls here are the raw functions of the [ABI], and each status is a value. A call
//! that the host refuses changes nothing for the request, which goes on; each function says what it
//! returns then. Headers are bytes, since HTTP allows any bytes in a value.
//!
//! The SDK remains for contexts, and for callouts ([`call`]), whose registry is its own.
//!
//! [ABI]: https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{Level, LevelFilter, Log, Metadata, Record};
use proxy_wasm::types::MetricType;

use crate::draw::Random;
use crate::event::Event;
use crate::lookup::Lookup;
use crate::metrics;
use crate::mirror::{MirrorOutcome, MirrorRequest};
use crate::request::{Header, HeaderPairs, without_port};
use crate::serving::{Buffer, Map};

/// The functions of the host. Each returns a status, 0 for Ok. Where one writes a pointer, the host has
/// allocated the bytes by the SDK's `proxy_on_memory_allocate`, and they belong to the caller.
#[rustfmt::skip]
mod raw {
    unsafe extern "C" {
        pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub fn proxy_get_log_level(level: *mut u32) -> u32;
        pub fn proxy_get_buffer_bytes(of: u32, start: usize, most: usize, data: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_get_header_map_value(
            map: u32, name: *const u8, name_size: usize, data: *mut *mut u8, size: *mut usize,
        ) -> u32;
        pub fn proxy_replace_header_map_value(
            map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize,
        ) -> u32;
        pub fn proxy_add_header_map_value(
            map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize,
        ) -> u32;
        pub fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
        pub fn proxy_set_buffer_bytes(of: u32, start: usize, size: usize, data: *const u8, data_size: usize) -> u32;
        pub fn proxy_send_local_response(
            status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
            headers: *const u8, headers_size: usize, grpc_status: i32,
        ) -> u32;
        pub fn proxy_continue_stream(stream: u32) -> u32;
        pub fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
        pub fn proxy_call_foreign_function(
            name: *const u8, name_size: usize, arguments: *const u8, arguments_size: usize, data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub fn proxy_get_shared_data(
            key: *const u8, key_size: usize, data: *mut *mut u8, size: *mut usize, cas: *mut u32,
        ) -> u32;
        pub fn proxy_set_shared_data(
            key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32,
        ) -> u32;
        pub fn proxy_register_shared_queue(name: *const u8, size: usize, id: *mut u32) -> u32;
        pub fn proxy_enqueue_shared_queue(id: u32, value: *const u8, size: usize) -> u32;
        pub fn proxy_dequeue_shared_queue(id: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
        pub fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
        pub fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub fn proxy_set_effective_context(id: u32) -> u32;
        pub fn proxy_done() -> u32;
    }
}

/// The ABI's number for Ok.
const OK: u32 = 0;

/// The ABI's number for shared data that changed in the meantime.
const CAS_MISMATCH: u32 = 8;

/// Logs a refusal. Nothing else depends on the call.
fn logged(status: u32, what: &str) {
    if status != OK {
        log::debug!("halftone: Envoy refused {what}: status {status}");
    }
}

/// The bytes that `call` has the host write. None: the host refused.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: the host had `proxy_on_memory_allocate` allocate `size` bytes, which gives away a boxed
    // slice of exactly that length, and filled it.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

// Headers, trailers and bodies

/// All pairs of a map, pseudo-headers included.
pub fn headers(map: Map) -> HeaderPairs {
    // SAFETY: the host writes through the two pointers alone.
    let bytes =
        bytes(|data, size| unsafe { raw::proxy_get_header_map_pairs(map as u32, data, size) });
    HeaderPairs::new(bytes.unwrap_or_default())
}

/// The first value of a header or trailer.
pub fn header(map: Map, name: &str) -> Option<Vec<u8>> {
    // SAFETY: the host reads the name and writes through the two pointers alone.
    bytes(|data, size| unsafe {
        raw::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, size)
    })
}

/// Sets a header to one value, whatever values it had. After a change of the request headers Envoy
/// chooses the route again: it does so for each change by a plugin of ABI 0.2.1.
pub fn set_header(map: Map, name: &str, value: impl AsRef<[u8]>) {
    write_header(raw::proxy_replace_header_map_value, map, name, value);
}

/// Adds a header, beside others of the same name.
pub fn add_header(map: Map, name: &str, value: impl AsRef<[u8]>) {
    write_header(raw::proxy_add_header_map_value, map, name, value);
}

type WriteHeader = unsafe extern "C" fn(u32, *const u8, usize, *const u8, usize) -> u32;

fn write_header(write: WriteHeader, map: Map, name: &str, value: impl AsRef<[u8]>) {
    let (map, bytes) = (map as u32, value.as_ref());
    // SAFETY: the host reads name and value and keeps nothing.
    let status = unsafe { write(map, name.as_ptr(), name.len(), bytes.as_ptr(), bytes.len()) };
    logged(status, name);
}

/// Removes all values of a header.
pub fn remove_header(map: Map, name: &str) {
    // SAFETY: the host reads the name and keeps nothing.
    let status =
        unsafe { raw::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
    logged(status, name);
}

/// At most `most` bytes of a buffer.
pub fn buffer(of: Buffer, most: usize) -> Vec<u8> {
    // SAFETY: the host writes through the two pointers alone.
    let bytes =
        bytes(|data, size| unsafe { raw::proxy_get_buffer_bytes(of as u32, 0, most, data, size) });
    bytes.unwrap_or_default()
}

/// Puts `body` in the place of the first `size` bytes of the chunk of the response that passes now.
pub fn set_response_body(size: usize, body: &[u8]) {
    let of = Buffer::ResponseBody as u32;
    // SAFETY: the host reads the body and keeps a copy.
    let status = unsafe { raw::proxy_set_buffer_bytes(of, 0, size, body.as_ptr(), body.len()) };
    logged(status, "a body");
}

/// Continues the response that a callback has paused.
pub fn resume_response() {
    const RESPONSE: u32 = 1;
    // SAFETY: a number.
    logged(
        unsafe { raw::proxy_continue_stream(RESPONSE) },
        "a response",
    );
}

/// Sends a response to the client in place of the one that is paused.
pub fn respond(status: &[u8], headers: &[Header<'_>], body: &[u8]) {
    let code = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok());
    let (pairs, none) = (HeaderPairs::of(headers), null_mut());
    let (pairs, code) = (pairs.as_bytes(), code.unwrap_or(502));
    // SAFETY: the host reads the three texts and keeps copies.
    let status = unsafe {
        let (body, length) = (body.as_ptr(), body.len());
        raw::proxy_send_local_response(code, none, 0, body, length, pairs.as_ptr(), pairs.len(), -1)
    };
    logged(status, "a response");
}

// Callouts

/// Sends a request with this body to a cluster, and returns the id of the call. The context whose
/// callback runs gets the answer, if it is alive then.
///
/// # Errors
///
/// [`MirrorOutcome::NoCluster`] if Envoy does not know the cluster, [`MirrorOutcome::Failed`] if it
/// cannot send, for instance because the cluster has no endpoint. Envoy returns no other status here,
/// so the SDK's panic on one is out of reach.
pub fn call(request: MirrorRequest<'_>, body: &[u8]) -> Result<u32, MirrorOutcome> {
    let body = (!body.is_empty()).then_some(body);
    let MirrorRequest {
        cluster,
        headers,
        timeout,
    } = request;
    proxy_wasm::hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), timeout).map_err(
        |status| match status {
            proxy_wasm::types::Status::BadArgument => MirrorOutcome::NoCluster,
            _ => MirrorOutcome::Failed,
        },
    )
}

// Contexts

/// Whether the root `id` is alive, asked by the root `asking` in a callback of its own. Envoy can
/// drop a root that waits for the answers to its copies, without a callback.
pub fn is_root_alive(id: u32, asking: u32) -> bool {
    // SAFETY: two numbers.
    let is_alive = unsafe { raw::proxy_set_effective_context(id) } == OK;
    // Calls that follow must be those of the root that asks.
    // SAFETY: a number.
    let status = unsafe { raw::proxy_set_effective_context(asking) };
    logged(status, "the context of this root");
    is_alive
}

/// Ends a root whose done callback has returned false.
pub fn end_root() {
    // SAFETY: no arguments.
    logged(unsafe { raw::proxy_done() }, "the end of a root");
}

/// Makes Envoy call the root's tick callback after each `period`, or never again if it is zero. Only in
/// callbacks of the root.
pub fn tick_every(period: Duration) {
    let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: a number.
    let status = unsafe { raw::proxy_set_tick_period_milliseconds(period) };
    logged(status, "a tick");
}

thread_local! {
    /// The names of queues that no root uses any more.
    static UNUSED_QUEUES: RefCell<Vec<String>> = RefCell::default();
}

/// A shared queue. Envoy calls the root that registered it for each item.
///
/// Envoy keeps a queue as long as the VM lives, so the next root takes over one that is dropped.
#[derive(Debug)]
pub struct Queue {
    id: u32,
    name: String,
}

impl Drop for Queue {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        UNUSED_QUEUES.with_borrow_mut(|unused| unused.push(name));
    }
}

impl Queue {
    /// A queue that the root whose callback runs has registered, and no other.
    pub fn register() -> Option<Self> {
        // All workers and plugins of a proxy share one space of names.
        let new = || format!("halftone.outbox.{:016x}{:016x}", random(), random());
        let name = UNUSED_QUEUES.with_borrow_mut(Vec::pop).unwrap_or_else(new);
        let mut id = 0;
        // SAFETY: the host reads the name and writes the id.
        let status =
            unsafe { raw::proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut id) };
        (status == OK).then_some(Self { id, name })
    }

    /// Adds an empty item.
    pub fn put(&self) {
        // SAFETY: the host reads no bytes.
        let status = unsafe { raw::proxy_enqueue_shared_queue(self.id, null_mut(), 0) };
        logged(status, "a wake-up");
    }

    /// Removes an item.
    pub fn take(&self) {
        // SAFETY: the host writes through the two pointers alone.
        let item =
            bytes(|data, size| unsafe { raw::proxy_dequeue_shared_queue(self.id, data, size) });
        if item.is_none() {
            log::debug!("halftone: Envoy has no wake-up");
        }
    }
}

// Properties and shared data

/// The header by which an earlier plugin of this proxy routes the request: what it wrote under `key`
/// by [`set_filter_state`]. No client can write it. Only in a stream's callback.
pub fn filter_state(key: &str) -> Option<Vec<u8>> {
    property(key)
}

/// Writes `value` for this request under `wasm.<key>`, where later plugins and access logs read it.
/// Only in a stream's callback.
pub fn set_filter_state(key: &str, value: &str) {
    // SAFETY: the host reads key and value and keeps copies.
    let status =
        unsafe { raw::proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    logged(status, key);
}

thread_local! {
    /// Whether Envoy has refused a declaration.
    static IS_UNDECLARED: Cell<bool> = const { Cell::new(false) };
}

/// Declares that what a plugin writes for a request under `key`, of at most 127 bytes, stays as it is. Only
/// in the configuration callback of a root.
pub fn declare_filter_state(key: &str) {
    const FUNCTION: &str = "declare_property";
    // Envoy's message `DeclarePropertyArguments`: the field 1 is the name, and the field 2 says that the
    // property is read-only.
    let arguments = [&[0x0a, key.len() as u8], key.as_bytes(), &[0x10, 0x01]].concat();
    // SAFETY: the host reads both texts, and writes through the two pointers alone.
    let result = bytes(|data, size| unsafe {
        let (arguments, length) = (arguments.as_ptr(), arguments.len());
        raw::proxy_call_foreign_function(
            FUNCTION.as_ptr(),
            FUNCTION.len(),
            arguments,
            length,
            data,
            size,
        )
    });
    if result.is_none() {
        log::debug!("halftone: Envoy refused to declare {key}");
        IS_UNDECLARED.set(true);
    }
}

/// Writes `value` for this request under the declared `key`, unless an earlier plugin has written something
/// there. True: it is written. Only in a stream's callback.
pub fn claim_filter_state(key: &str, value: &str) -> bool {
    if IS_UNDECLARED.get() && filter_state(key).is_some() {
        return false;
    }
    // SAFETY: the host reads key and value and keeps copies.
    let status =
        unsafe { raw::proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    status == OK
}

/// The address that the request came from, without its port. Envoy derives it from `x-forwarded-for`
/// as it is configured to trust that. Only in a stream's callback.
pub fn source_address() -> Option<Vec<u8>> {
    property("source\0address").and_then(|address| without_port(&address).map(<[u8]>::to_vec))
}

/// The status of the response, 0 if there was none. Only in the stream's log callback.
pub fn response_status() -> u64 {
    number("response\0code")
}

/// The name of the cluster that the request went to. In the stream's callbacks for the response.
pub fn cluster() -> String {
    let name = property("xds\0cluster_name").unwrap_or_default();
    String::from_utf8_lossy(&name).into_owned()
}

/// Envoy's flags of the response, a bit each: `UH` is bit 1. In the stream's callbacks for the response,
/// and its log callback.
pub fn response_flags() -> u64 {
    number("response\0flags")
}

fn number(path: &str) -> u64 {
    // Envoy writes a number as eight bytes, the lowest first.
    let bytes = property(path).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    u64::from_le_bytes(bytes.unwrap_or_default())
}

/// Envoy's reason for the response, such as `via_upstream`. Only in the stream's log callback.
pub fn response_details() -> Vec<u8> {
    property("response\0code_details").unwrap_or_default()
}

/// The name of the plugin; in Istio `<namespace>.<name>` of the resource.
pub fn plugin_name() -> String {
    let name = property("plugin_name").unwrap_or_default();
    String::from_utf8_lossy(&name).into_owned()
}

/// The namespace of the proxy's workload, as Istio writes it into the metadata of the node.
pub fn namespace() -> Option<String> {
    String::from_utf8(property("xds\0node\0metadata\0NAMESPACE")?).ok()
}

/// The labels of the proxy's workload, as Istio writes them into the metadata of the node.
pub fn labels() -> Vec<(String, String)> {
    HeaderPairs::new(property("xds\0node\0metadata\0LABELS").unwrap_or_default()).texts()
}

/// The environment variables of the plugin: name and value. A name that is not UTF-8 is left out.
pub fn environment() -> Vec<(String, Vec<u8>)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_encoded_bytes())))
        .collect()
}

/// The property at `path`, whose parts are separated by zeros.
fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: the host reads the path and writes through the two pointers alone.
    bytes(|data, size| unsafe { raw::proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// What all workers share under `key`, and its version. Both are empty for a key that nobody wrote.
pub fn shared_data(key: &str) -> (Vec<u8>, u32) {
    let mut version = 0;
    // SAFETY: the host reads the key and writes through the three pointers alone.
    let bytes = bytes(|data, size| unsafe {
        raw::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
    });
    (bytes.unwrap_or_default(), version)
}

/// Changes what all workers share under `key`, if its version is still `version`; 0 for any version.
/// False: another worker changed it in the meantime.
pub fn set_shared_data(key: &str, value: &[u8], version: u32) -> bool {
    // SAFETY: the host reads key and value and keeps copies.
    let status = unsafe {
        raw::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    };
    status != CAS_MISMATCH
}

// Metrics

/// A counter, a gauge or a histogram of Envoy. One that Envoy refused to define counts nothing.
#[derive(Clone, Copy, Debug)]
pub struct Metric(Option<u32>);

impl Metric {
    /// The metric of `event`, which is 0 if it is new.
    ///
    /// It is defined once in the life of a VM. Envoy keeps an entry for each definition, even of a name
    /// that it has, and configurations come and go.
    pub fn of(kind: MetricType, event: &Event<'_>) -> Self {
        thread_local! {
            static DEFINED: RefCell<Lookup<Metric>> = RefCell::default();
        }
        let name = event.to_string();
        DEFINED.with_borrow_mut(|defined| match defined.get(name.as_bytes()) {
            Some(metric) => *metric,
            None => {
                let metric = Self::define(kind, &name);
                defined.insert(name.into_bytes().into(), metric);
                metric
            }
        })
    }

    fn define(kind: MetricType, name: &str) -> Self {
        let mut id = 0;
        // SAFETY: the host reads the name and writes the id.
        let status = unsafe {
            raw::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id)
        };
        logged(status, name);
        Self((status == OK).then_some(id))
    }

    /// Adds `amount`, which may be negative for a gauge. Envoy refuses an addition of 0.
    pub fn add(self, amount: i64) {
        if let (Some(id), true) = (self.0, amount != 0) {
            // SAFETY: two numbers.
            logged(
                unsafe { raw::proxy_increment_metric(id, amount) },
                "a metric",
            );
        }
    }

    /// The value of a counter or a gauge, over all workers.
    pub fn value(self) -> Option<u64> {
        let (id, mut value) = (self.0?, 0);
        // SAFETY: the host writes the value.
        let status = unsafe { raw::proxy_get_metric(id, &raw mut value) };
        (status == OK).then_some(value)
    }
}

impl metrics::Metric for Metric {
    fn add_many(self, count: u32) {
        self.add(count.into());
    }

    fn value(self) -> u64 {
        self.value().unwrap_or_default()
    }

    fn record(self, value: u64) {
        if let Some(id) = self.0 {
            // SAFETY: two numbers.
            logged(unsafe { raw::proxy_record_metric(id, value) }, "a metric");
        }
    }
}

// Time and chance

/// The time of a clock that never goes back.
pub fn instant() -> Instant {
    Instant::now()
}

/// The time of a clock that never goes back, in milliseconds since this worker first asked.
pub fn uptime() -> u64 {
    thread_local! {
        static START: Instant = Instant::now();
    }
    u64::try_from(START.with(Instant::elapsed).as_millis()).unwrap_or(u64::MAX)
}

/// The time of day, in milliseconds since 1970-01-01T00:00:00Z.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// A random number. Each worker seeds a generator once: a host call for every request would cost
/// more than the decision.
pub fn random() -> u64 {
    thread_local! {
        static RANDOM: RefCell<Random> = RefCell::new(Random::new(seed()));
    }
    RANDOM.with_borrow_mut(Random::next_u64)
}

/// If the host has no randomness, its clock is better than one number for all workers.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|error| {
        log::error!(
            "halftone: no random numbers ({error}); the clock seeds this worker's generator"
        );
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_nanos() as u64)
    })
}

// The log

/// Envoy's levels of the log. `Critical` is 5.
const LEVELS: [LevelFilter; 5] = [
    LevelFilter::Trace,
    LevelFilter::Debug,
    LevelFilter::Info,
    LevelFilter::Warn,
    LevelFilter::Error,
];

/// Writes what this filter logs, and a panic, to Envoy's log. While the module starts, the host allows
/// no question about its log level.
pub fn start_logging() {
    struct EnvoysLog;

    impl Log for EnvoysLog {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.level() <= log::max_level()
        }

        fn log(&self, record: &Record<'_>) {
            if self.enabled(record.metadata()) {
                let level = match record.level() {
                    Level::Trace => 0,
                    Level::Debug => 1,
                    Level::Info => 2,
                    Level::Warn => 3,
                    Level::Error => 4,
                };
                write_log(level, &record.args().to_string());
            }
        }

        fn flush(&self) {}
    }

    static ENVOYS_LOG: EnvoysLog = EnvoysLog;

    const CRITICAL: u32 = 5;

    // It fails only if a logger is set already.
    let _ = log::set_logger(&ENVOYS_LOG);
    std::panic::set_hook(Box::new(|panic| write_log(CRITICAL, &panic.to_string())));
    log::set_max_level(LevelFilter::Info);
}

/// Builds only the messages that Envoy's level for plugins lets through.
pub fn follow_log_level() {
    let mut level = 0_u32;
    // SAFETY: the host writes the level.
    let status = unsafe { raw::proxy_get_log_level(&raw mut level) };
    let level = usize::try_from(level).unwrap_or(usize::MAX);
    let filter = LEVELS.get(level).filter(|_| status == OK);
    log::set_max_level(*filter.unwrap_or(&LevelFilter::Error));
}

fn write_log(level: u32, text: &str) {
    // The status is of no use here: there is nowhere to log it.
    // SAFETY: the host reads the text and keeps nothing.
    let _ = unsafe { raw::proxy_log(level, text.as_ptr(), text.len()) };
}
