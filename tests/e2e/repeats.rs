//! Repeated headers in a request, and cookies on several lines.

use anyhow::{Context, Result};
use serde_json::json;

use crate::scene::{ASK, ASKED, DECISION, PROTOCOLS, Scene, Sent, decided, reviews};

/// `{"sub":"3"}` and `{"sub":"1"}`, unsigned.
const THREE: &[u8] = b"Bearer e30.eyJzdWIiOiIzIn0.";
const ONE: &[u8] = b"Bearer e30.eyJzdWIiOiIxIn0.";

#[tokio::test]
async fn every_value_of_a_repeated_header_is_tested() -> Result<()> {
    let rule = |name: &str, condition| json!({"name": name, "match": [condition], "version": "v2"});
    let scene = Scene::new(&reviews(json!({"canary": {"rules": [
        rule("group", json!({"headers": {"x-group": {"exact": "beta"}}})),
        rule("both", json!({"headers": {"x-a": {"exact": "1"}, "x-b": {"exact": "2"}}})),
        rule("cookie", json!({"cookies": {"group": {"exact": "beta"}}})),
        rule("outside", json!({"headers": {"x-check": {"present": true}}, "withoutHeaders": {"x-inside": {"exact": "yes"}}})),
    ]}})))
    .await?;
    let table: [(Sent, &str); 14] = [
        (&[("x-group", b"alpha"), ("x-group", b"beta")], "rule:group"),
        (&[("x-group", b"beta"), ("x-group", b"alpha")], "rule:group"),
        (
            &[
                ("x-group", b"\xff\xfe"),
                ("x-group", b""),
                ("x-group", b"beta"),
            ],
            "rule:group",
        ),
        (&[("x-group", b"alpha"), ("x-group", b"gamma")], "principal"),
        (&[("x-group", b"alpha,beta")], "principal"),
        (
            &[("x-a", b"0"), ("x-b", b"2"), ("x-a", b"1"), ("x-b", b"0")],
            "rule:both",
        ),
        (&[("x-a", b"1"), ("x-a", b"2")], "principal"),
        (
            &[("cookie", b"a=1"), ("cookie", b"group=beta")],
            "rule:cookie",
        ),
        (
            &[("cookie", b"group=beta"), ("cookie", b"a=1")],
            "rule:cookie",
        ),
        (
            &[
                ("cookie", b"group=alpha"),
                ("cookie", b"a=1; group=beta; b=2"),
                ("cookie", b"c=3"),
            ],
            "rule:cookie",
        ),
        (&[("cookie", b"group"), ("cookie", b"=beta")], "principal"),
        (&[("cookie", b"group=al"), ("cookie", b"beta")], "principal"),
        (
            &[
                ("x-check", b""),
                ("x-inside", b"no"),
                ("x-inside", b"never"),
            ],
            "rule:outside",
        ),
        (
            &[("x-check", b""), ("x-inside", b"no"), ("x-inside", b"yes")],
            "principal",
        ),
    ];
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (sent, reason) in table {
            let fields = [&[ASKED], sent].concat();
            let answer = client.get("reviews", "/", &fields).await?;
            assert_eq!(
                decided(&answer, "reason"),
                Some(reason),
                "{protocol:?} {sent:?}"
            );
        }
    }
    scene.end().await
}

/// Session 3 gets v2, and session 1 gets v1.
#[tokio::test]
async fn the_first_session_key_that_is_not_empty_decides() -> Result<()> {
    let mut config = reviews(json!({"canary": {
        "split": [{"version": "v2", "weight": 0.5}, {"version": "v1", "weight": 0.5}],
        "session": {"key": [{"header": "x-user-id"}, {"cookie": "uid"}, {"queryParam": "user"}, {"jwtClaim": "sub"}]},
    }}));
    config["releases"][0]["name"] = json!("keys");
    let scene = Scene::new(&config).await?;
    let table: [(Sent, &str, &str); 10] = [
        (&[("x-user-id", b"3"), ("x-user-id", b"1")], "/", "v2"),
        (&[("x-user-id", b"1"), ("x-user-id", b"3")], "/", "v1"),
        (&[("x-user-id", b""), ("x-user-id", b"3")], "/", "v2"),
        (&[("cookie", b"uid=3"), ("cookie", b"uid=1")], "/", "v2"),
        (
            &[("cookie", b"a=1"), ("cookie", b"uid=; uid=3; uid=1")],
            "/",
            "v2",
        ),
        (&[], "/?user=3&user=1", "v2"),
        (&[], "/?user=&user=1&user=3", "v1"),
        (&[("authorization", THREE)], "/", "v2"),
        (
            &[("authorization", THREE), ("authorization", ONE)],
            "/",
            "v2",
        ),
        (
            &[("authorization", ONE), ("authorization", THREE)],
            "/",
            "v1",
        ),
    ];
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (sent, path, version) in table {
            let fields = [&[ASKED], sent].concat();
            let answer = client.get("reviews", path, &fields).await?;
            assert_eq!(
                decided(&answer, "version"),
                Some(version),
                "{protocol:?} {sent:?} {path}"
            );
            assert_eq!(
                decided(&answer, "reason"),
                Some("session"),
                "{protocol:?} {sent:?} {path}"
            );
        }
    }
    scene.end().await
}

#[tokio::test]
async fn repeated_headers_reach_the_upstream_and_the_answer_has_one_explanation() -> Result<()> {
    let scene = Scene::new(&reviews(json!({"blueGreen": {"active": "v2"}}))).await?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        let sent: [(&str, &[u8]); 5] = [
            (ASK, b"1"),
            (ASK, b"2"),
            ("x-group", b"alpha"),
            ("x-group", b"beta"),
            ("x-group", b"alpha"),
        ];
        let answer = client.get("reviews", "/", &sent).await?;
        assert_eq!(
            answer.headers.get_all(DECISION).iter().count(),
            1,
            "{protocol:?}"
        );
        let request = scene.upstreams.v2.requests().pop();
        let request = request.context("v2 got no request")?;
        assert_eq!(
            request.values("x-group"),
            [b"alpha".as_slice(), b"beta", b"alpha"],
            "{protocol:?}"
        );
    }
    scene.end().await
}
