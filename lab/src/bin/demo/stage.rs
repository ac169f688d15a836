//! What the scenes need: two versions of `reviews`, and mirrors, behind an Envoy with Halftone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::client::Client;
use halftone_lab::endpoints::Endpoints;
use halftone_lab::envoy::{Applied, Envoy};
use halftone_lab::load::{Load, Running};
use halftone_lab::proxy::{Cluster, Plugin, Proxy, Route};
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::Value;

use crate::ports::Ports;

/// The host of the service.
pub const HOST: &str = "reviews";

/// The request header that asks for an explanation, in all configurations of the demo.
pub const EXPLAIN: &str = "x-halftone-explain";

/// The name of the plugin, which the log has.
const PLUGIN: &str = "reviews";

/// The longest time until a load gets its first answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that runs. Dropping it stops everything.
#[derive(Debug)]
pub struct Stage {
    /// The proxy.
    pub envoy: Envoy,
    /// The principal version.
    pub v1: Upstream,
    /// The new version.
    pub v2: Upstream,
    /// The endpoints of the new version.
    pub v2_endpoints: Endpoints,
    /// The next version, which gets only copies.
    pub v3: Upstream,
    client: Client,
    /// Broken mirrors. No scene reads their state, but dropping them would stop them.
    _bad_mirrors: [Upstream; 2],
}

impl Stage {
    /// Starts the versions and Envoy, with no release configured.
    pub async fn start(ports: Option<Ports>) -> Result<Self> {
        let v1 = version("v1").await?;
        let v2 = version("v2").await?;
        let v3 = version("v3").await?;
        let hangs = upstream("hangs", Script::hang()).await?;
        let resets = upstream("resets", Script::reset()).await?;
        let v2_endpoints = Endpoints::new("reviews-v2", v2.address())?;
        let mut proxy = Proxy::new()
            .plugin(Plugin::new(PLUGIN))
            .cluster(Cluster::new("reviews-v1", v1.address()))
            .cluster(v2_endpoints.cluster())
            .cluster(Cluster::new("reviews-v3", v3.address()))
            .cluster(Cluster::new("reviews-hangs", hangs.address()))
            .cluster(Cluster::new("reviews-resets", resets.address()))
            .route(Route::header("x-halftone-version", "v1").to("reviews-v1"))
            .route(Route::header("x-halftone-version", "v2").to("reviews-v2"))
            .fallback("reviews-v1");
        if let Some(ports) = ports {
            proxy = proxy.port(ports.http).admin_port(ports.admin);
        }
        let envoy = Envoy::start(proxy).await?;
        let client = Client::http1(envoy.address());
        Ok(Self {
            envoy,
            v1,
            v2,
            v2_endpoints,
            v3,
            client,
            _bad_mirrors: [hangs, resets],
        })
    }

    /// Applies `yaml`, a `pluginConfig`, which must be valid.
    pub async fn configure(&self, yaml: &str) -> Result<()> {
        let applied = self.update(yaml).await?;
        ensure!(
            applied == Applied::Accepted,
            "Halftone rejected a configuration of the demo; Envoy's log:\n{}",
            self.envoy.log()?
        );
        Ok(())
    }

    /// Applies `yaml` as Istio does, as JSON and under traffic. Returns whether Halftone accepts it.
    pub async fn update(&self, yaml: &str) -> Result<Applied> {
        let config: Value = serde_saphyr::from_str(yaml).context("reading a configuration")?;
        self.envoy.apply(PLUGIN, Some(&config.to_string())).await
    }

    /// Sends one request. Returns the version that answered it and Halftone's reason: `v2, split`.
    pub async fn ask(&self, headers: &[(&str, &str)]) -> Result<String> {
        let explain = [(EXPLAIN, "1")];
        let fields: Vec<(&str, &[u8])> = headers
            .iter()
            .chain(&explain)
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let answer = self.client.get(HOST, "/", &fields).await?;
        let decision = answer.header("x-halftone-decision");
        let reason = decision.and_then(|decision| decision.split_once("reason="));
        Ok(format!(
            "{}, {}",
            answer.upstream().unwrap_or("no version"),
            reason.map_or("no decision", |(_, reason)| reason)
        ))
    }

    /// A load on the service.
    pub fn load(&self) -> Load {
        Load::new(self.envoy.address()).host(HOST)
    }

    /// Continuous traffic, until you stop it. Returns after its first answers.
    pub async fn traffic(&self) -> Result<Running> {
        let answered = || self.v1.received() + self.v2.received();
        let before = answered();
        let running = self.load().connections(4).start();
        wait::until(PATIENCE, "traffic to begin", async || {
            Ok(answered() > before + 100)
        })
        .await?;
        Ok(running)
    }

    /// Checks that Envoy is healthy, and stops everything.
    pub async fn stop(self) -> Result<()> {
        self.envoy.check_health().await?;
        self.envoy.stop().await
    }
}

/// The answer of a version, unless a scene sets another one.
pub fn by_name(name: &str) -> Script {
    Script::status(200).body(format!("reviews {name}\n"))
}

/// A version of the service.
async fn version(name: &str) -> Result<Upstream> {
    upstream(name, by_name(name)).await
}

async fn upstream(name: &str, script: Script) -> Result<Upstream> {
    let upstream = Upstream::start(name).await?;
    upstream.remember(false);
    upstream.script(script);
    Ok(upstream)
}
