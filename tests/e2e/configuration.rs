//! A bad configuration is rejected and logged, and never causes an outage.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::envoy::Applied;
use halftone_lab::proxy::{Delivery, Plugin};
use serde_json::{Value, json};

use crate::scene::{PLUGIN, Scene, VERSION, active, plugin, reviews};

/// The beginning of the first violation of [`bad`].
const VIOLATION: &str = "halftone: releases[0].canary.split: every weight is 0";

/// The second.
const ANOTHER: &str =
    "halftone: releases[0].canary.rules[0].match[0]: empty; write at least one condition";

/// A configuration with two violations.
fn bad() -> Value {
    reviews(json!({"canary": {
        "rules": [{"name": "testers", "match": [{}], "version": "v2"}],
        "split": [{"version": "v2", "weight": 0}],
    }}))
}

/// Checks that `upstream` answers, or `nobody` without a decision. New connections reach every worker.
async fn serves(scene: &Scene, upstream: &str) -> Result<()> {
    for _ in 0..10 {
        let answer = scene.get(&[]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.upstream()),
            (200, Some(upstream))
        );
    }
    Ok(())
}

async fn apply(scene: &Scene, config: &str) -> Result<Applied> {
    scene.envoy.apply(PLUGIN, Some(config)).await
}

/// The gauges `halftone_config_rejected` and `halftone_releases`.
async fn gauges(scene: &Scene) -> Result<(f64, f64)> {
    let metrics = scene.envoy.metrics().await?;
    let gauge = |name| metrics.sum(name, &[]);
    Ok((
        gauge("halftone_config_rejected"),
        gauge("halftone_releases"),
    ))
}

#[tokio::test]
async fn with_a_bad_first_configuration_requests_pass_until_a_good_one() -> Result<()> {
    let scene = Scene::new(&bad()).await?;
    serves(&scene, "nobody").await?;
    // Unchanged, even a forged header: without a configuration the filter does not know which header to remove.
    assert_eq!(scene.get(&[(VERSION, b"v1")]).await?.upstream(), Some("v1"));
    assert_eq!(gauges(&scene).await?, (1.0, 0.0));
    for line in [
        VIOLATION,
        ANOTHER,
        "requests pass untouched until a good one comes",
    ] {
        assert!(scene.envoy.log()?.contains(line), "{line}");
    }

    let good = active("v2").to_string();
    assert_eq!(apply(&scene, &good).await?, Applied::Accepted);
    serves(&scene, "v2").await?;
    assert_eq!(gauges(&scene).await?, (0.0, 1.0));
    scene.end().await
}

#[tokio::test]
async fn a_bad_update_is_rejected_and_the_last_good_configuration_stays() -> Result<()> {
    let scene = Scene::new(&active("v1")).await?;
    assert!(!scene.envoy.log()?.contains(VIOLATION));
    // Envoy does not ask a plugin again about the configuration that it serves, nor about one that it rejected.
    let bad = |place: usize| " ".repeat(place) + &bad().to_string();
    let good = |version: &str| active(version).to_string();
    for (config, applied, upstream, rejected) in [
        (bad(1), Applied::Rejected, "v1", 1.0),
        (bad(2), Applied::Rejected, "v1", 1.0),
        (good("v2"), Applied::Accepted, "v2", 0.0),
        (bad(3), Applied::Rejected, "v2", 1.0),
        (good("v1"), Applied::Accepted, "v1", 0.0),
    ] {
        assert_eq!(apply(&scene, &config).await?, applied);
        serves(&scene, upstream).await?;
        assert_eq!(gauges(&scene).await?, (rejected, 1.0));
    }
    for line in [VIOLATION, ANOTHER, "the last good one keeps serving"] {
        assert!(scene.envoy.log()?.contains(line), "{line}");
    }
    scene.end().await
}

