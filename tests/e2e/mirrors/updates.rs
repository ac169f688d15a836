//! Copies in flight survive the configuration that sent them.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::envoy::Applied;
use halftone_lab::load::Load;
use halftone_lab::proxy::{Plugin, Route};
use halftone_lab::tools;
use halftone_lab::upstream::{Gate, Script};
use serde_json::{Value, json};

use super::stage::{SHADOW, Stage, mirror, mirrored, outcomes, until_counted};
use crate::scene::{PLUGIN, Scene, VERSION, active, plugin};

/// The same mirror with this timeout, so that the configuration differs.
fn config(timeout: &str) -> Value {
    mirrored([mirror(SHADOW, json!({"timeout": timeout}))])
}

async fn apply(scene: &Scene, config: &Value) -> Result<()> {
    let applied = scene.envoy.apply(PLUGIN, Some(&config.to_string())).await?;
    assert_eq!(applied, Applied::Accepted);
    Ok(())
}

/// Checks that Envoy and the plugin logged no problem.
fn no_problem_is_logged(scene: &Scene) -> Result<()> {
    let log = scene.envoy.log()?;
    let is_problem = |line: &&str| {
        ["[warning]", "[error]", "[critical]"]
            .iter()
            .any(|level| line.contains(level))
            && line.contains("wasm")
    };
    let problems: Vec<&str> = log.lines().filter(is_problem).collect();
    assert_eq!(problems, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_copies_are_answered_under_any_next_configurations() -> Result<()> {
    let stage = Stage::new(&config("1m")).await?;
    let gate = Gate::closed();
    stage.shadow.script(Script::status(200).behind(&gate));
    let load = Load::new(stage.scene.envoy.address()).host("reviews");
    assert_eq!(load.clone().run(100).await?.failed(), 0);
    stage.until_received(100).await?;

    // The same mirror with another timeout, no mirror, no release, and the mirror again.
    for (config, copies) in [
        (config("2m"), 110),
        (active("v1"), 110),
        (json!({}), 110),
        (config("3m"), 120),
    ] {
        apply(&stage.scene, &config).await?;
        assert_eq!(load.clone().run(10).await?.failed(), 0);
        stage.until_received(copies).await?;
    }
    assert_eq!(outcomes(&stage.scene, SHADOW).await?, []);
    gate.open();
    stage.until(&[("answered", 120)]).await?;

    assert_eq!(load.run(100).await?.failed(), 0);
    stage.until(&[("answered", 220)]).await?;
    assert_eq!(stage.shadow.received(), 220);
    no_problem_is_logged(&stage.scene)?;
    stage.end().await
}

/// Envoy has one root per configuration, even while the first one waits for its copies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_copy_is_counted_if_a_configuration_is_removed_and_returns() -> Result<()> {
    let config = |timeout| {
        let fields = json!({"timeout": timeout, "maxInFlight": 50});
        mirrored([mirror(SHADOW, fields)])
    };
    let stage = Stage::of(|proxy| proxy.plugin(plugin(&config("1m"))).concurrency(1)).await?;
    let gate = Gate::closed();
    stage.shadow.script(Script::status(200).behind(&gate));
    let load = Load::new(stage.scene.envoy.address()).host("reviews");
    let mut copies = 0;
    for timeout in ["2m", "1m", "2m", "1m", "2m"] {
        assert_eq!(load.clone().run(10).await?.failed(), 0);
        copies += 10;
        stage.until_received(copies).await?;
        apply(&stage.scene, &config(timeout)).await?;
    }
    gate.open();
    until_counted(&stage.scene, SHADOW, 50).await?;
    let before = outcomes(&stage.scene, SHADOW).await?;

    // All permits are free again.
    let gate = Gate::closed();
    stage.shadow.script(Script::status(200).behind(&gate));
    assert_eq!(load.run(50).await?.failed(), 0);
    stage.until_received(100).await?;
    assert_eq!(outcomes(&stage.scene, SHADOW).await?, before);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_copy_is_lost_during_fifty_updates() -> Result<()> {
    let stage = Stage::new(&config("10s")).await?;
    let slow = Duration::from_millis(30);
    stage.shadow.script(Script::status(200).delay(slow));
    let load = Load::new(stage.scene.envoy.address()).host("reviews");
    let load = load.connections(2).start();
    for update in 0..50 {
        apply(&stage.scene, &config(&format!("{}s", 11 + update))).await?;
    }
    let report = load.stop().await?;
    assert_eq!(report.failed(), 0);
    stage.until(&[("answered", report.answers())]).await?;
    assert_eq!(stage.shadow.received(), report.answers());
    no_problem_is_logged(&stage.scene)?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_an_earlier_configuration_count_towards_max_in_flight() -> Result<()> {
    let limited = |timeout| {
        mirrored([mirror(
            SHADOW,
            json!({"timeout": timeout, "maxInFlight": 5}),
        )])
    };
    let stage = Stage::of(|proxy| proxy.plugin(plugin(&limited("1m"))).concurrency(1)).await?;
    let gate = Gate::closed();
    stage.shadow.script(Script::status(200).behind(&gate));
    for _ in 0..5 {
        stage.scene.get(&[]).await?;
    }
    stage.until_received(5).await?;
    apply(&stage.scene, &limited("2m")).await?;
    stage.scene.get(&[]).await?;
    stage.until(&[("too_many", 1)]).await?;
    gate.open();
    stage.until(&[("answered", 5), ("too_many", 1)]).await?;
    stage.scene.get(&[]).await?;
    stage.until(&[("answered", 6), ("too_many", 1)]).await?;
    stage.end().await
}

/// With its listener. If it is the last plugin, its VM is removed too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_can_be_removed_while_its_copies_are_in_flight() -> Result<()> {
    for is_last in [false, true] {
        let module = tools::module()?;
        let stage = Stage::of(|proxy| match is_last {
            false => proxy.plugin(plugin(&config("1m"))),
            true => proxy.module(module),
        })
        .await?;
        let gate = Gate::closed();
        stage.shadow.script(Script::status(200).behind(&gate));
        for copies in [20, 40] {
            let leaves = Plugin::new("leaves").config(&config("1m").to_string());
            let proxy = stage.scene.upstreams.proxy().plugin(leaves);
            let proxy = proxy.route(Route::header(VERSION, "v1").to("v1"));
            let proxy = proxy.fallback("nobody");
            let address = stage.scene.envoy.open_second(proxy).await?;
            let load = Load::new(address).host("reviews").run(20).await?;
            assert_eq!(load.failed(), 0);
            stage.until_received(copies).await?;
            stage.scene.envoy.close_second().await?;
        }
        gate.open();
        if !is_last {
            // The copies of the plugin that stays are still counted.
            let load = Load::new(stage.scene.envoy.address()).host("reviews");
            assert_eq!(load.run(20).await?.failed(), 0);
            stage.until_received(60).await?;
            until_counted(&stage.scene, SHADOW, 20).await?;
        }
        no_problem_is_logged(&stage.scene)?;
        stage.end().await?;
    }
    Ok(())
}
