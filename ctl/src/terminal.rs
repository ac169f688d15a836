//! Text for a terminal: control characters escaped, parts coloured.
//!
//! A string of a configuration, a resource, a request or a file name can hold control characters. They
//! could move the cursor, or hide what follows. Each report for people prints such strings through
//! [`Line`] or [`escaped`]. A terminal shows colours; a pipe gets plain text.

use std::fmt;

use anstyle::{AnsiColor, Style};
use halftone::escape::for_terminal;

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

/// `text` on one line, with control characters escaped. Text that is escaped already does not change.
#[must_use]
pub fn escaped(text: impl AsRef<[u8]>) -> String {
    for_terminal(text.as_ref()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_twice_changes_nothing() {
        for text in ["jason", "\u{1b}[31mred\t\n", "\u{202e}txt", r"\xff"] {
            let once = escaped(text);
            assert_eq!(escaped(&once), once);
        }
        assert_eq!(escaped(b"a\xff"), r"a\xff");
    }

    #[test]
    fn a_line_keeps_its_own_colours_and_escapes_those_of_its_text() {
        let line = Line::styled(GOOD, "\x1b[0m").and("\n");
        assert_eq!(line.to_string(), "\x1b[32m\\u{1b}[0m\x1b[0m\\n");
    }
}
