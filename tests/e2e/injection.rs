//! Nobody gets a header into a response by way of what the filter writes there.

use anyhow::Result;
use halftone_lab::client::raw;
use halftone_lab::upstream::Script;
use serde_json::json;

use crate::scene::{Scene, reviews};

/// Paths, and a header; `^` stands for what might break a line. The word `evil` must come back nowhere.
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

/// Raw ones, which Envoy refuses or reads as the line's end, and those that somebody might decode.
const BREAKS: [&str; 10] = [
    "\r\n", "\r", "\n", "\0", "%0d%0a", "%0D", "%0a", "%00", "\u{85}", "\u{2028}",
];

/// The header fields of a response: Envoy's and the upstream's own, then those that the filter may add.
const FIELDS: [&str; 8] = [
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
    let (mut answered, mut refused, mut issued) = (0, 0, 0);
    for line_break in BREAKS {
        for (path, header) in REQUESTS {
            let [path, header] = [path, header].map(|text| text.replace('^', line_break));
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: reviews\r\nx-halftone-explain: 1\r\n{header}\r\nconnection: close\r\n\r\n"
            );
            let heard = raw(scene.envoy.address(), request.as_bytes()).await?;
            let heard = String::from_utf8_lossy(&heard);
            let what = format!("{}\n{heard}", request.escape_debug());
            assert!(!heard.contains("evil"), "{what}");
            if heard.starts_with("HTTP/1.1 400 ") {
                refused += 1;
                continue;
            }
            assert!(heard.starts_with("HTTP/1.1 200 "), "{what}");
            assert_eq!(
                heard
                    .matches("x-halftone-decision: release=reviews version=v2 reason=")
                    .count(),
                1,
                "{what}"
            );
            let head = heard.split("\r\n\r\n").next().unwrap_or_default();
            let fields = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split(": ").next());
            for field in fields {
                assert!(FIELDS.contains(&field), "{what}");
            }
            answered += 1;
            issued += heard.matches("set-cookie: halftone-session=").count();
        }
    }
    println!("{answered} {refused} {issued}");
    scene.end().await
}
