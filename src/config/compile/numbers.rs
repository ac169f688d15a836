//! Numbers, durations and sizes, and the bounds that they must keep.

use std::time::Duration;

use super::names::expected_got;
use crate::config::path::Path;
use crate::config::quoted::{quoted, quoted_whole};
use crate::config::violation::Violations;
use crate::config::{duration, size, time};
use crate::draw::Percentage;

/// A percentage, 0 to 100, drawn by the name `salt`.
pub fn percentage(
    percentage: f64,
    salt: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Percentage {
    Percentage::new(percent(percentage, path, violations), salt)
}

/// A number from 0 to 100.
pub fn percent(percent: f64, path: &Path<'_>, violations: &mut Violations) -> f64 {
    if !(0.0..=100.0).contains(&percent) {
        violations.add(path, out_of_bounds("a number from 0 to 100", percent));
    }
    percent
}

/// A whole number from `least` to `most`.
pub fn whole(
    number: f64,
    (least, most): (u32, u32),
    path: &Path<'_>,
    violations: &mut Violations,
) -> u32 {
    let allowed = f64::from(least)..=f64::from(most);
    if !(number.fract() == 0.0 && allowed.contains(&number)) {
        let expected = format!("a whole number from {least} to {most}");
        violations.add(path, out_of_bounds(&expected, number));
    }
    number as u32
}

/// A duration, or nothing if `text` is none.
pub fn duration(text: &str, path: &Path<'_>, violations: &mut Violations) -> Option<Duration> {
    let duration = duration::parse(text);
    if duration.is_none() {
        let message = expected_got(duration::EXPECTED, text);
        violations.add(path, with_fix(message, duration::meant(text), path));
    }
    duration
}

/// A time in milliseconds since 1970-01-01T00:00:00Z, or nothing if `text` is none.
pub fn time(text: &str, path: &Path<'_>, violations: &mut Violations) -> Option<u64> {
    let time = time::parse(text);
    if time.is_none() {
        let message = expected_got(time::EXPECTED, text);
        violations.add(path, with_fix(message, time::meant(text), path));
    }
    time
}

/// A size in bytes, or nothing if `text` is none.
pub fn size(text: &str, path: &Path<'_>, violations: &mut Violations) -> Option<usize> {
    let size = size::parse(text);
    if size.is_none() {
        let message = expected_got(size::EXPECTED, text);
        violations.add(path, with_fix(message, size::meant(text), path));
    }
    size
}

/// The message about a text that is beyond the bound `nearest`, which it should be `at least` or
/// `at most`.
pub fn beyond(relation: &str, nearest: &str, text: &str, path: &Path<'_>) -> String {
    let message = expected_got(&format!("{relation} {}", quoted(nearest)), text);
    with_fix(message, Some(nearest.into()), path)
}

fn with_fix(message: String, text: Option<String>, path: &Path<'_>) -> String {
    match text.as_deref().and_then(quoted_whole) {
        Some(text) => format!("{message}; write {}", path.assign(&text)),
        None => message,
    }
}

/// The message about a number that is not what is `expected`.
pub fn out_of_bounds(expected: &str, number: f64) -> String {
    // Unlike `f64`, it prints 1e300 in a few characters.
    let number =
        serde_json::Number::from_f64(number).map_or_else(String::new, |number| number.to_string());
    let number = number.strip_suffix(".0").unwrap_or(&number);
    format!("expected {expected}, got {number}")
}
