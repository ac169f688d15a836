//! The format of the access log.

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::wait;
use serde_json::json;

use super::manifest;
use crate::scene::{SOON, Scene, plugin, reviews};

#[tokio::test]
async fn the_format_for_istio_ends_with_the_decision() -> Result<()> {
    let mesh = manifest("istio-access-log.yaml")?;
    let provider = &mesh["spec"]["meshConfig"]["extensionProviders"][0];
    let telemetry = manifest("mesh/telemetry.yaml")?;
    let named = &telemetry["spec"]["accessLogging"][0]["providers"][0]["name"];
    assert_eq!(named, &provider["name"]);
    let format = provider["envoyFileAccessLog"]["logFormat"]["text"]
        .as_str()
        .unwrap();

    let rule = json!({"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"});
    let mut config = reviews(json!({"canary": {"rules": [rule]}}));
    config["accessLog"] = true.into();
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&config)).access_log(format)).await?;
    let client = scene.client(Protocol::Http1);
    client
        .get("reviews", "/reviews/0", &[("end-user", b"jason")])
        .await?;
    client.get("other", "/", &[]).await?;
    let log = wait::some(SOON, "two lines", async || {
        let log = scene.envoy.access_log()?;
        Ok((log.lines().count() == 2).then_some(log))
    })
    .await?;
    let lines = Vec::from_iter(log.lines());
    assert!(
        lines[0].contains(r#" "GET /reviews/0 HTTP/1.1" 200 - via_upstream - "-" 0 "#),
        "{log}"
    );
    assert!(lines[0].ends_with(" reviews/v2/rule:testers"), "{log}");
    assert!(lines[1].ends_with(" -"), "{log}");
    scene.end().await
}
