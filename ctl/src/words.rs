//! Numbers in sentences.

/// So many things, in words: `1 case`, `2 cases`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
