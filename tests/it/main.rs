//! Tests of the core and the configuration. They need Rust only.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

mod budget;
mod captures;
mod cases;
mod cohorts;
mod compare;
mod cookies;
mod copies;
mod documents;
mod effects;
mod fuzzing;
mod golden;
mod guard;
mod guarding;
mod invitations;
mod json_laws;
#[path = "../support/json_oracle.rs"]
mod json_oracle;
mod json_trees;
mod known;
mod laws;
mod live;
mod manifests;
mod metrics;
mod mirrors;
mod mutations;
mod outbox;
mod outcomes;
mod pairings;
mod plugins;
mod ramps;
mod reading;
mod reference;
mod samples;
mod schema;
mod serving;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod violations;
