//! A file for each verb.

pub mod act;
pub mod check;
pub mod completions;
pub mod console;
pub mod explain;
pub mod export;
pub mod import;
pub mod invite;
pub mod merge;
pub mod render;
pub mod schema;
pub mod simulate;
pub mod status;
pub mod test;
