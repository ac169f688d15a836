//! What goes over the wire: a browser's request, and an answer of 1 KB.

use halftone_lab::load::Load;
use halftone_lab::upstream::Script;
use serde_json::json;

/// The service, by the name that its clients use.
pub const HOST: &str = "reviews";

/// How long an answer's body is.
const BODY: usize = 1024;

/// What a browser and the proxies before Envoy send along.
const HEADERS: [(&str, &str); 9] = [
    (
        "user-agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "de,en-US;q=0.7,en;q=0.3"),
    ("cookie", "theme=dark; uid=5f2c1a9e; consent=yes"),
    ("x-user-id", "user-0005f2c1a9e"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-request-id", "346ccd7a-3048-4439-82bd-0b0843667125"),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
];

/// GET requests, as a browser sends them.
pub fn requests(load: Load) -> Load {
    let load = load.host(HOST).path("/reviews/7?locale=de");
    HEADERS
        .into_iter()
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
