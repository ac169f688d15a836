//! Halftone decides grayscale releases per request: which version of a service a request gets, by
//! its content, its session or a weight.
//!
//! This crate is both the filter that runs in Envoy and the library that everything else decides
//! by: the same configuration and the same request come to the same decision in a proxy, in a test
//! and on a command line.
//!
//! # Layout
//!
//! - [`release`] is the heart: releases as they run, and [`Release::decide`](release::Release::decide).
//!   [`mirror`] says who gets copies of a request, what they hold, and how two answers differ.
//!   [`request`] is what they see of a request, [`event`] what is counted. This is the core: it
//!   takes all it needs as values, and returns values. It asks no host, no clock and no source of
//!   randomness.
//! - [`config`] is what users write, and the way from there to what runs, or to all that is wrong
//!   with it.
//! - `filter`, which exists for `wasm32-wasip1` alone, is the shell: it reads a request from Envoy,
//!   asks the core, and does what the core decided.
//!
//! What is not here: starting proxies (`lab/`) and case files (`cases/`).
//!
//! # Example
//!
//! ```
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
//! let (_, release) = releases.claiming(&head).expect("a release claims the host");
//! let decision = release.decide(&head, 42);
//!
//! assert_eq!(decision.outcome.version().name(), "v2");
//! assert_eq!(decision.outcome.reason().to_string(), "rule:testers");
//! ```

pub mod config;
pub mod destination;
pub mod event;
mod json;
pub mod mirror;
pub mod release;
pub mod request;

#[cfg(target_os = "wasi")]
mod filter;
