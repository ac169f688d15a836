//! Tests that need more than Rust: the filter in a real Envoy, a real Prometheus, kubectl and Python.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail"
)]

mod access_log;
mod bounds;
mod bytes;
mod cases;
mod comparisons;
mod configuration;
mod examples;
mod fallback;
mod fetch_failures;
mod forgery;
mod golden;
mod guard;
mod injection;
mod invitations;
mod labels;
mod manifests;
mod mesh;
mod metrics;
mod mirrors;
mod observability;
mod plugins;
mod protocols;
mod ramps;
mod refusals;
mod removal;
mod repeats;
mod replay;
mod responses;
mod scene;
mod services;
mod session_cookies;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod updates;
