//! What a host of the filter can do.

use std::fmt;
use std::time::Instant;

use super::Reading;
use crate::live::Shared;
use crate::metrics::Metric;
use crate::mirror::{MirrorOutcome, MirrorRequest};
use crate::request::{Header, HeaderPairs};

/// A map of headers or trailers. Each exists in the callback that its name tells, and is empty in
/// others.
#[derive(Clone, Copy, Debug)]
pub enum Map {
    /// Of the request.
    RequestHeaders = 0,
    /// Of the response.
    ResponseHeaders = 2,
    /// Of the response.
    ResponseTrailers = 3,
    /// Of the answer to a call.
    AnswerHeaders = 6,
    /// Of the answer to a call.
    AnswerTrailers = 7,
}

/// Bytes that the host keeps. Each exists in the callback that its name tells, and is empty in others.
#[derive(Clone, Copy, Debug)]
pub enum Buffer {
    /// The chunk that passes now.
    RequestBody = 0,
    /// The chunk that passes now.
    ResponseBody = 1,
    /// Of the answer to a call.
    AnswerBody = 4,
    /// The configuration of the plugin.
    Configuration = 7,
}

/// The functions of a host. A call that the host refuses changes nothing.
pub trait Host: Shared + Copy + Default + fmt::Debug + 'static {
    /// A counter, a gauge or a histogram.
    type Metric: Metric + fmt::Debug + 'static;

    /// A queue whose items wake the root that registered it. A host that cannot forget a queue uses it
    /// again after it was dropped.
    type Queue: fmt::Debug;

    /// All pairs of a map, pseudo-headers included.
    fn headers(map: Map) -> HeaderPairs;

    /// The first value of a header or trailer.
    fn header(map: Map, name: &str) -> Option<Vec<u8>>;

    /// Sets a header to one value, whatever values it had.
    fn set_header(map: Map, name: &str, value: impl AsRef<[u8]>);

    /// Adds a header, beside others of the same name.
    fn add_header(map: Map, name: &str, value: impl AsRef<[u8]>);

    /// Removes all values of a header.
    fn remove_header(map: Map, name: &str);

    /// At most `most` bytes of a buffer.
    fn buffer(of: Buffer, most: usize) -> Vec<u8>;

    /// Puts `body` in the place of the first `size` bytes of the chunk of the response that passes now.
    fn set_response_body(size: usize, body: &[u8]);

    /// Continues the response that a callback has paused.
    fn resume_response();

    /// Sends a response to the client in place of the one that is paused.
    fn respond(status: &[u8], headers: &[Header<'_>], body: &[u8]);

    /// Sends a request with this body to a cluster, and returns the id of the call. The context whose
    /// callback runs gets the answer, if it is alive then.
    ///
    /// # Errors
    ///
    /// [`MirrorOutcome::NoCluster`] if the host does not know the cluster, [`MirrorOutcome::Failed`] if
    /// it cannot send.
    fn call(request: MirrorRequest<'_>, body: &[u8]) -> Result<u32, MirrorOutcome>;

    /// A queue that only this root knows.
    fn register_queue() -> Option<Self::Queue>;

    /// Adds an item.
    fn put(queue: &Self::Queue);

    /// Removes an item.
    fn take(queue: &Self::Queue);

    /// What an earlier plugin of this proxy wrote for this request under `key`.
    fn filter_state(key: &str) -> Option<Vec<u8>>;

    /// Writes `value` for this request under `key`, which is [`ROUTED`](super::ROUTED), unless an earlier
    /// plugin of this proxy has written something there. True: it is written.
    fn claim_filter_state(key: &str, value: &str) -> bool;

    /// Whether no plugin before this one, of those that share the reading, has asked this about the
    /// request. It is asked at most once for each request.
    fn is_first_reader() -> bool;

    /// Calls `with` with the reading that all plugins of this worker share.
    fn with_reading<R>(with: impl FnOnce(&mut Reading) -> R) -> R;

    /// Writes `value` for this request under `key`.
    fn set_filter_state(key: &str, value: &str);

    /// Whether no other plugin can have seen a request before, or will see it afterwards.
    fn is_alone() -> bool;

    /// The address that the request came from, without its port.
    fn source_address() -> Option<Vec<u8>>;

    /// The status of the response, 0 if there was none.
    fn response_status() -> u64;

    /// Envoy's reason for the response, such as `via_upstream`.
    fn response_details() -> Vec<u8>;

    /// Envoy's flags of the response, a bit each.
    fn response_flags() -> u64;

    /// The name of the cluster that the request went to.
    fn cluster() -> String;

    /// The time of a clock that never goes back.
    fn instant() -> Instant;

    /// The same clock, in milliseconds.
    fn uptime() -> u64;

    /// The time of day, in milliseconds since 1970-01-01T00:00:00Z.
    fn now() -> u64;

    /// A random number.
    fn random() -> u64;

    /// Logs at level `debug`.
    fn debug(text: fmt::Arguments<'_>);

    /// Logs at level `warning`.
    fn warn(text: fmt::Arguments<'_>);
}
