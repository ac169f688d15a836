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
mod compare;
mod cookies;
mod copies;
mod documents;
mod golden;
mod json_laws;
#[path = "../support/json_oracle.rs"]
mod json_oracle;
mod json_trees;
mod laws;
mod manifests;
mod mirrors;
mod outcomes;
mod reading;
mod samples;
mod schema;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod violations;
