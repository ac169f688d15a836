//! Configuration updates while requests run.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::{Protocol, Raw, Tunnel};
use halftone_lab::envoy::Applied;
use halftone_lab::load::Load;
use halftone_lab::wait;
use halftone_lab::workload::configuration;
use serde_json::json;
use tokio::time::sleep;

use crate::scene::{PLUGIN, REQUESTS, RESPONSES, SOON, Scene, active, plugin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_during_two_hundred_updates() -> Result<()> {
    let scene = Scene::new(&active("v1")).await?;
    for upstream in [&scene.upstreams.v1, &scene.upstreams.v2] {
        upstream.remember(false);
    }
    let configs = ["v1", "v2"].map(|version| active(version).to_string());
    let loads = [
        Load::new(scene.envoy.address())
            .host("reviews")
            .connections(4)
            .start(),
        Load::new(scene.envoy.address())
            .host("reviews")
            .connections(4)
            .http2()
            .start(),
    ];
    for config in configs.iter().rev().cycle().take(200) {
        assert_eq!(
            scene.envoy.apply(PLUGIN, Some(config)).await?,
            Applied::Accepted
        );
    }
    let mut answers = 0;
    for load in loads {
        let report = load.stop().await?;
        assert_eq!(
            (report.failed(), report.first_failure.as_deref()),
            (0, None)
        );
        assert_eq!(report.upstreams.keys().collect::<Vec<_>>(), ["v1", "v2"]);
        answers += report.answers();
    }
    // Each request was counted, under any of the configurations.
    for name in [REQUESTS, RESPONSES] {
        wait::until(SOON, name, async || {
            Ok(scene.metric(name, &[]).await? == answers as f64)
        })
        .await?;
    }
    assert_eq!(scene.metric("halftone_releases", &[]).await?, 1.0);
    scene.end().await
}

#[tokio::test]
async fn a_switch_and_its_rollback_take_effect_at_once_on_every_worker() -> Result<()> {
    let scene = Scene::new(&active("v1")).await?;
    for version in ["v2", "v1", "v2", "v1"] {
        let config = active(version).to_string();
        assert_eq!(
            scene.envoy.apply(PLUGIN, Some(&config)).await?,
            Applied::Accepted
        );
        for _ in 0..40 {
            // Over its own connection, so from either worker.
            assert_eq!(scene.get(&[]).await?.upstream(), Some(version));
        }
    }
    scene.end().await
}

#[tokio::test]
async fn an_open_connection_follows_a_switch() -> Result<()> {
    let scene = Scene::new(&active("v1")).await?;
    let clients = [Protocol::Http1, Protocol::Http2].map(|protocol| scene.client(protocol));
    for version in ["v1", "v2", "v1"] {
        scene
            .envoy
            .apply(PLUGIN, Some(&active(version).to_string()))
            .await?;
        for client in &clients {
            assert_eq!(
                client.get("reviews", "/", &[]).await?.upstream(),
                Some(version)
            );
        }
    }
    scene.end().await
}

#[tokio::test]
async fn a_request_keeps_the_configuration_that_it_began_with() -> Result<()> {
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&active("v1"))).upgrades()).await?;

    let mut tunnel = Tunnel::websocket(scene.envoy.address(), "reviews", "/").await?;
    let mut request = Raw::open(scene.envoy.address()).await?;
    let head =
        b"POST / HTTP/1.1\r\nhost: reviews\r\nx-halftone-explain: 1\r\ncontent-length: 4\r\n\r\nbo";
    request.say(head).await?;
    wait::until(SOON, "two requests to arrive", async || {
        Ok(scene.metric(REQUESTS, &[("version", "v1")]).await? == 2.0)
    })
    .await?;

    let v2 = active("v2").to_string();
    assert_eq!(
        scene.envoy.apply(PLUGIN, Some(&v2)).await?,
        Applied::Accepted
    );
    assert_eq!(scene.get(&[]).await?.upstream(), Some("v2"));

    assert_eq!(tunnel.echo(b"still here").await?, b"still here");
    request.say(b"dy").await?;
    let heard = request.hear_until(b"\r\n\r\n").await?;
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(
        heard.contains("release=reviews version=v1 reason=active"),
        "{heard}"
    );
    assert!(heard.contains("x-upstream: v1"), "{heard}");
    drop((tunnel, request));

    for (version, count) in [("v1", 2.0), ("v2", 1.0)] {
        let labels = [("version", version)];
        let counted = async || Ok(scene.metric(RESPONSES, &labels).await? == count);
        wait::until(SOON, &format!("{version} to be done"), counted).await?;
        assert_eq!(scene.metric(REQUESTS, &labels).await?, count);
    }
    scene.end().await
}

