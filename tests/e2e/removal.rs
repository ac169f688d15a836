//! A plugin that is removed and added again, while another plugin of the same filter stays.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::proxy::{Plugin, Proxy, Route};
use halftone_lab::{tools, wait};
use serde_json::json;

use crate::scene::{PLUGIN, SOON, Scene, VERSION, active};

const BAD: &str = r#"{"releases": 1}"#;

fn second(scene: &Scene, config: &str) -> Proxy {
    let plugin = Plugin::new("leaves").config(config);
    let route = Route::header(VERSION, "v2").to("v2");
    scene
        .upstreams
        .proxy()
        .plugin(plugin)
        .route(route)
        .fallback("nobody")
}

/// Waits until the gauges of the whole Envoy have these values.
async fn until_gauges(scene: &Scene, releases: f64, rejected: f64) -> Result<()> {
    let what = format!("{releases} releases and {rejected} rejected configurations");
    wait::until(SOON, &what, async || {
        let shown = scene.metric("halftone_releases", &[]).await?;
        Ok(shown == releases && scene.metric("halftone_config_rejected", &[]).await? == rejected)
    })
    .await
}

#[tokio::test]
async fn a_plugin_that_returns_with_a_bad_configuration_lets_requests_pass() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    let good = active("v2").to_string();
    // More than once: the state of a plugin is removed with it each time.
    for _ in 0..3 {
        for (config, upstream, releases, rejected) in
            [(good.as_str(), "v2", 2.0, 0.0), (BAD, "nobody", 1.0, 1.0)]
        {
            let address = scene.envoy.open_second(second(&scene, config)).await?;
            until_gauges(&scene, releases, rejected).await?;
            let answer = Client::http1(address).get("reviews", "/", &[]).await?;
            assert_eq!(
                (answer.status.as_u16(), answer.upstream()),
                (200, Some(upstream))
            );

            scene.envoy.close_second().await?;
            until_gauges(&scene, 1.0, 0.0).await?;
        }
    }
    let bad_update = scene
        .envoy
        .apply(PLUGIN, Some(&json!({"releases": 2}).to_string()))
        .await?;
    assert_eq!(bad_update, halftone_lab::envoy::Applied::Rejected);
    assert_eq!(scene.get(&[]).await?.upstream(), Some("v2"));
    scene.end().await
}

/// Halftone forgets the roots of a VM that crashed after ten seconds without a word from them.
#[tokio::test]
async fn roots_that_a_crash_took_away_do_not_reject_a_bad_first_configuration() -> Result<()> {
    let module = tools::trap_module()?;
    let scene = Scene::of(|proxy| {
        let plugin = Plugin::new(PLUGIN).config(&active("v2").to_string());
        proxy.plugin(plugin).module(module)
    })
    .await?;
    let good = active("v2").to_string();
    let address = scene.envoy.open_second(second(&scene, &good)).await?;
    until_gauges(&scene, 2.0, 0.0).await?;
    // Until the VMs of both workers have crashed and requests pass.
    let crashed = async || {
        let client = Client::http1(address);
        client
            .get("reviews", "/", &[("x-halftone-trap", b"1")])
            .await?;
        let mut passed = true;
        for _ in 0..10 {
            let answer = Client::http1(address).get("reviews", "/", &[]).await?;
            passed &= answer.upstream() == Some("nobody");
        }
        Ok(passed)
    };
    wait::until(SOON, "both workers to crash", crashed).await?;
    scene.envoy.close_second().await?;
    tokio::time::sleep(Duration::from_secs(11)).await;

    let address = scene.envoy.open_second(second(&scene, BAD)).await?;
    let answer = Client::http1(address).get("reviews", "/", &[]).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.upstream()),
        (200, Some("nobody"))
    );
    scene.envoy.stop().await
}
