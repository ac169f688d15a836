//! A filter that does nothing. It has a context for each request, and no callback.
//!
//! It shows the cost of the Rust SDK: the module exports every callback of the SDK. The native crate is empty.

#[cfg(target_os = "wasi")]
mod filter;
