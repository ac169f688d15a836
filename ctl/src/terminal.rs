//! Text for a terminal: control characters escaped, parts coloured.
//!
//! A string of a configuration, a resource, a request or a file name can hold control characters. They
//! could move the cursor, or hide what follows. Each report for people prints such strings through
//! [`Line`] or [`escaped`]. A terminal shows colours; a pipe gets plain text.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// Success, or the choice that was made.
pub const GOOD: Style = AnsiColor::Green.on_default();

/// Failure.
pub const BAD: Style = AnsiColor::Red.on_default();

/// Secondary information.
pub const FAINT: Style = Style::new().dimmed();

/// The subject.
pub const STRONG: Style = Style::new().bold();

const PLAIN: Style = Style::new();

/// One line of a report, made of parts. It prints control characters escaped.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    /// A line of `text` in `style`.
    #[must_use]
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self::default().and_styled(style, text)
    }

    /// The same line with `text` at its end.
    #[must_use]
    pub fn and(self, text: impl Into<String>) -> Self {
        self.and_styled(PLAIN, text)
    }

    /// The same line with `text` in `style` at its end.
    #[must_use]
    pub fn and_styled(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }
}

impl<T: Into<String>> From<T> for Line {
    fn from(text: T) -> Self {
        Self::default().and(text)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(style, text)| write!(f, "{style}{}{style:#}", escaped(text)))
    }
}

/// `text` on one line. Control characters, and characters that change the direction of text, are
/// escaped. Bytes that are not UTF-8 appear as `\xff`. Text that is escaped already does not change.
#[must_use]
pub fn escaped(text: impl AsRef<[u8]>) -> String {
    let bytes = text.as_ref();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if is_invisible(letter) {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Whether a terminal would not print the character, but move its cursor, hide text or turn its
/// direction.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_escaping_twice_changes_nothing() {
        let table: [(&[u8], &str); 7] = [
            (b"jason", "jason"),
            ("jas\u{f6}n \u{1f600}".as_bytes(), "jasön 😀"),
            (b"a\xff\xfeb", "a\\xff\\xfeb"),
            (b"\x1b[31mred\t\n", "\\u{1b}[31mred\\t\\n"),
            ("\u{202e}txt".as_bytes(), "\\u{202e}txt"),
            (b"\x7f", "\\u{7f}"),
            (b"", ""),
        ];
        for (bytes, expected) in table {
            assert_eq!(escaped(bytes), expected);
            assert_eq!(escaped(expected), expected);
        }
    }

    #[test]
    fn a_line_keeps_its_own_colours_and_escapes_those_of_its_text() {
        let line = Line::styled(GOOD, "\x1b[0m").and("\n");
        assert_eq!(line.to_string(), "\x1b[32m\\u{1b}[0m\x1b[0m\\n");
    }
}
