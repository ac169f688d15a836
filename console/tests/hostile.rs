//! Requests that the console must refuse, or survive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use halftone_console::history::History;
use halftone_console::judge::{Asked, Explained, Finding, Judge, Moves};
use halftone_console::source::{
    Answer, Configurations, Document, NotWritten, Numbers, Samples, Scraped,
};
use halftone_console::viewer::Viewer;
use halftone_console::{App, Settings, api};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const MARKUP: &str = "<script>alert(1)</script>";

const CONFIG: &str = "\
releases:
- name: web
  hosts: [web]
  principal: v1
  canary: { split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ] }
";

/// A configuration in memory.
#[derive(Debug)]
struct Memory(Mutex<(String, u64)>);

impl Configurations for Memory {
    fn read(&self) -> Answer<'_, Result<Vec<Document>, String>> {
        Box::pin(async {
            let (text, revision) = self.0.lock().unwrap().clone();
            Ok(vec![Document {
                id: "a".into(),
                name: "a".into(),
                text,
                revision: revision.to_string(),
            }])
        })
    }

    fn write<'a>(
        &'a self,
        _: &'a Viewer,
        _: &'a str,
        text: &'a str,
        revision: &'a str,
    ) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            let mut held = self.0.lock().unwrap();
            if held.1.to_string() != revision {
                return Err(NotWritten::Conflict("a".into()));
            }
            *held = (text.into(), held.1 + 1);
            Ok(())
        })
    }
}

/// A proxy with markup in every label.
#[derive(Debug)]
struct Proxies;

impl Numbers for Proxies {
    fn scrape(&self) -> Answer<'_, Vec<Scraped>> {
        Box::pin(async {
            let metric = format!(
                "halftone_requests_total{{release=\"{MARKUP}\",version=\"{MARKUP}\",reason=\"{MARKUP}\"}} 1\n"
            );
            vec![Scraped {
                source: "envoy".into(),
                page: Ok(metric),
            }]
        })
    }
}

/// A log with a sample that has markup, and lines that are no samples.
#[derive(Debug)]
struct Lines;

impl Samples for Lines {
    fn read(&self) -> Answer<'_, Result<Vec<String>, String>> {
        Box::pin(async {
            let sample = json!({
                "release": "web", "mirror": MARKUP, "result": "body", "path": MARKUP,
                "differences": [{"pointer": format!("/{MARKUP}"), "production": MARKUP, "mirror": null}],
            });
            Ok(vec![
                format!("halftone: {sample}"),
                "halftone: {".into(),
                "halftone: {\"release\":[]}".into(),
                "\u{0}halftone: {}".into(),
            ])
        })
    }
}

/// Finds `bad` in a text.
#[derive(Debug)]
struct Simple;

impl Judge for Simple {
    fn check(&self, text: &str) -> Vec<Finding> {
        let finding = Finding {
            path: "releases[0]".into(),
            message: format!("is bad {MARKUP}"),
        };
        text.contains("bad")
            .then_some(finding)
            .into_iter()
            .collect()
    }

    fn explain(&self, _: &str, asked: &Asked) -> Result<Explained, String> {
        Err(format!("no {}", asked.host))
    }

    fn moves(&self, _: &str, _: &str, _: &str, _: u64) -> Option<Moves> {
        None
    }
}

struct Console {
    app: Arc<App>,
    router: Router,
}

