//! Tests of the whole core, natively: what users write in, decisions out.

mod cases;
mod golden;
mod laws;
#[path = "../support/mod.rs"]
mod support;
mod violations;
