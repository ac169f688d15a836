//! Parts of a configuration, quoted in messages that a log or a terminal shows.

use std::fmt::Write;

use crate::config::json::Json;

/// The longest text that a message quotes whole, in characters.
const LONGEST: usize = 60;

/// `text` in quotes, with control characters escaped: at most its first 60 characters, and `…`
/// after the quotes if there are more.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    let mut characters = text.chars();
    for character in characters.by_ref().take(LONGEST) {
        match character {
            '\'' => quoted.push(character),
            _ => quoted.extend(character.escape_debug()),
        }
    }
    quoted.push('"');
    if characters.next().is_some() {
        quoted.push('…');
    }
    quoted
}

/// `text` in quotes, to be copied: nothing, if it is too long to be quoted whole or has control
/// characters.
pub fn quoted_whole(text: &str) -> Option<String> {
    let is_whole = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    is_whole.then(|| quoted(text))
}

/// Whether a name needs no quotes: up to 60 letters, digits, `-` and `_`, at least one.
pub fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_plain)
}

/// A value as a message calls it: `the string "5"`, `the number 2`, `an array`.
pub fn described(value: &Json<'_>) -> String {
    match value {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => format!("the number {number}"),
        Json::String(text) => format!("the string {}", quoted(text)),
        Json::Array(_) => "an array".into(),
        Json::Object(_) => "an object".into(),
    }
}

/// `words` as a list: `a, b, c or d`, where `last` is `or`.
pub fn listed<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let mut listed = String::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if !listed.is_empty() {
            let is_last = words.peek().is_none();
            let separator = if is_last {
                format!(" {last} ")
            } else {
                ", ".into()
            };
            listed.push_str(&separator);
        }
        let _ = write!(listed, "{word}");
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_bounded_and_one_line() {
        let longest = "é".repeat(60);
        let too_long = "é".repeat(61);
        let table = [
            ("reviews", r#""reviews""#),
            ("it's", r#""it's""#),
            (r#"a "b" \"#, r#""a \"b\" \\""#),
            ("a\r\n\u{1b}[31m", r#""a\r\n\u{1b}[31m""#),
            ("\u{202e}\u{2028}", r#""\u{202e}\u{2028}""#),
            (&longest, &format!("\"{longest}\"")),
            (&too_long, &format!("\"{longest}\"…")),
        ];
        for (text, expected) in table {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn a_list_ends_with_its_conjunction() {
        let table: [(&[&str], &str); 4] = [
            (&[], ""),
            (&["a"], "a"),
            (&["a", "b"], "a or b"),
            (&["a", "b", "c"], "a, b or c"),
        ];
        for (words, expected) in table {
            assert_eq!(listed(words.iter().copied(), "or"), expected);
        }
    }
}
