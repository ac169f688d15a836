//! Tests of the whole core, natively.

mod cases;
#[path = "../support/mod.rs"]
mod support;
