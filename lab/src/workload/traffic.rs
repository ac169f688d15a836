//! The request and the answer of a benchmark: a browser's request, and 1 KB of JSON.

use serde_json::json;

use super::{HEADERS, HOST, PATH};
use crate::load::Load;
use crate::upstream::Script;

/// The header that rules test, and the value that matches.
pub const TESTER: (&str, &str) = ("end-user", "jason");

/// The cookie that is the key of a session.
pub const SESSION: &str = "uid";

/// The length of an answer's body, in bytes.
const BODY: usize = 1024;

/// GET requests as a browser sends them. Every row gets the same, so they have the headers that any row needs.
pub fn requests(load: Load) -> Load {
    let load = load.host(HOST).path(PATH);
    HEADERS
        .into_iter()
        .chain([TESTER])
        .fold(load, |load, (name, value)| load.header(name, value))
}

/// 1 KB of JSON. Answers with different timestamps are otherwise equal.
pub fn answer(timestamp: &str) -> Script {
    Script::status(200)
        .header("content-type", "application/json")
        .body(body(timestamp))
}

/// As many reviews as fit. The text of the last one fills the rest.
fn body(timestamp: &str) -> String {
    let write = |reviews: usize, text: &str| {
        let review = |number: usize| {
            json!({
                "reviewer": format!("Reviewer{number}"),
                "text": if number == reviews { text } else { "An extremely entertaining play by Shakespeare." },
                "rating": {"stars": number % 5 + 1, "color": "black"},
            })
        };
        let reviews: Vec<_> = (1..=reviews).map(review).collect();
        json!({"id": "7", "timestamp": timestamp, "reviews": reviews}).to_string()
    };
    let room = |reviews| BODY.checked_sub(write(reviews, "").len());
    let reviews = (1..).take_while(|reviews| room(*reviews).is_some()).count();
    write(reviews, &".".repeat(room(reviews).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_length_that_the_benchmark_states() {
        assert_eq!(body("2026-01-01T00:00:00Z").len(), BODY);
    }

    #[test]
    fn answers_differ_only_in_their_timestamp() {
        let read = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
        let (one, mut other) = (read(body("1")), read(body("2")));
        assert_ne!(one, other);
        other["timestamp"] = "1".into();
        assert_eq!(one, other);
    }
}
