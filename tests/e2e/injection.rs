//! No request injects a header into a response through the headers that the filter writes.

use anyhow::Result;
use halftone_lab::client::raw;
use halftone_lab::upstream::Script;
use serde_json::json;
use tokio::task::JoinSet;

use crate::scene::{Scene, reviews};

/// Paths and a header. `^` marks the place of a possible line break. No answer may have the word `evil`.
const REQUESTS: [(&str, &str); 10] = [
    ("/", "x-user-id: 3^evil: 1"),
    ("/", "x-user-id: ^^evil"),
    ("/", "x-halftone-explain: 1^evil: 1"),
    ("/", "x-halftone-version: v2^evil: 1"),
    ("/", "cookie: uid=3^evil: 1"),
    ("/", "cookie: halftone-session=3^set-cookie: evil=1"),
    ("/", "user-agent: a^evil: 1"),
    ("/?user=3^evil:1", "x-a: b"),
    ("/?user=^^evil", "x-a: b"),
    ("/?^set-cookie:evil=1&user=", "x-a: b"),
];

/// Raw line breaks, which Envoy rejects or reads as the end of the line, and encoded ones.
const BREAKS: [&str; 10] = [
    "\r\n", "\r", "\n", "\0", "%0d%0a", "%0D", "%0a", "%00", "\u{85}", "\u{2028}",
];

/// The header fields of a response: those of Envoy and the upstream, then those that the filter can add.
const FIELDS: [&str; 9] = [
    "cache-control",
    "connection",
    "content-length",
    "date",
    "server",
    "x-envoy-upstream-service-time",
    "x-upstream",
    "set-cookie",
    "x-halftone-decision",
];

#[tokio::test]
async fn no_request_writes_a_response_header() -> Result<()> {
    let scene = Scene::new(&reviews(json!({"canary": {
        "split": [{"version": "v2", "weight": 1}],
        "session": {"key": [{"header": "x-user-id"}, {"cookie": "uid"}, {"queryParam": "user"}], "cookie": {}},
    }})))
    .await?;
    scene.upstreams.v2.script(Script::status(200));
    let mut exchanges = JoinSet::new();
    for line_break in BREAKS {
        for (path, header) in REQUESTS {
            let [path, header] = [path, header].map(|text| text.replace('^', line_break));
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: reviews\r\nx-halftone-explain: 1\r\n{header}\r\nconnection: close\r\n\r\n"
            );
            let address = scene.envoy.address();
            exchanges.spawn(async move {
                let heard = raw(address, request.as_bytes()).await?;
                anyhow::Ok((request, String::from_utf8_lossy(&heard).into_owned()))
            });
        }
    }
    let (mut answered, mut issued) = (0, 0);
    for exchange in exchanges.join_all().await {
        let (request, heard) = exchange?;
        let what = format!("{}\n{heard}", request.escape_debug());
        assert!(!heard.contains("evil"), "{what}");
        // Envoy rejects a line break in a value.
        if !heard.starts_with("HTTP/1.1 4") {
            assert!(heard.starts_with("HTTP/1.1 200 "), "{what}");
            let head = heard.split("\r\n\r\n").next().unwrap_or_default();
            let names = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split(": ").next());
            let names: Vec<&str> = names.collect();
            assert!(names.iter().all(|name| FIELDS.contains(name)), "{what}");
            let decisions = names.iter().filter(|name| **name == "x-halftone-decision");
            assert_eq!(decisions.count(), 1, "{what}");
            answered += 1;
            issued += names.iter().filter(|name| **name == "set-cookie").count();
        }
    }
    assert!(
        answered >= 50 && issued >= 20,
        "{answered} answered, {issued} ids issued"
    );
    scene.end().await
}
