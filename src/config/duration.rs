//! Durations as users write them: `250ms`, `30s`, `1h30m`.

use std::time::Duration;

/// What a duration may look like, for messages.
pub const ALLOWED: &str = "write it with its unit, ms, s, m or h: 250ms, 30s, 1h30m";

/// The duration that `text` writes: whole numbers, each with its unit, the way Istio's are written;
/// `0s` is one.
///
/// Nothing, where it is not one or is longer than 2^64 milliseconds.
pub fn parse(text: &str) -> Option<Duration> {
    let mut milliseconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(unit_at)?;
        let next_at = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(next_at)?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        milliseconds =
            milliseconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        let table = [
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("24h", Some(86_400_000)),
            ("1h30m", Some(5_400_000)),
            ("0s", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("1d", None),
            ("1 s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("1é", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