impl Console {
    async fn new(view_only: bool) -> Self {
        let app = App::new(
            Settings {
                configurations: Box::new(Memory(Mutex::new((CONFIG.into(), 1)))),
                numbers: Box::new(Proxies),
                samples: Some(Box::new(Lines)),
                judge: Arc::new(Simple),
                view_only,
                history: History::of("ada".into()),
                rights: None,
                hosts: Vec::new(),
                alerts: None,
            },
            4_000,
        )
        .unwrap();
        app.look().await;
        let router = api::router(Arc::clone(&app));
        Self { app, router }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The cookie that the link brings.
    async fn cookie(&self) -> String {
        let link = format!("/?token={}", self.app.access().token());
        let answer = self.send(get(&link).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains(self.app.access().token()), "{cookie}");
        cookie.split(';').next().unwrap().into()
    }

    async fn read(&self, path: &str) -> (StatusCode, Value) {
        let request = get(path).header(header::COOKIE, self.cookie().await);
        body(self.send(request.body(Body::empty()).unwrap()).await).await
    }

    async fn post(&self, path: &str, value: &Value) -> (StatusCode, Value) {
        let request = self.posted(path).await.body(Body::from(value.to_string()));
        body(self.send(request.unwrap()).await).await
    }

    async fn posted(&self, path: &str) -> axum::http::request::Builder {
        Request::post(path)
            .header(header::HOST, "127.0.0.1:4000")
            .header(header::COOKIE, self.cookie().await)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-halftone-csrf", self.app.access().csrf())
    }
}

fn get(path: &str) -> axum::http::request::Builder {
    Request::get(path).header(header::HOST, "127.0.0.1:4000")
}

async fn body(answer: Response<Body>) -> (StatusCode, Value) {
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 64 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

fn change(what: &Value) -> Value {
    json!({"document": "a", "revision": "1", "release": "web", "change": what})
}

#[tokio::test]
async fn without_the_cookie_every_path_answers_401() {
    let console = Console::new(false).await;
    let token = console.app.access().token().to_owned();
    for path in [
        "/",
        "/app.js",
        "/api/state",
        "/api/events",
        "/none",
        "/?token=",
        "/?token=x",
        &format!("/?token={token}x"),
        &format!("/api/state?token={token}"),
    ] {
        for cookie in ["", "halftone-console-4000=x", "halftone-console-4000="] {
            let request = get(path).header(header::COOKIE, cookie);
            let answer = console.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {cookie}");
        }
    }
    for path in ["/api/apply", "/api/check", "/"] {
        let request = Request::post(path).header(header::HOST, "localhost");
        let answer = console.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_host_that_is_a_name_is_refused() {
    let console = Console::new(false).await;
    let cookie = console.cookie().await;
    for (host, expected) in [
        ("127.0.0.1:4000", StatusCode::OK),
        ("localhost:4000", StatusCode::OK),
        ("LOCALHOST", StatusCode::OK),
        ("[::1]:4000", StatusCode::OK),
        ("192.0.2.1", StatusCode::OK),
        ("evil.example:4000", StatusCode::FORBIDDEN),
        ("127.0.0.1.evil.example", StatusCode::FORBIDDEN),
        ("localhost.evil.example", StatusCode::FORBIDDEN),
        ("[::1].evil.example", StatusCode::FORBIDDEN),
        ("", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/api/state")
            .header(header::HOST, host)
            .header(header::COOKIE, &cookie);
        let answer = console.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), expected, "{host}");
    }
    let twice = get("/api/state")
        .header(header::HOST, "evil.example")
        .header(header::COOKIE, &cookie);
    let answer = console.send(twice.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_request_of_another_site_changes_nothing() {
    let console = Console::new(false).await;
    let cookie = console.cookie().await;
    let csrf = console.app.access().csrf().to_owned();
    let wanted = change(&json!({"kind": "takeOver", "version": "v2"})).to_string();
    for (token, origin, expected) in [
        ("", "", StatusCode::FORBIDDEN),
        ("x", "", StatusCode::FORBIDDEN),
        (&*csrf, "http://evil.example", StatusCode::FORBIDDEN),
        (&*csrf, "null", StatusCode::FORBIDDEN),
        (&*csrf, "http://127.0.0.1:5000", StatusCode::FORBIDDEN),
        (&*csrf, "http://127.0.0.1:4000", StatusCode::OK),
    ] {
        let mut request = Request::post("/api/apply")
            .header(header::HOST, "127.0.0.1:4000")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-halftone-csrf", token);
        if !origin.is_empty() {
            request = request.header(header::ORIGIN, origin);
        }
        let answer = console
            .send(request.body(Body::from(wanted.clone())).unwrap())
            .await;
        assert_eq!(answer.status(), expected, "{token} {origin}");
        let text = console.app.document("a").unwrap().text;
        assert_eq!(
            text == CONFIG,
            expected != StatusCode::OK,
            "{token} {origin}"
        );
    }
}

#[tokio::test]
async fn a_path_never_leaves_the_page() {
    let console = Console::new(false).await;
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/vendor/../../Cargo.toml",
        "/C:\\windows",
        "/api",
        "/api/none",
        "/index.html/",
    ] {
        let (status, _) = console.read(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        "/",
        "/app.js",
        "/style.css",
        "/icon.svg",
        "/vendor/LICENSES.txt",
    ] {
        let (status, _) = console.read(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let (status, _) = console.read("/api/document?id=%2Fetc%2Fpasswd").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused() {
    let console = Console::new(false).await;
    let text = "x".repeat(10 << 20);
    let (status, _) = console.post("/api/check", &json!({"text": text})).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    // Without a length, the body is counted while it is read.
    let chunks = (0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(1 << 20)));
    let stream = Body::from_stream(futures_util::stream::iter(chunks));
    let request = console.posted("/api/check").await.body(stream).unwrap();
    let (status, _) = body(console.send(request).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_not_json_of_the_page_is_refused() {
    let console = Console::new(false).await;
    for (path, value) in [
        ("/api/check", json!({})),
        ("/api/check", json!({"text": 3})),
        ("/api/apply", json!({})),
        ("/api/apply", change(&json!({"kind": "quit"}))),
        ("/api/apply", change(&json!({"kind": "takeOver"}))),
        (
            "/api/explain",
            json!({"document": "a", "request": {"host": 3}}),
        ),
    ] {
        let (status, said) = console.post(path, &value).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {value}");
        assert!(said["error"].is_string(), "{said}");
    }
}

#[tokio::test]
async fn a_bad_change_is_shown_and_not_applied() {
    let console = Console::new(false).await;
    let bad = change(&json!({"kind": "text", "text": "bad"}));
    let (status, prepared) = console.post("/api/preview", &bad).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(prepared["findings"][0]["path"], "releases[0]");
    for wanted in [
        bad,
        change(&json!({"kind": "takeOver", "version": "v9 bad"})),
        change(&json!({"kind": "switch", "version": "v2"})),
        change(&json!({"kind": "setWeight", "weights": {"v2": -1}})),
        change(&json!({"kind": "putBack", "entry": 1})),
        change(&json!({"kind": "ignore", "mirror": "v3", "pointer": "/a"})),
    ] {
        let (status, said) = console.post("/api/apply", &wanted).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wanted} {said}");
        assert_eq!(console.app.document("a").unwrap().text, CONFIG);
    }
    let mut old = change(&json!({"kind": "restore"}));
    old["revision"] = "0".into();
    let (status, _) = console.post("/api/apply", &old).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_change_is_in_the_history_and_can_be_put_back() {
    let console = Console::new(false).await;
    let wanted = change(&json!({"kind": "setWeight", "weights": {"v2": 30.0}}));
    let (status, said) = console.post("/api/apply", &wanted).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let (_, history) = console.read("/api/history").await;
    assert_eq!(history[0]["action"], "set-weight v2=30");
    assert_eq!(history[0]["release"], "web");
    assert_eq!(history[0]["who"], "ada");
    assert!(history[0]["diff"].as_str().unwrap().contains("weight: 30"));

    let mut back = change(&json!({"kind": "putBack", "entry": 1}));
    back["revision"] = "2".into();
    let (status, said) = console.post("/api/apply", &back).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!(console.app.document("a").unwrap().text, CONFIG);
}

#[tokio::test]
async fn a_console_that_only_shows_changes_nothing() {
    let console = Console::new(true).await;
    let wanted = change(&json!({"kind": "takeOver", "version": "v2"}));
    let (status, _) = console.post("/api/preview", &wanted).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = console.post("/api/apply", &wanted).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(console.app.document("a").unwrap().text, CONFIG);
}

#[tokio::test]
async fn more_than_five_hundred_streams_are_refused_and_those_that_nobody_reads_hold_nothing() {
    let console = Console::new(false).await;
    let cookie = console.cookie().await;
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..520 {
        let request = get("/api/events").header(header::COOKIE, &cookie);
        let answer = console.send(request.body(Body::empty()).unwrap()).await;
        match answer.status() {
            StatusCode::OK => open.push(answer),
            StatusCode::SERVICE_UNAVAILABLE => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        (open.len(), refused),
        (halftone_console::app::MOST_STREAMS, 20)
    );
    // Nobody reads a stream. When somebody does, the latest second comes and not all of them.
    for _ in 0..100 {
        console.app.look().await;
    }
    let mut body = open.pop().unwrap().into_body().into_data_stream();
    use futures_util::StreamExt as _;
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: {\"time\":"));
    drop(open);
    drop(body);
    let request = get("/api/events").header(header::COOKIE, &cookie);
    let answer = console.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn markup_arrives_as_text() {
    let console = Console::new(false).await;
    for path in [
        "/api/differences?release=web",
        "/api/series?release=%3Cscript%3E",
    ] {
        let request = get(path).header(header::COOKIE, console.cookie().await);
        let answer = console.send(request.body(Body::empty()).unwrap()).await;
        let headers = answer.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let (_, found) = console.read("/api/differences?release=web").await;
    assert_eq!(found["pairs"][0]["path"], MARKUP);
    assert_eq!(found["groups"][0]["place"], format!("/{MARKUP}"));
}

#[test]
fn no_file_of_the_page_makes_markup_of_a_text() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    for entry in std::fs::read_dir(page).unwrap() {
        let file = entry.unwrap().path();
        if !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "http://",
            "https://",
        ] {
            let is_allowed = word == "http://" && file.ends_with("icon.svg");
            assert!(
                is_allowed || !text.contains(word),
                "{}: {word}",
                file.display()
            );
        }
    }
}
