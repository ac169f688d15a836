//! Halftone decides grayscale releases per request.

pub mod config;
pub mod event;
pub mod release;
pub mod request;

#[cfg(target_os = "wasi")]
mod filter;
