//! A real Envoy with the plugin of `plugin.wat`: configurations are accepted or rejected, and crashes are detected.

use std::fs;
use std::path::Path;

use anyhow::Context;
use halftone_lab::client::Client;
use halftone_lab::envoy::{Applied, Envoy};
use halftone_lab::load::Load;
use halftone_lab::proxy::{Cluster, Delivery, FailurePolicy, Plugin, Proxy};
use halftone_lab::upstream::Upstream;
use tempfile::TempDir;

const PASS: &str = "pass";
const REFUSE: &str = "r";
const CRASH: &str = "cr";

/// An Envoy with one plugin, and its upstream and module.
struct Scene {
    envoy: Envoy,
    _upstream: Upstream,
    _module: TempDir,
}

impl Scene {
    async fn with(plugin: Plugin, delivery: Delivery) -> anyhow::Result<Self> {
        let upstream = Upstream::start("v1").await?;
        upstream.remember(false);
        let directory = tempfile::tempdir()?;
        let module = directory.path().join("plugin.wasm");
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugin.wat");
        fs::write(&module, wat::parse_file(text)?)?;
        let proxy = Proxy::new()
            .module(module)
            .plugin(plugin)
            .delivery(delivery)
            .cluster(Cluster::new("v1", upstream.address()))
            .fallback("v1");
        Ok(Self {
            envoy: Envoy::start(proxy).await?,
            _upstream: upstream,
            _module: directory,
        })
    }

    async fn new(config: &str) -> anyhow::Result<Self> {
        Self::with(Plugin::new("lab").config(config), Delivery::Ecds).await
    }

    async fn status(&self) -> anyhow::Result<u16> {
        let answer = Client::http1(self.envoy.address())
            .get("shop", "/", &[])
            .await?;
        Ok(answer.status.as_u16())
    }

    async fn sickness(&self) -> anyhow::Result<String> {
        Ok(self
            .envoy
            .check_health()
            .await
            .err()
            .context("healthy")?
            .to_string())
    }
}

fn answer(status: usize) -> String {
    " ".repeat(status)
}

#[tokio::test]
async fn an_accepted_configuration_is_active_on_all_workers_at_once() -> anyhow::Result<()> {
    let scene = Scene::new(PASS).await?;
    assert_eq!(scene.status().await?, 200);
    for status in [418, 429, 418, 429, 418, 429] {
        assert_eq!(
            scene
                .envoy
                .apply("lab", Some(&answer(status.into())))
                .await?,
            Applied::Accepted
        );
        for _ in 0..20 {
            // Each request uses a new connection, so either worker gets it.
            assert_eq!(scene.status().await?, status);
        }
    }
    assert_eq!(scene.envoy.apply("lab", None).await?, Applied::Accepted);
    assert_eq!(scene.status().await?, 200);
    scene.envoy.check_health().await?;
    scene.envoy.stop().await
}

#[tokio::test]
async fn after_a_rejected_configuration_the_one_before_stays_active() -> anyhow::Result<()> {
    let scene = Scene::new(&answer(418)).await?;
    assert_eq!(
        scene.envoy.apply("lab", Some(REFUSE)).await?,
        Applied::Rejected
    );
    assert_eq!(
        scene.envoy.apply("lab", Some(REFUSE)).await?,
        Applied::Rejected
    );
    assert_eq!(scene.status().await?, 418);
    // The same configuration again is accepted.
    assert_eq!(
        scene.envoy.apply("lab", Some(&answer(418))).await?,
        Applied::Accepted
    );
    assert_eq!(
        scene.envoy.apply("lab", Some(&answer(418))).await?,
        Applied::Accepted
    );
    assert_eq!(
        scene.envoy.apply("lab", Some(PASS)).await?,
        Applied::Accepted
    );
    assert_eq!(scene.status().await?, 200);
    scene.envoy.check_health().await?;
    scene.envoy.stop().await
}

#[tokio::test]
async fn after_a_rejected_first_configuration_requests_get_500_until_a_good_one()
-> anyhow::Result<()> {
    let scene = Scene::new(REFUSE).await?;
    assert_eq!(scene.status().await?, 500);
    assert_eq!(
        scene.sickness().await?,
        "health.check answered 500 Internal Server Error"
    );
    assert_eq!(
        scene.envoy.apply("lab", Some(PASS)).await?,
        Applied::Accepted
    );
    assert_eq!(scene.status().await?, 200);
    scene.envoy.check_health().await?;
    scene.envoy.stop().await
}

#[tokio::test]
async fn envoy_does_not_start_with_a_rejected_static_configuration() -> anyhow::Result<()> {
    let plugin = Plugin::new("lab").config(REFUSE);
    let failed = Scene::with(plugin, Delivery::Static)
        .await
        .err()
        .context("it runs")?;
    assert!(
        format!("{failed:#}").contains("Unable to create Wasm"),
        "{failed:#}"
    );
    Ok(())
}

#[tokio::test]
async fn a_static_plugin_has_no_updates() -> anyhow::Result<()> {
    let scene = Scene::with(Plugin::new("lab").config(PASS), Delivery::Static).await?;
    scene.envoy.check_health().await?;
    for name in ["lab", "unknown"] {
        assert!(scene.envoy.apply(name, None).await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn a_crash_is_detected_under_every_policy() -> anyhow::Result<()> {
    for policy in [
        FailurePolicy::FailOpen,
        FailurePolicy::FailClosed,
        FailurePolicy::FailReload,
    ] {
        let plugin = Plugin::new("lab").config(CRASH).failure_policy(policy);
        let scene = Scene::with(plugin, Delivery::Ecds).await?;
        assert_eq!(scene.status().await?, 503, "{policy:?}");
        let sickness = scene.sickness().await?;
        assert!(
            sickness.starts_with("a plugin has crashed: "),
            "{policy:?}: {sickness}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_published_rules_make_labels_from_the_name_of_a_metric() -> anyhow::Result<()> {
    let scene = Scene::new(PASS).await?;
    for _ in 0..3 {
        scene.status().await?;
    }
    let labels = [
        ("release", "reviews"),
        ("version", "v2.1"),
        ("reason", "rule:testers"),
        ("class", "5xx"),
        ("mirror", "copy"),
        ("outcome", "too_large"),
        ("result", "same"),
        ("kind", "slow"),
    ];
    assert_eq!(scene.envoy.metrics().await?.sum("lab_total", &labels), 3.0);
    Ok(())
}

#[tokio::test]
async fn no_request_fails_while_configurations_change() -> anyhow::Result<()> {
    let scene = Scene::new(PASS).await?;
    let load = Load::new(scene.envoy.address()).start();
    for round in 0..50 {
        let config = ["pass1", "pass22"].get(round % 2).copied();
        assert_eq!(scene.envoy.apply("lab", config).await?, Applied::Accepted);
    }
    let report = load.stop().await?;
    assert_eq!((report.failed(), &report.first_failure), (0, &None));
    scene.envoy.check_health().await
}
