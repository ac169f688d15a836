//! The packaged filter in a real Envoy.

mod cases;
#[path = "../support/mod.rs"]
mod support;