/// A rollback to a configuration that was rejected before. Envoy keeps the plugin's result and asks only the workers.
#[tokio::test]
async fn a_bad_configuration_that_returns_changes_nothing() -> Result<()> {
    let (bad, good) = (bad().to_string(), active("v2").to_string());
    let release = json!({"name": "ratings", "hosts": ["ratings"], "principal": "v1", "canary": {}});
    let neighbour = json!({"releases": [release]}).to_string();
    for first in [&good, &bad] {
        let scene = Scene::of(|proxy| {
            let neighbour = Plugin::new("neighbour").config(&neighbour);
            proxy
                .plugin(neighbour)
                .plugin(Plugin::new(PLUGIN).config(first))
        })
        .await?;
        for config in [&good, &bad, &good, &bad] {
            let applied = apply(&scene, config).await?;
            serves(&scene, "v2").await?;
            if config == &good {
                assert_eq!(applied, Applied::Accepted);
            }
            let client = scene.client(Protocol::Http1);
            let answer = client.get("ratings", "/", &[]).await?;
            assert_eq!(answer.upstream(), Some("v1"));
        }
        let changed = format!(" {neighbour}");
        let applied = scene.envoy.apply("neighbour", Some(&changed)).await?;
        assert_eq!(applied, Applied::Accepted);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn without_a_configuration_there_is_no_release() -> Result<()> {
    let blank = [
        None,
        Some(""),
        Some(" \n"),
        Some("null"),
        Some("{}"),
        Some(r#"{"releases": []}"#),
    ];
    let scene = Scene::of(|proxy| proxy.plugin(Plugin::new(PLUGIN))).await?;
    serves(&scene, "nobody").await?;
    assert_eq!(gauges(&scene).await?, (0.0, 0.0));
    for config in blank {
        let good = active("v2").to_string();
        assert_eq!(apply(&scene, &good).await?, Applied::Accepted);
        serves(&scene, "v2").await?;
        assert_eq!(
            scene.envoy.apply(PLUGIN, config).await?,
            Applied::Accepted,
            "{config:?}"
        );
        serves(&scene, "nobody").await?;
        assert_eq!(gauges(&scene).await?, (0.0, 0.0), "{config:?}");
    }
    scene.end().await
}

#[tokio::test]
async fn bytes_that_are_not_a_configuration_are_rejected_like_any_violation() -> Result<()> {
    let brackets = |open: &str| open.repeat(10_000);
    let garbage: String = (0..1 << 20)
        .map(|place: u32| char::from((place.wrapping_mul(31) % 94 + 33) as u8))
        .collect();
    let texts = [
        "releases: []".into(),
        "[]".into(),
        "[{\"releases\": []}]".into(),
        "true".into(),
        "{\"releases\": [".into(),
        "{\"releases\": {\"reviews\": 1}}".into(),
        "{\"releases\": [[]]}".into(),
        "{\"rel\u{e9}ases\": []}".into(),
        "\u{0}\u{1}\u{2}".into(),
        brackets("["),
        brackets("{\"a\":"),
        format!("{{\"releases\": {}{}}}", brackets("["), brackets("]")),
        format!("{{\"releases\": [{}]}}", "{},".repeat(20_000) + "{}"),
        garbage,
    ];
    let fresh = Scene::of(|proxy| proxy.plugin(Plugin::new(PLUGIN).config(&texts[0]))).await?;
    let running = Scene::new(&active("v2")).await?;
    for text in &texts {
        let shown = text.get(..text.len().min(60)).unwrap_or_default();
        // Without an earlier configuration, a bad one is accepted and does nothing.
        assert_eq!(apply(&fresh, text).await?, Applied::Accepted, "{shown}");
        serves(&fresh, "nobody").await?;
        assert_eq!(apply(&running, text).await?, Applied::Rejected, "{shown}");
        serves(&running, "v2").await?;
        assert_eq!(
            (gauges(&fresh).await?, gauges(&running).await?),
            ((1.0, 0.0), (1.0, 1.0)),
            "{shown}"
        );
    }
    fresh.end().await?;
    running.end().await
}

#[tokio::test]
async fn envoy_starts_with_a_bad_static_configuration() -> Result<()> {
    let scene = Scene::of(|proxy| proxy.delivery(Delivery::Static).plugin(plugin(&bad()))).await?;
    serves(&scene, "nobody").await?;
    assert_eq!(gauges(&scene).await?, (1.0, 0.0));
    assert!(scene.envoy.log()?.contains(VIOLATION));
    scene.end().await
}

#[tokio::test]
async fn each_plugin_of_a_proxy_is_rejected_separately() -> Result<()> {
    let second = || {
        json!({"releases": [
            {"name": "a", "hosts": ["a"], "principal": "v1", "blueGreen": {"active": "v1"}},
            {"name": "b", "hosts": ["b"], "principal": "v1", "blueGreen": {"active": "v1"}},
        ]})
    };
    let (good, bad) = (active("v2").to_string(), bad().to_string());
    for first in ["serving", "waiting"] {
        // The plugin that serves is before or after the other.
        let scene = Scene::of(|proxy| {
            let serving = Plugin::new("serving").config(&second().to_string());
            let waiting = Plugin::new("waiting").config(&bad);
            match first {
                "serving" => proxy.plugin(serving).plugin(waiting),
                _ => proxy.plugin(waiting).plugin(serving),
            }
        })
        .await?;
        serves(&scene, "nobody").await?;
        assert_eq!(gauges(&scene).await?, (1.0, 2.0));

        assert_eq!(
            scene.envoy.apply("waiting", Some(&good)).await?,
            Applied::Accepted
        );
        serves(&scene, "v2").await?;
        assert_eq!(gauges(&scene).await?, (0.0, 3.0));

        let bad = format!(" {bad}");
        for (plugin, rejected) in [("waiting", 1.0), ("serving", 2.0)] {
            assert_eq!(
                scene.envoy.apply(plugin, Some(&bad)).await?,
                Applied::Rejected
            );
            serves(&scene, "v2").await?;
            let answer = scene.client(Protocol::Http1).get("a", "/", &[]).await?;
            assert_eq!(answer.upstream(), Some("v1"));
            assert_eq!(gauges(&scene).await?, (rejected, 3.0));
        }
        assert_eq!(
            scene.envoy.apply("serving", Some("")).await?,
            Applied::Accepted
        );
        serves(&scene, "v2").await?;
        assert_eq!(gauges(&scene).await?, (1.0, 1.0));
        scene.end().await?;
    }
    Ok(())
}

/// Halftone forgets the roots of a VM that crashed after ten seconds without a word.
#[tokio::test]
async fn a_bad_update_is_rejected_also_after_a_long_silence() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    tokio::time::sleep(Duration::from_secs(13)).await;
    assert_eq!(apply(&scene, &bad().to_string()).await?, Applied::Rejected);
    serves(&scene, "v2").await?;
    scene.end().await
}
