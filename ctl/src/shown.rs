//! Values and numbers in the form that reports for people use.

use std::borrow::Cow;

use halftone::draw::SessionKey;
use halftone::mirror::SecretHeader;

use crate::terminal::escaped;

/// The length of the longest value that is printed whole, in characters.
const LONGEST: usize = 80;

/// The length of the bar for 100 %, in characters.
const BAR: usize = 24;

/// Replaces a secret.
const HIDDEN: &str = "(hidden)";

/// A value in quotes. A value of more than 80 characters is cut.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", text.get(..end).unwrap_or_default()),
        None => format!("\"{text}\""),
    }
}

/// The value of the header `name`, with secrets hidden.
#[must_use]
pub fn header_value<'v>(name: &str, value: &'v [u8]) -> Cow<'v, [u8]> {
    match SecretHeader::of(name) {
        Some(SecretHeader::Credentials) => {
            let scheme = value.split(|byte| *byte == b' ').next();
            let scheme = scheme.filter(|scheme| scheme.len() < value.len());
            match scheme {
                Some(scheme) => [scheme, b" ", HIDDEN.as_bytes()].concat().into(),
                None => HIDDEN.as_bytes().into(),
            }
        }
        Some(SecretHeader::Cookies | SecretHeader::SetCookie) => HIDDEN.as_bytes().into(),
        None => value.into(),
    }
}

/// The value of a session key, escaped, with secrets hidden.
#[must_use]
pub fn key_value(key: &SessionKey, value: &[u8]) -> String {
    match key {
        SessionKey::Header(name) => escaped(header_value(name, value)),
        _ => escaped(value),
    }
}

/// The first eight of `names`, and the number of the others.
#[must_use]
pub fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let (shown, rest) = names.split_at(names.len().min(MOST));
    match rest.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The number with separators: `20,000`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The number, which is above 0, with four significant digits.
#[must_use]
pub fn significant(number: f64) -> String {
    if !(1e-4..1e6).contains(&number) {
        return format!("{number:.3e}");
    }
    let decimals = (3.0 - number.log10().floor()).max(0.0) as usize;
    format!("{number:.decimals$}")
}

/// `share`, 0 to 1, as a percentage with two decimals: `9.85 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A bar in eighths of a character. A share above 0 has at least one eighth.
#[must_use]
pub fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let least = usize::from(share > 0.0);
    let eighths = ((share * (8 * BAR) as f64).round() as usize).max(least);
    let part = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

/// A number of things: `1 request`, `20,000 requests`.
#[must_use]
pub fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_cookies_are_hidden() {
        let table: [(&str, &[u8], &[u8]); 5] = [
            ("authorization", b"Bearer abc.def.ghi", b"Bearer (hidden)"),
            ("authorization", b"abc.def.ghi", b"(hidden)"),
            ("proxy-authorization", b"Basic abc", b"Basic (hidden)"),
            ("cookie", b"a=1; b=2", b"(hidden)"),
            ("x-user-id", b"17", b"17"),
        ];
        for (name, value, expected) in table {
            assert_eq!(&*header_value(name, value), expected, "{name}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let table = [
            (0.012_345_6, "0.01235"),
            (12.345_6, "12.35"),
            (123_456.7, "123457"),
            (1.5e-7, "1.500e-7"),
            (0.0, "0.000e0"),
        ];
        for (number, expected) in table {
            assert_eq!(significant(number), expected);
        }
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), expected);
        }
        assert_eq!(count(1, "case"), "1 case");
        assert_eq!(count(2000, "case"), "2,000 cases");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(quoted(&"ä".repeat(81)), format!("\"{}…\"", "ä".repeat(80)));
        assert_eq!(quoted(&"ä".repeat(80)), format!("\"{}\"", "ä".repeat(80)));
    }
}
