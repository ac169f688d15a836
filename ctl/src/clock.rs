//! The times of a command line.

use std::time::{SystemTime, UNIX_EPOCH};

use halftone::config::time;

/// The time now, in milliseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Reads a time.
///
/// # Errors
///
/// `text` is not a time with an offset.
pub fn parsed(text: &str) -> Result<u64, String> {
    let wanted = "write a time with an offset, such as 2026-12-01T09:00:00Z";
    time::parse(text).ok_or_else(|| wanted.into())
}
