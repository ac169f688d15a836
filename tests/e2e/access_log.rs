//! Decisions in the access log of Envoy.

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, plugin, reviews};

/// The lines, with the cluster, of three requests: a rule claims one, nothing claims one, and one is for another host.
async fn lines(access_log: Option<bool>) -> Result<Vec<String>> {
    let rule = json!({"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"});
    let mut config = reviews(json!({"canary": {"rules": [rule]}}));
    if let Some(on) = access_log {
        config["accessLog"] = Value::Bool(on);
    }
    let scene = Scene::of(|proxy| {
        proxy
            .plugin(plugin(&config))
            .access_log("%FILTER_STATE(wasm.halftone:PLAIN)% %UPSTREAM_CLUSTER%")
    })
    .await?;
    let client = scene.client(Protocol::Http1);
    client
        .get("reviews", "/", &[("end-user", b"jason")])
        .await?;
    client.get("reviews", "/", &[]).await?;
    client.get("other", "/", &[]).await?;
    let lines = wait::some(SOON, "three lines", async || {
        let log = scene.envoy.access_log()?;
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        Ok((lines.len() == 3).then_some(lines))
    })
    .await?;
    scene.end().await?;
    Ok(lines)
}

#[tokio::test]
async fn the_access_log_has_the_decision() -> Result<()> {
    let expected = [
        "reviews/v2/rule:testers v2",
        "reviews/v1/principal v1",
        "- nobody",
    ];
    assert_eq!(lines(Some(true)).await?, expected);
    Ok(())
}

#[tokio::test]
async fn without_access_log_the_line_has_no_decision() -> Result<()> {
    for access_log in [None, Some(false)] {
        assert_eq!(
            lines(access_log).await?,
            ["- v2", "- v1", "- nobody"],
            "{access_log:?}"
        );
    }
    Ok(())
}
