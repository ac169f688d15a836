//! Tests of the whole core, natively: what users write in, decisions out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

mod bytes;
mod cases;
mod cookies;
mod documents;
mod golden;
mod laws;
mod schema;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod violations;
