//! The packaged filter in a real Envoy.

mod bytes;
mod cases;
mod forgery;
mod repeats;
mod scene;
#[path = "../support/mod.rs"]
mod support;
