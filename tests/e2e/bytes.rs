//! Requests with any bytes. No request crashes the filter, and none matches by accident.

use anyhow::{Context, Result};
use halftone_lab::client::Raw;
use halftone_lab::proxy::Route;
use serde_json::json;

use crate::scene::{ASK, ASKED, PROTOCOLS, REQUESTS, Scene, decided, plugin, reviews};

/// Invalid UTF-8, and not the beginning of a character.
const BYTES: &[u8] = b"\xff\xfe";

/// A rule per kind of condition, with the name of the kind. The split sends all other requests to v2.
fn config() -> serde_json::Value {
    let rule = |name: &str, condition| json!({"name": name, "match": [condition], "version": "v1"});
    let header = |name: &str, test| rule(name, json!({"headers": {format!("x-{name}"): test}}));
    reviews(json!({"canary": {
        "rules": [
            header("exact", json!({"exact": "beta"})),
            header("prefix", json!({"prefix": "be"})),
            header("contains", json!({"contains": "et"})),
            header("in", json!({"in": ["beta", "gamma"]})),
            header("semver", json!({"semver": ">=2"})),
            header("any-text", json!({"regex": ".*"})),
            header("evil", json!({"regex": "(a|aa)*(a|aaa)*b"})),
            header("present", json!({"present": true})),
            rule("cookie", json!({"cookies": {"group": {"exact": "beta"}}})),
            rule("cookie-present", json!({"cookies": {"odd": {"present": true}}})),
            rule("os", json!({"clientOs": ["ios", "android", "windows", "macos", "linux"]})),
            rule("query", json!({"queryParams": {"debug": {"exact": "beta"}}})),
            rule("query-text", json!({"queryParams": {"text": {"regex": ".*"}}})),
            rule("path", json!({"path": {"regex": "/text/.*"}})),
        ],
        "split": [{"version": "v2", "weight": 1}],
        "session": {"key": [{"header": "x-user-id"}, {"cookie": "uid"}, {"queryParam": "user"}, {"jwtClaim": "sub"}]},
    }}))
}

#[tokio::test]
async fn a_header_can_have_any_value() -> Result<()> {
    let long = vec![b'a'; 50_000];
    let evil = vec![b'a'; 8_000];
    let longest = vec![b'a'; 2_048];
    let token = |payload: &str| [b"Bearer e30.", payload.as_bytes(), b"."].concat();
    let deep = token(&"W1tb".repeat(5_000));
    let table: &[(&str, &[u8], &str)] = &[
        ("x-exact", b"beta", "rule:exact"),
        ("x-exact", BYTES, "split"),
        ("x-exact", b"", "split"),
        ("x-exact", b"beta\xff", "split"),
        ("x-exact", &long, "split"),
        ("x-prefix", b"be\xff", "rule:prefix"),
        ("x-prefix", BYTES, "split"),
        ("x-contains", b"\xffbeta\xfe", "rule:contains"),
        ("x-contains", BYTES, "split"),
        ("x-contains", &long, "split"),
        ("x-in", b"gamma", "rule:in"),
        ("x-in", BYTES, "split"),
        ("x-in", b"", "split"),
        ("x-semver", b"2.1.0", "rule:semver"),
        ("x-semver", BYTES, "split"),
        ("x-semver", b"", "split"),
        ("x-semver", b"99999999999999999999999.0.0", "split"),
        ("x-semver", &long, "split"),
        ("x-any-text", b"text", "rule:any-text"),
        ("x-any-text", b"", "rule:any-text"),
        ("x-any-text", BYTES, "split"),
        ("x-any-text", &longest, "rule:any-text"),
        ("x-any-text", &evil, "split"),
        ("x-evil", b"aab", "rule:evil"),
        ("x-evil", &longest, "split"),
        ("x-evil", &evil, "split"),
        ("x-present", BYTES, "rule:present"),
        ("x-present", b"", "rule:present"),
        ("x-present", &long, "rule:present"),
        ("cookie", b"group=beta", "rule:cookie"),
        ("cookie", BYTES, "split"),
        ("cookie", b"", "split"),
        ("cookie", b";;=;\xff=\xfe; group=beta", "rule:cookie"),
        ("cookie", b"group=\xff; odd=\xfe", "rule:cookie-present"),
        ("cookie", b"uid=\xff", "session"),
        ("cookie", b"uid=", "split"),
        ("user-agent", b"\xff Android \xfe", "rule:os"),
        ("user-agent", BYTES, "split"),
        ("user-agent", b"", "split"),
        ("user-agent", &long, "split"),
        ("authorization", &token("eyJzdWIiOiIzIn0"), "session"),
        ("authorization", BYTES, "split"),
        ("authorization", b"", "split"),
        ("authorization", b"Bearer", "split"),
        ("authorization", b"Bearer \xff.\xfe.\xfd", "split"),
        // The claims `{"sub":"\xff"}`, a string that is not UTF-8, and `{"sub":` without an end.
        ("authorization", &token("eyJzdWIiOiL_In0"), "split"),
        ("authorization", &token("eyJzdWIiOg"), "split"),
        ("authorization", &deep, "split"),
        ("x-user-id", BYTES, "session"),
        ("x-user-id", b"", "split"),
        ("x-user-id", &long, "session"),
        (ASK, BYTES, "split"),
        (ASK, b"", "split"),
    ];
    let scene = Scene::new(&config()).await?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (name, value, reason) in table {
            let what = format!(
                "{protocol:?} {name}: {}",
                value[..value.len().min(80)].escape_ascii()
            );
            let fields: &[(&str, &[u8])] = match *name {
                ASK => &[(name, value)],
                _ => &[ASKED, (name, value)],
            };
            let answer = client.get("reviews", "/", fields).await;
            let answer = answer.with_context(|| what.clone())?;
            assert_eq!(answer.status, 200, "{what}");
            assert_eq!(decided(&answer, "reason"), Some(*reason), "{what}");
        }
    }
    scene.end().await
}

