//! Nobody gets a header into a response by way of what the filter writes there.

use anyhow::Result;
use halftone_lab::client::{raw};
use halftone_lab::upstream::Script;
use serde_json::json;

use crate::scene::{DECISION, Scene, reviews};

/// Requests, by their path and what follows the host header; `^` stands for what would break a line. The word `evil` must
/// come back nowhere.
const REQUESTS: [(&str, &str); 10] = [
    ("/", "x-user-id: 3^evil: 1"),
    ("/", "x-halftone-explain: 1^evil: 1"),
    ("/", "x-halftone-version: v2^evil: 1"),
    ("/", "cookie: uid=3^evil: 1"),
    ("/", "cookie: halftone-session=3^set-cookie: evil=1"),
    ("/", "user-agent: a^evil: 1"),
    ("/", "x-user-id: ^^evil"),
    ("/?user=3^evil:1", "x-a: b"),
    ("/?user=^^evil", "x-a: b"),
    ("/?^set-cookie:evil=1&user=", "x-a: b"),
];

#[tokio::test]
async fn no_request_writes_a_response_header() -> Result<()> {
    let scene = Scene::new(&reviews(json!({"canary": {
        "split": [{"version": "v2", "weight": 1}],
        "session": {"key": [{"header": "x-user-id"}, {"cookie": "uid"}, {"queryParam": "user"}], "cookie": {}},
    }})))
    .await?;
    scene.upstreams.v2.script(Script::status(200));
    for line_break in ["\r\n", "\r", "\n", "\0", "%0d%0a", "%0D", "%0a", "%00", "\u{85}", "\u{2028}"] {
        for (path, header) in REQUESTS {
            let [path, header] = [path, header].map(|text| text.replace('^', line_break));
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: reviews\r\nx-halftone-explain: 1\r\n{header}\r\nconnection: close\r\n\r\n"
            );
            let what = request.escape_debug();
            let heard = raw(scene.envoy.address(), request.as_bytes()).await?;
            let heard = String::from_utf8_lossy(&heard);
            assert!(!heard.contains("evil"), "{what}: {heard}");
            if heard.starts_with("HTTP/1.1 200") {
                assert_eq!(names(&heard), EXPECTED)
            }
        }
    }
    scene.end().await
}
