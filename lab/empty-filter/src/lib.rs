//! A filter that does nothing: a context for each request, and no callback of its own.
//!
//! It is what the Rust SDK costs before a filter does anything, and is built as anyone builds a filter: optimised for speed,
//! with every callback that the SDK exports. Natively there is nothing here.

#[cfg(target_os = "wasi")]
mod filter;
