//! A filter that does nothing: it has a context per request and no callback.
//!
//! It shows the cost of the Rust SDK. It is built like any filter: optimised for speed, with every callback that the
//! SDK exports. The native crate is empty.

#[cfg(target_os = "wasi")]
mod filter;