/// Streams that live for hours keep the releases of their configuration. An update adds the releases that
/// it changes. Therefore many updates under many open streams need little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_after_a_hundred_updates_under_a_thousand_tunnels() -> Result<()> {
    const RELEASES: usize = 200;
    // While a stream is open, Envoy keeps the text of its configuration, 2.6 times. A tunnel takes about 40 KB.
    const TEXTS: usize = 80 * 3;
    const TUNNELS: usize = 800 * (50 << 10);
    let changed = |update: usize| {
        let mut config = configuration(RELEASES, 10);
        config["releases"][update % RELEASES]["canary"]["split"][0]["weight"] = (1 + update).into();
        config
    };
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&changed(0))).upgrades()).await?;
    // These are more metrics than Halftone defines before they are used.
    let defined = async || {
        let metrics = scene.envoy.metrics().await?;
        anyhow::Ok(metrics.label_values(REQUESTS, "release").len())
    };
    assert_eq!(defined().await?, 0);
    let mut tunnels = Vec::new();
    let mut warm = 0;
    for update in 1..=100 {
        for _ in 0..10 {
            tunnels.push(Tunnel::websocket(scene.envoy.address(), "service-0007", "/").await?);
        }
        let config = changed(update).to_string();
        assert_eq!(
            scene.envoy.apply(PLUGIN, Some(&config)).await?,
            Applied::Accepted
        );
        if update == 20 {
            warm = scene.envoy.memory()?.resident;
        }
    }
    let now = scene.envoy.memory()?.resident;
    assert_eq!(defined().await?, 1);
    let most = (TEXTS * changed(0).to_string().len() + TUNNELS) as u64;
    assert!(now < warm + most, "{warm} bytes became {now}");
    for tunnel in &mut tunnels {
        assert_eq!(tunnel.echo(b"still here").await?, b"still here");
    }
    drop(tunnels);
    scene.end().await
}

/// A root that leaves its timer behind wakes its worker each second or two for as long as the VM lives.
#[tokio::test]
async fn an_idle_proxy_wakes_no_oftener_after_many_updates() -> Result<()> {
    const UPDATES: u64 = 300;
    const WATCHED: Duration = Duration::from_secs(4);
    let config = |update: u64| {
        let mut config = active("v1");
        config["releases"][0]["hosts"] = json!(["reviews", format!("update-{update}")]);
        config
    };
    let scene = Scene::new(&config(0)).await?;
    let wakes = async || {
        let before = scene.envoy.wakes()?;
        sleep(WATCHED).await;
        anyhow::Ok(scene.envoy.wakes()? - before)
    };
    let before = wakes().await?;
    for update in 1..=UPDATES {
        let config = config(update).to_string();
        let applied = scene.envoy.apply(PLUGIN, Some(&config)).await?;
        assert_eq!(applied, Applied::Accepted);
    }
    let after = wakes().await?;
    // Two workers and ticks of two seconds: a timer for each update would add four times as many.
    let most = before + UPDATES;
    assert!(after < most, "{before} wakes became {after}");
    scene.end().await
}
