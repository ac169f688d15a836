//! Times as users write them: RFC 3339 with an offset, such as `2026-12-01T09:00:00Z`.

use serde::Deserialize;

/// A time: RFC 3339 with an offset, such as `2026-12-01T09:00:00Z` or `2026-12-01T10:00:00+01:00`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        inline,
        extend("pattern" = "^[0-9]{4}(-[0-9]{2}){2}[Tt]([0-9]{2}:){2}[0-9]{2}(\\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})$")
    )
)]
pub struct TimeConfig(pub String);

/// What a time looks like, for messages.
pub const EXPECTED: &str =
    r#"a time with an offset such as "2026-12-01T09:00:00Z" or "2026-12-01T10:00:00+01:00""#;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The time that `text` writes, in milliseconds since 1970-01-01T00:00:00Z. Digits after the third
/// of a fraction are dropped. Nothing, if `text` is none, or one before 1970.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let mut rest = text.as_bytes();
    let (year, _) = (number(&mut rest, 4)?, one_of(&mut rest, b"-")?);
    let (month, _) = (number(&mut rest, 2)?, one_of(&mut rest, b"-")?);
    let (day, _) = (number(&mut rest, 2)?, one_of(&mut rest, b"Tt")?);
    let (hour, _) = (number(&mut rest, 2)?, one_of(&mut rest, b":")?);
    let (minute, _) = (number(&mut rest, 2)?, one_of(&mut rest, b":")?);
    let second = number(&mut rest, 2)?;
    let milliseconds = fraction(&mut rest)?;
    let offset = offset(&mut rest)?;
    // Second 60 is a leap second.
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !(rest.is_empty() && is_time && is_date) {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second;
    u64::try_from((seconds - offset) * 1_000 + milliseconds).ok()
}

/// The time `milliseconds` since 1970-01-01T00:00:00Z, in UTC: `2026-12-01T09:00:00Z`. Milliseconds
/// are written unless they are 0. A time after the year 9999 is its last millisecond.
///
/// ```
/// use halftone::config::time;
///
/// let start = time::parse("2026-12-01T10:00:00.250+01:00").expect("a time");
/// assert_eq!(time::text(start), "2026-12-01T09:00:00.250Z");
/// ```
#[must_use]
pub fn text(milliseconds: u64) -> String {
    const LAST: u64 = 253_402_300_799_999;
    let all = i64::try_from(milliseconds.min(LAST)).unwrap_or_default();
    let (seconds, milliseconds) = (all / 1_000, all % 1_000);
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / HOUR, second % HOUR / MINUTE, second % MINUTE);
    let fraction = match milliseconds {
        0 => String::new(),
        _ => format!(".{milliseconds:03}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The time that was probably meant by a text that is none: one without an offset, or with a space
/// before its time, or a date alone. It is in UTC, unless the text says otherwise.
pub fn meant(text: &str) -> Option<String> {
    let text = text.trim().replacen(' ', "T", 1).replace(' ', "");
    ["", "Z", ":00Z", "T00:00:00Z"]
        .iter()
        .map(|end| format!("{text}{end}"))
        .find(|text| parse(text).is_some())
}

/// A number of exactly `digits` digits, taken from the front.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    number.iter().try_fold(0, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        Some(number * 10 + digit)
    })
}

/// One of these bytes, taken from the front.
fn one_of(rest: &mut &[u8], bytes: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    bytes.contains(first).then_some(*first)
}

/// The milliseconds of a fraction of a second, taken from the front if there is one.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let Some(after) = rest.strip_prefix(b".") else {
        return Some(0);
    };
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit());
    let (fraction, after) = after.split_at_checked(digits.count())?;
    *rest = after;
    let first = fraction.iter().chain(b"00").take(3);
    let milliseconds = first.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    (!fraction.is_empty()).then_some(milliseconds)
}

/// The seconds by which the written time is ahead of UTC, taken from the front.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    let sign = match one_of(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let (hours, _) = (number(rest, 2)?, one_of(rest, b":")?);
    let minutes = number(rest, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days are negative before 1970.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let leap_years_before = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = (year - 1970) * 365 + leap_years_before(year) - leap_years_before(1970);
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

/// The date of a day since 1970: year, month, day.
fn date(days: i64) -> (i64, i64, i64) {
    // A year has more days than 365, so this is the year or one after it.
    let mut year = 1970 + days / 365;
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    let mut day = days - days_since_1970(year, 1, 1);
    let mut month = 1;
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_with_an_offset() {
        // `date -u -d TIME +%s%3N` prints the numbers.
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-12-01T09:00:00Z", Some(1_796_115_600_000)),
            ("2026-12-01t09:00:00z", Some(1_796_115_600_000)),
            ("2026-12-01T10:30:00+01:30", Some(1_796_115_600_000)),
            ("2026-11-30T22:00:00-11:00", Some(1_796_115_600_000)),
            ("2026-12-01T09:00:00.25Z", Some(1_796_115_600_250)),
            ("2026-12-01T09:00:00.2509999Z", Some(1_796_115_600_250)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("1970-01-01T00:00:00+00:01", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-12-01T09:00:00", None),
            ("2026-12-01T09:00Z", None),
            ("2026-12-01 09:00:00Z", None),
            ("2026-12-01T09:00:00.Z", None),
            ("2026-12-01T09:00:00+1:00", None),
            ("2026-12-01T09:00:00+24:00", None),
            ("2026-12-01T09:00:00Zx", None),
            ("2026-02-29T00:00:00Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-04-31T00:00:00Z", None),
            ("2026-04-00T00:00:00Z", None),
            ("2026-04-01T24:00:00Z", None),
            ("2026-04-01T00:60:00Z", None),
            ("2026-04-01T00:00:61Z", None),
            ("2026-4-1T00:00:00Z", None),
            ("+026-04-01T00:00:00Z", None),
            ("é", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_is_printed_so_that_it_is_read_again() {
        for day in 0..200_000_u64 {
            let time = day * 86_400_000 + day;
            assert_eq!(parse(&text(time)), Some(time), "{}", text(time));
        }
        assert_eq!(text(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_time_is_guessed_from_spaces_and_missing_parts() {
        let table = [
            ("2026-12-01T09:00:00", Some("2026-12-01T09:00:00Z")),
            (
                "2026-12-01 09:00:00 +01:00",
                Some("2026-12-01T09:00:00+01:00"),
            ),
            ("2026-12-01 09:00", Some("2026-12-01T09:00:00Z")),
            (" 2026-12-01", Some("2026-12-01T00:00:00Z")),
            ("tomorrow", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(meant(text).as_deref(), expected, "{text}");
        }
    }
}
