//! Durations as users write them: `250ms`, `30s`, `1h30m`.

use std::time::Duration;

use serde::Deserialize;

/// A duration: whole numbers with their units, `ms`, `s`, `m` or `h`, such as `250ms` or `1h30m`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, extend("pattern" = "^([0-9]+(ms|s|m|h))+$")))]
pub struct DurationConfig(pub String);

/// What a duration looks like, for messages.
pub const EXPECTED: &str = r#"a duration such as "250ms" or "2s""#;

/// The duration that `text` writes: whole numbers, each with its unit, as in Istio. `0s` is one.
/// Nothing, if `text` is none or is longer than 2^64 milliseconds.
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

/// The duration that was probably meant by a text that is none: without spaces, in lower case, with
/// days as hours.
pub fn meant(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let text = text.to_ascii_lowercase();
    let days = ["days", "day", "d"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit));
    let hours = days.and_then(|days| days.parse::<u32>().ok()?.checked_mul(24));
    let text = hours.map_or(text, |hours| format!("{hours}h"));
    parse(&text).map(|_| text)
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

    #[test]
    fn a_duration_is_guessed_from_spaces_capitals_and_days() {
        let table = [
            ("1 day", Some("24h")),
            ("30d", Some("720h")),
            ("5 S", Some("5s")),
            ("250 ms", Some("250ms")),
            ("99999999999d", None),
            ("soon", None),
            ("30", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(meant(text).as_deref(), expected, "{text}");
        }
    }
}
