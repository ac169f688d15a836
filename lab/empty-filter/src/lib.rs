//! A filter that does nothing. It has a context for each request, and no callback of its own.
//!
//! It shows what the Rust SDK costs before a filter does anything: the module exports every callback of the SDK. Natively, this
//! crate is empty.

#[cfg(target_os = "wasi")]
mod filter;
