//! The filter compares a mirror's answer with production's and counts the result.

mod bytes;
mod samples;
mod stage;

use std::time::Duration;

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Protocol};
use halftone_lab::upstream::Script;
use halftone_lab::wait;
use serde_json::json;

use crate::scene::{PROTOCOLS, SOON};
use stage::{COMPARISONS, MIRRORS, Stage, json_answer, text};

/// Name, production's answer, the mirror's answer, result.
fn pairs() -> Vec<(&'static str, Script, Script, &'static str)> {
    let one = || json_answer(r#"{"stars": 5, "at": 1}"#);
    let gzip = |body: &'static [u8]| {
        json_answer("")
            .header("content-encoding", "gzip")
            .body(body)
    };
    let late = Duration::from_millis(100);
    vec![
        ("equal bytes", one(), one(), "same"),
        (
            "other order and other times",
            one(),
            json_answer(r#"{"at":2,"stars":5.0}"#),
            "same",
        ),
        (
            "another value",
            one(),
            json_answer(r#"{"at":1,"stars":4}"#),
            "body",
        ),
        ("the mirror is late", one(), one().delay(late), "same"),
        (
            "production is late",
            one().delay(late),
            json_answer("[]"),
            "body",
        ),
        ("another status", one(), Script::status(500), "status"),
        ("the mirror's own 503", one(), Script::status(503), "status"),
        (
            "the same error",
            Script::status(503),
            Script::status(503),
            "same",
        ),
        (
            "another header",
            one().header("x-kind", "a"),
            one().header("x-kind", "b"),
            "headers",
        ),
        (
            "a header less",
            one().header("x-kind", "a"),
            one(),
            "headers",
        ),
        ("another text", text("a"), text("b"), "body"),
        ("the same string", text("a"), text("a"), "same"),
        (
            "bytes that are not JSON",
            json_answer("{"),
            json_answer("{}"),
            "body",
        ),
        (
            "compressed alike",
            gzip(b"\x1f\x8b1"),
            gzip(b"\x1f\x8b1"),
            "same",
        ),
        (
            "compressed otherwise",
            gzip(b"\x1f\x8b1"),
            gzip(b"\x1f\x8b2"),
            "body",
        ),
        (
            "both empty",
            Script::status(204),
            Script::status(204),
            "same",
        ),
        (
            "production is too large",
            text(&"a".repeat(2000)),
            text("a"),
            "not_compared",
        ),
        (
            "the mirror is too large",
            text("a"),
            text(&"a".repeat(2000)),
            "not_compared",
        ),
        (
            "nested too deep",
            json_answer(&"[".repeat(500)),
            json_answer(&"[".repeat(501)),
            "not_compared",
        ),
        (
            "the mirror aborts",
            one(),
            one().break_off(),
            "not_compared",
        ),
        (
            "production aborts",
            one().break_off(),
            one(),
            "not_compared",
        ),
        ("the mirror resets", one(), Script::reset(), "not_compared"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_answers_has_one_result() -> Result<()> {
    let compare = json!({"headers": ["X-Kind"], "ignore": ["/at"], "maxBody": "1KiB"});
    for protocol in PROTOCOLS {
        let stage = Stage::new(compare.clone(), protocol).await?;
        let client = stage.scene.client(protocol);
        let mut counts = std::collections::BTreeMap::new();
        let pairs = pairs();
        for (name, production, mirror, result) in &pairs {
            stage.answers(production.clone(), mirror.clone());
            // Production can abort its answer.
            let _ = client.get("reviews", "/", &[]).await;
            let count = counts.entry(*result).or_insert(0.0);
            *count += 1.0;
            stage
                .until(result, *count)
                .await
                .with_context(|| format!("{protocol:?} {name}"))?;
        }
        let all = stage.scene.metric(COMPARISONS, &[]).await?;
        assert_eq!(all, pairs.len() as f64);
        assert_eq!(all, stage.scene.metric(MIRRORS, &[]).await?);
        stage.scene.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_hangs_is_not_compared() -> Result<()> {
    for protocol in PROTOCOLS {
        let stage = Stage::with_timeout("300ms", json!({}), protocol).await?;
        stage.answers(json_answer("1"), Script::hang());
        stage.scene.get(&[]).await?;
        stage.until("not_compared", 1.0).await?;
        stage.scene.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_not_compared() -> Result<()> {
    let stage = Stage::new(json!({}), Protocol::Http1).await?;
    let events = || {
        let answer = Script::status(200).header("content-type", "text/event-stream");
        answer.body("data: 1\n\n")
    };
    stage.answers(events(), events());
    stage.scene.get(&[]).await?;
    stage.until("not_compared", 1.0).await?;
    stage.scene.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_is_compared_by_status_and_message() -> Result<()> {
    let stage = Stage::new(json!({}), Protocol::Http2).await?;
    let client = stage.scene.client(Protocol::Http2);
    let table = [
        (
            "the same",
            Script::grpc(0, b"hello"),
            Script::grpc(0, b"hello"),
            "same",
        ),
        (
            "another message",
            Script::grpc(0, b"hello"),
            Script::grpc(0, b"hullo"),
            "body",
        ),
        (
            "another status",
            Script::grpc(0, b"hello"),
            Script::grpc(13, b"hello"),
            "status",
        ),
    ];
    for (name, production, mirror, result) in table {
        stage.answers(production, mirror);
        let headers: [(&str, &[u8]); 2] =
            [("content-type", b"application/grpc"), ("te", b"trailers")];
        let message = [&[0, 0, 0, 0, 2], b"hi".as_slice()].concat();
        client
            .post("reviews", "/Greeter/Hello", &headers, message)
            .await?;
        stage.until(result, 1.0).await.context(name)?;
    }
    stage.scene.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_percentage_of_the_mirrored_requests_is_compared() -> Result<()> {
    let stage = Stage::new(json!({"percentage": 25}), Protocol::Http1).await?;
    stage.answers(json_answer("1"), json_answer("1"));
    let client = stage.scene.client(Protocol::Http1);
    const REQUESTS: f64 = 2000.0;
    for _ in 0..REQUESTS as u32 {
        client.get("reviews", "/", &[]).await?;
    }
    let answered = async || {
        let answered = stage
            .scene
            .metric(MIRRORS, &[("outcome", "answered")])
            .await?;
        Ok(answered == REQUESTS)
    };
    wait::until(SOON, "all copies to be answered", answered).await?;
    let share = stage.count("same").await? / REQUESTS;
    // Six standard deviations.
    assert!(
        (share - 0.25).abs() < 6.0 * (0.25 * 0.75 / REQUESTS).sqrt(),
        "{share}"
    );
    assert_eq!(
        stage.scene.metric(COMPARISONS, &[]).await?,
        share * REQUESTS
    );
    stage.scene.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_client_disconnects_nothing_is_compared() -> Result<()> {
    let stage = Stage::new(json!({}), Protocol::Http1).await?;
    stage.answers(Script::hang(), json_answer("1"));
    let client = stage.scene.client(Protocol::Http1);
    let get = tokio::spawn(async move { client.get("reviews", "/", &[]).await.map(drop) });
    wait::until(SOON, "the mirror to get the copy", async || {
        Ok(stage.shadow.received() == 1)
    })
    .await?;
    get.abort();
    stage.until("not_compared", 1.0).await?;
    stage.scene.end().await
}

/// Two different answers of a mebibyte, in white space alone, would hold the worker for 15 ms.
#[tokio::test]
async fn long_answers_are_not_compared_as_json_and_debug_logging_says_why() -> Result<()> {
    let stage = Stage::new(json!({"maxBody": "1MiB"}), Protocol::Http1).await?;
    let client = stage.scene.client(Protocol::Http1);
    let long = |last: u32| json_answer(&format!("[{}{last}]", "1,".repeat((1 << 19) - 2)));
    stage.answers(long(1), long(1));
    client.get("reviews", "/", &[]).await?;
    stage.until("same", 1.0).await?;

    let why = "reviews/shadow: not compared: the bodies are different bytes";
    stage.answers(long(1), long(2));
    client.get("reviews", "/", &[]).await?;
    stage.until("not_compared", 1.0).await?;
    assert!(!stage.scene.envoy.log()?.contains(why), "without debug");

    let admin = Client::http1(stage.scene.envoy.admin());
    admin.post("admin", "/logging?wasm=debug", &[], "").await?;
    let said = async || {
        client.get("reviews", "/", &[]).await?;
        Ok(stage.scene.envoy.log()?.contains(why))
    };
    wait::until(SOON, "the reason in the log", said).await?;
    stage.scene.end().await
}
