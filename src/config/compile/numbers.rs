//! Numbers, durations and sizes, within the bounds that they must keep.

use std::time::Duration;

use super::names;
use crate::config::violation::{Path, Violations};
use crate::config::{duration, size};
use crate::draw::Percentage;

/// A percentage, 0 to 100, drawn by the name `salt`.
pub fn percentage(
    percentage: f64,
    salt: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Percentage {
    if !(0.0..=100.0).contains(&percentage) {
        violations.add(path, wrong(percentage), "give a number from 0 to 100");
    }
    Percentage::new(percentage, salt)
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
        let allowed = format!("give a whole number from {least} to {most}");
        violations.add(path, wrong(number), allowed);
    }
    number as u32
}

/// A duration. Nothing, where it is not one.
pub fn duration(text: &str, path: &Path<'_>, violations: &mut Violations) -> Option<Duration> {
    let duration = duration::parse(text);
    if duration.is_none() {
        let wrong = format!("`{}` is not a duration", names::shown(text));
        violations.add(path, wrong, duration::ALLOWED);
    }
    duration
}

/// A size, in bytes. Nothing, where it is not one.
pub fn size(text: &str, path: &Path<'_>, violations: &mut Violations) -> Option<usize> {
    let size = size::parse(text);
    if size.is_none() {
        let wrong = format!("`{}` is not a size", names::shown(text));
        violations.add(path, wrong, size::ALLOWED);
    }
    size
}

/// A number that is out of bounds. JSON's own way to write it costs a tenth of what the standard
/// library's does, in a filter that has the former anyway.
pub fn wrong(number: f64) -> String {
    let written =
        serde_json::Number::from_f64(number).map_or_else(String::new, |number| number.to_string());
    format!("is {}", written.strip_suffix(".0").unwrap_or(&written))
}