#[tokio::test]
async fn values_reach_the_upstream_unchanged() -> Result<()> {
    let scene = Scene::new(&config()).await?;
    for protocol in PROTOCOLS {
        let sent: [(&str, &[u8]); 3] = [
            ("x-exact", BYTES),
            ("cookie", b"uid=\xff"),
            ("x-present", b""),
        ];
        let answer = scene.client(protocol).get("reviews", "/", &sent).await?;
        assert_eq!(answer.status, 200);
        let request = scene.upstreams.v1.requests().pop();
        let request = request.context("v1 got no request")?;
        for (name, value) in sent {
            assert_eq!(request.values(name), [value], "{protocol:?} {name}");
        }
    }
    scene.end().await
}

#[tokio::test]
async fn all_of_many_headers_and_cookies_are_tested() -> Result<()> {
    let scene = Scene::new(&config()).await?;
    let names: Vec<String> = (0..80).map(|place| format!("x-filler-{place}")).collect();
    let mut headers: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), BYTES)).collect();
    headers.extend([ASKED, ("x-exact", b"beta")]);

    let mut cookies: Vec<String> = (0..60).map(|place| format!("c{place}=\u{1F36A}")).collect();
    cookies.push("group=beta".into());
    let one_line = cookies.join("; ");
    let one_line = [ASKED, ("cookie", one_line.as_bytes())];
    let lines = cookies.iter().map(|cookie| ("cookie", cookie.as_bytes()));
    let lines: Vec<(&str, &[u8])> = [ASKED].into_iter().chain(lines).collect();

    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (fields, reason) in [
            (headers.as_slice(), "rule:exact"),
            (&one_line, "rule:cookie"),
            (&lines, "rule:cookie"),
        ] {
            let answer = client.get("reviews", "/", fields).await?;
            assert_eq!(answer.status, 200, "{protocol:?} {reason}");
            assert_eq!(decided(&answer, "reason"), Some(reason), "{protocol:?}");
        }
    }
    scene.end().await
}

#[tokio::test]
async fn path_and_query_can_have_any_bytes() -> Result<()> {
    let scene = Scene::new(&config()).await?;
    let table = [
        ("/?debug=beta", "rule:query"),
        ("/?debug=%62%65ta", "rule:query"),
        ("/?debug=%ff%fe", "split"),
        ("/?debug", "split"),
        ("/?debug=%", "split"),
        ("/?debug=%f", "split"),
        ("/?debug=%zz", "split"),
        ("/?text=", "rule:query-text"),
        ("/?text=%ff", "split"),
        ("/?user=%ff", "session"),
        ("/?user=", "split"),
        ("/?&&==&=&?", "split"),
        ("/text/a", "rule:path"),
        // A path is not decoded, so this one is UTF-8.
        ("/text/%ff%fe", "rule:path"),
        ("/%ff%fe?%ff=%fe", "split"),
    ];
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (path, reason) in table {
            let answer = client.get("reviews", path, &[ASKED]).await?;
            assert_eq!(answer.status, 200, "{protocol:?} {path}");
            assert_eq!(
                decided(&answer, "reason"),
                Some(reason),
                "{protocol:?} {path}"
            );
        }
    }
    scene.end().await
}

