//! The packaged filter in a real Envoy.

mod bytes;
mod cases;
mod configuration;
mod forgery;
mod injection;
mod plugins;
mod protocols;
mod repeats;
mod scene;
mod updates;
#[path = "../support/mod.rs"]
mod support;
