//! Tests of the whole core, natively: what users write in, decisions out.

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