/// Envoy rejects bytes that are not UTF-8 here. The filter handles the bytes that Envoy accepts.
#[tokio::test]
async fn odd_paths_and_hosts_do_not_crash_the_filter() -> Result<()> {
    let scene = Scene::new(&config()).await?;
    let table: [(&[u8], &[u8], u16); 8] = [
        (b"/\xff\xfe?debug=\xff", b"reviews", 400),
        (b"*", b"reviews", 400),
        (b"/", b"\xff\xfe", 400),
        (b"/", b"reviews\xff", 400),
        (b"/", b"", 200),
        (b"/", b":", 200),
        (b"/", b"[::1]:9080", 200),
        (b"//..;/%2e/", b"REVIEWS:80", 200),
    ];
    for (path, host, status) in table {
        let what = format!("{} of {}", path.escape_ascii(), host.escape_ascii());
        let request = [b"GET ", path, b" HTTP/1.1\r\nhost: ", host, b"\r\n\r\n"];
        let mut connection = Raw::open(scene.envoy.address()).await?;
        connection.say(&request.concat()).await?;
        let heard = connection.hear_until(b"\r\n\r\n").await?;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            heard.starts_with(expected.as_bytes()),
            "{what}: {}",
            heard.escape_ascii()
        );
    }
    // No release claims the other hosts.
    let received =
        [&scene.upstreams.v2, &scene.upstreams.nobody].map(|upstream| upstream.received());
    assert_eq!(received, [1, 3]);
    scene.end().await
}

/// The SDK expects names of headers in UTF-8. Envoy rejects all other names.
#[tokio::test]
async fn a_header_name_that_is_not_utf8_never_reaches_the_filter() -> Result<()> {
    let scene = Scene::new(&config()).await?;
    for name in [
        &b"x\xff"[..],
        b"\xff\xfe",
        b"x\xc3\x28y",
        b"x\0y",
        b"x y",
        b"",
    ] {
        let start = b"GET / HTTP/1.1\r\nhost: reviews\r\n";
        let request = [&start[..], name, b": 1\r\n\r\n"].concat();
        let mut connection = Raw::open(scene.envoy.address()).await?;
        connection.say(&request).await?;
        let heard = connection.hear_until(b"\r\n\r\n").await?;
        assert!(
            heard.starts_with(b"HTTP/1.1 400 "),
            "{}: {}",
            name.escape_ascii(),
            heard.escape_ascii()
        );
    }
    // In HTTP/2: the preface, settings, and a head of GET, http, / (RFC 7541), reviews and the name. Envoy answers the
    // name in UTF-8 with a head (1). For the others it ends the stream or the connection.
    for (name, is_answered) in [(b"xa", true), (b"x\xff", false), (b"x ", false)] {
        let start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
            \0\0\x12\x01\x05\0\0\0\x01\x82\x86\x84\x41\x07reviews\0\x02";
        let mut connection = Raw::open(scene.envoy.address()).await?;
        connection
            .say(&[&start[..], name, b"\x01a"].concat())
            .await?;
        let types = frame_types(&connection.hear().await);
        let name = name.escape_ascii();
        assert_eq!(types.contains(&1), is_answered, "{name}: {types:?}");
    }
    scene.end().await
}

/// The types of the frames (RFC 9113, section 4.1) in the answer.
fn frame_types(mut heard: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = heard {
        types.push(*kind);
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        heard = rest.get(length..).unwrap_or_default();
    }
    types
}

/// More headers than a proxy accepts by default, by count and by size. Envoy answers, because
/// the upstreams have their own limits.
#[tokio::test]
async fn a_request_can_have_thousands_of_headers_or_megabytes_of_them() -> Result<()> {
    let answer = Route::any().with(json!({"direct_response": {"status": 200}}));
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&config())).route(answer)).await?;
    for (count, size) in [(5_000, 10), (40, 100_000)] {
        let mut request = b"GET / HTTP/1.1\r\nhost: reviews\r\n".to_vec();
        for number in 0..count {
            request.extend(format!("x-{number}: {}\r\n", "x".repeat(size)).into_bytes());
        }
        request.extend(b"\r\n");
        let mut connection = Raw::open(scene.envoy.address()).await?;
        connection.say(&request).await?;
        let heard = connection.hear_until(b"\r\n\r\n").await?;
        assert!(
            heard.starts_with(b"HTTP/1.1 200 "),
            "{}",
            heard.escape_ascii()
        );
    }
    assert_eq!(scene.metric(REQUESTS, &[]).await?, 2.0);
    scene.end().await
}
