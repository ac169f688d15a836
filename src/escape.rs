//! Text from outside, written so that it stays in its place: in a line of a log, on a terminal, in a
//! JSON string.
//!
//! Characters that break a line, move a cursor or turn the direction of the text behind them are
//! escaped. All others stay as they are.

use std::fmt::{self, Write as _};

/// The longest text that a log line shows, in characters.
const LONGEST: usize = 1_024;

/// Text that prints escaped: see [`for_log`] and [`for_terminal`].
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'t> {
    text: &'t [u8],
    longest: usize,
}

/// `text` for a line of a log: at most 1,024 characters of it, and `…` if there are more. Bytes that
/// are not UTF-8 print as `\xff`.
///
/// ```
/// use halftone::escape::for_log;
///
/// assert_eq!(for_log("a\nb\u{1b}[31m").to_string(), r"a\nb\u{1b}[31m");
/// ```
#[must_use]
pub fn for_log<T: AsRef<[u8]> + ?Sized>(text: &T) -> Escaped<'_> {
    Escaped {
        text: text.as_ref(),
        longest: LONGEST,
    }
}

/// `text` for a terminal, in full. Bytes that are not UTF-8 print as `\xff`.
#[must_use]
pub fn for_terminal<T: AsRef<[u8]> + ?Sized>(text: &T) -> Escaped<'_> {
    Escaped {
        text: text.as_ref(),
        longest: usize::MAX,
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.longest;
        for chunk in self.text.utf8_chunks() {
            for char in chunk.valid().chars() {
                if left == 0 {
                    return f.write_char('…');
                }
                left -= 1;
                if is_active(char) {
                    write!(f, "{}", char.escape_default())?;
                } else {
                    f.write_char(char)?;
                }
            }
            for byte in chunk.invalid() {
                if left == 0 {
                    return f.write_char('…');
                }
                left -= 1;
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Writes `text` as a JSON string, quotes included, on one line.
///
/// # Errors
///
/// Those of `out`.
pub fn json_string(out: &mut impl fmt::Write, text: impl IntoIterator<Item = char>) -> fmt::Result {
    out.write_char('"')?;
    for char in text {
        match char {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(char)?;
            }
            char if is_active(char) => write!(out, "\\u{:04x}", u32::from(char))?,
            char => out.write_char(char)?,
        }
    }
    out.write_char('"')
}

/// Whether a character breaks a line, moves a cursor or turns the direction of text. All of them have
/// four hexadecimal digits.
fn is_active(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_act_are_escaped() {
        let table: [(&[u8], &str); 10] = [
            (b"", ""),
            (b"jason", "jason"),
            (
                "jas\u{f6}n \u{1f600} \\".as_bytes(),
                "jas\u{f6}n \u{1f600} \\",
            ),
            (b"a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            (b"\x1b[31mred\x7f", "\\u{1b}[31mred\\u{7f}"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("\u{202e}txt".as_bytes(), "\\u{202e}txt"),
            ("\u{2028}\u{feff}".as_bytes(), "\\u{2028}\\u{feff}"),
            (b"a\xff\xfeb", "a\\xff\\xfeb"),
            (b"\xe2\x82", "\\xe2\\x82"),
        ];
        for (text, expected) in table {
            assert_eq!(for_log(text).to_string(), expected);
            assert_eq!(for_terminal(text).to_string(), expected);
        }
    }

    #[test]
    fn a_log_line_is_bounded() {
        for text in ["ä", "\u{1b}"].map(|char| char.repeat(LONGEST + 1)) {
            let shown = for_log(&text).to_string();
            assert!(shown.ends_with('…'));
            assert_eq!(for_terminal(&text).to_string().matches('…').count(), 0);
            let whole: String = text.chars().skip(1).collect();
            assert_eq!(for_log(&whole).to_string() + "…", shown);
        }
        let bytes = vec![0xff; 1_000_000];
        assert_eq!(for_log(&bytes).to_string().len(), LONGEST * 4 + "…".len());
    }

    #[test]
    fn a_json_string_says_the_text_and_keeps_to_one_line() {
        let text: String = ('\0'..='\u{ffff}')
            .chain(['"', '\\', '\u{10ffff}'])
            .collect();
        let mut shown = String::new();
        json_string(&mut shown, text.chars()).unwrap();
        assert!(!shown.chars().any(is_active));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
