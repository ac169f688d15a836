//! Differing pairs in the log.

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::upstream::Script;
use serde_json::{Value, json};

use super::stage::{Stage, json_answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_differing_pair_is_logged_in_one_line_without_secrets() -> Result<()> {
    let stage = Stage::new(
        json!({"headers": ["x-kind", "set-cookie"]}),
        Protocol::Http1,
    )
    .await?;
    let production = json_answer(r#"{"stars": 5, "echo": "session-12345"}"#)
        .header("x-kind", "a")
        .header("set-cookie", "sid=from-production");
    let mirror = json_answer(r#"{"stars": 4, "echo": "Bearer token-67890", "new": [1, 2]}"#)
        .header("x-kind", "a")
        .header("set-cookie", "sid=from-production");
    stage.answers(production, mirror.clone());
    let headers: [(&str, &[u8]); 3] = [
        ("cookie", b"sid=session-12345"),
        ("authorization", b"Bearer token-67890"),
        ("x-request-id", b"8a7f0c7e-7f0c-4a7e-9c7e-0c7e8a7f0c7e"),
    ];
    let client = stage.scene.client(Protocol::Http1);
    client
        .get("reviews", "/reviews/0?token=secret", &headers)
        .await?;
    let samples = stage.samples(1).await?;
    let mut sample = samples[0].clone();
    for side in ["productionMilliseconds", "mirrorMilliseconds"] {
        assert!(sample[side].take().is_u64(), "{side}: {samples:?}");
    }
    let id = sample["requestId"].take();
    assert!(id.is_string(), "{id}");
    let expected = json!({
        "release": "reviews", "mirror": "shadow", "requestId": null, "method": "GET", "path": "/reviews/0",
        "result": "body", "productionStatus": 200, "mirrorStatus": 200,
        "productionMilliseconds": null, "mirrorMilliseconds": null,
        "differences": [
            {"pointer": "/stars", "production": "5", "mirror": "4"},
            {"pointer": "/echo", "production": "(hidden)", "mirror": "(hidden)"},
            {"pointer": "/new", "production": null, "mirror": "[2 items]"},
        ],
    });
    let by_pointer = |sample: &Value| {
        let mut differences = sample["differences"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        differences.sort_by_key(|difference| difference["pointer"].to_string());
        differences
    };
    assert_eq!(by_pointer(&sample), by_pointer(&expected));
    sample["differences"] = expected["differences"].clone();
    assert_eq!(sample, expected);

    stage.answers(
        Script::status(200),
        mirror.header("set-cookie", "sid=from-the-mirror"),
    );
    client.get("reviews", "/", &headers).await?;
    stage.samples(2).await?;
    let log = stage.scene.envoy.log()?;
    for secret in [
        "session-12345",
        "token-67890",
        "from-production",
        "from-the-mirror",
        "token=secret",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    stage.scene.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_number_of_samples_is_logged_and_all_are_counted() -> Result<()> {
    let stage = Stage::new(json!({"samples": 3}), Protocol::Http1).await?;
    stage.answers(json_answer("1"), json_answer("2"));
    let client = stage.scene.client(Protocol::Http1);
    for _ in 0..20 {
        client.get("reviews", "/", &[]).await?;
    }
    stage.until("body", 20.0).await?;
    // One connection reaches one worker.
    assert_eq!(stage.samples(3).await?.len(), 3);
    stage.scene.end().await
}
