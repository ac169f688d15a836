//! Halftone decides grayscale releases per request: which version of a service a request gets, by
//! its content, its session or a weight.
//!
//! This crate is both the filter that runs in Envoy and the library that every other package decides
//! by. The same configuration and the same request give the same decision in a proxy, in a test and
//! on a command line.
//!
//! # Layout
//!
//! The core takes all it needs as values and returns values. It asks no host, no clock and no source
//! of randomness. From the bottom up:
//!
//! - [`request`]: the head of a request, as bytes.
//! - [`draw`]: the number that decides for a session or a request.
//! - [`matching`]: conditions on a request.
//! - [`invitation`]: tokens that let their bearers into a rule.
//! - [`guard`]: whether a version fails more often than the principal.
//! - [`mirror`]: who gets copies of a request, what a copy contains, and how two answers differ.
//! - [`release`]: releases as they run, and [`Release::decide`](release::Release::decide).
//! - [`live`]: releases and mirrors as they serve in a worker, with their metrics and their state.
//! - [`effects`]: what happens to a request because of the decision.
//! - [`event`] and [`metrics`]: what is counted, and under which names.
//! - [`serving`]: one request and its response, in terms of a host.
//! - [`plugin_status`]: whether a good configuration serves in a proxy.
//! - [`escape`]: text from outside, for a log or a terminal.
//!
//! [`config`] is what users write. It compiles into releases, or into a list of all violations.
//!
//! `filter` exists for `wasm32-wasip1` alone. It is the shell: it reads a request from Envoy, asks
//! the core, and performs what the core returns.
//!
//! Other packages start proxies (`lab/`), read case files (`cases/`) and run on a command line
//! (`ctl/`).
//!
//! # Example
//!
//! ```
//! use halftone::draw::Draw;
//! use halftone::request::{Header, RequestHead};
//!
//! let releases = halftone::config::load(br#"{"releases": [{
//!     "name": "reviews", "hosts": ["reviews"], "principal": "v1",
//!     "canary": {
//!         "rules": [{
//!             "name": "testers", "version": "v2",
//!             "match": [{"headers": {"end-user": {"exact": "jason"}}}]
//!         }],
//!         "split": [{"version": "v2", "weight": 10}, {"version": "v1", "weight": 90}],
//!         "session": {"key": [{"header": "x-user-id"}]}
//!     }
//! }]}"#).expect("a good configuration");
//!
//! let headers: [Header; 2] = [(b":authority", b"reviews:9080"), (b"end-user", b"jason")];
//! let head = RequestHead::new(&headers);
//! let release = releases.claiming(&head).expect("a release claims the host");
//! let decision = release.decide(&head, Draw { chance: 42, now: 0 }, &mut ());
//!
//! assert_eq!(decision.outcome.version().name(), "v2");
//! assert_eq!(decision.outcome.reason().to_string(), "rule:testers");
//! ```

pub mod config;
pub mod destination;
pub mod draw;
pub mod effects;
pub mod escape;
pub mod event;
pub mod guard;
pub mod invitation;
pub mod live;
pub mod lookup;
pub mod matching;
pub mod metrics;
pub mod mirror;
pub mod plugin_status;
pub mod release;
pub mod request;
pub mod serving;

#[cfg(target_os = "wasi")]
mod filter;
