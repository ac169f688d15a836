//! What goes over the wire: a browser's request, and an answer of 1 KB.

use halftone_lab::load::Load;
use halftone_lab::upstream::Script;
use halftone_lab::workload::{HEADERS, PATH};
use serde_json::json;

/// The service, by the name that its clients use.
pub use halftone_lab::workload::HOST;

/// The header that rules look at, and the value of it that they match.
pub const TESTER: (&str, &str) = ("end-user", "jason");

/// The cookie that sessions go by.
pub const SESSION: &str = "uid";

/// How long an answer's body is.
const BODY: usize = 1024;

/// GET requests, as a browser sends them: the same in every row, with all that any row looks at.
pub fn requests(load: Load) -> Load {
    let load = load.host(HOST).path(PATH);
    HEADERS
        .into_iter()
        .chain([TESTER])
        .fold(load, |load, (name, value)| load.header(name, value))
}

/// 1 KB of JSON. Answers with another `timestamp` differ in nothing else.
pub fn answer(timestamp: &str) -> Script {
    Script::status(200)
        .header("content-type", "application/json")
        .body(body(timestamp))
}

/// As many reviews as there is room for, and the last one's text as long as need be.
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
    fn answers_are_as_long_as_they_should_be() {
        assert_eq!(body("2026-01-01T00:00:00Z").len(), BODY);
    }

    #[test]
    fn answers_differ_in_their_timestamp_alone() {
        let read = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
        let (one, mut other) = (read(body("1")), read(body("2")));
        assert_ne!(one, other);
        other["timestamp"] = "1".into();
        assert_eq!(one, other);
    }
}
