//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seconds since 1970. 0 if the system's clock is before 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
