//! Envoy, and the versions and mirrors behind it.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use halftone_lab::endpoints::Endpoints;
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Plugin, Proxy, Route};
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::visitors::USER;
use serde_json::{Value, json};

use crate::plan::{COMPARED, GUARDED, SILENT, VANISHING};
use crate::traffic::DIFFERS_EACH;

/// The name of the plugin.
pub const PLUGIN: &str = "soak";

/// The request header with the version, which the routes match.
const VERSION: &str = "x-halftone-version";

/// One response in this number fails in both versions of the guarded release while they are healthy.
const FAILS_EACH: u64 = 100;

/// Everything that runs. Dropping it stops everything.
#[derive(Debug)]
pub struct Stage {
    /// The proxy, with four workers.
    pub envoy: Envoy,
    /// The versions of the guarded release.
    pub guarded: [Upstream; 2],
    /// The version whose endpoints vanish.
    pub vanishing: Upstream,
    /// Its endpoints.
    pub endpoints: Endpoints,
    /// The mirror that is compared.
    pub compared: Upstream,
    /// The versions of the other releases, and the mirror that never answers.
    _others: [Upstream; 3],
}

impl Stage {
    /// Starts everything with this configuration.
    ///
    /// # Errors
    ///
    /// Envoy or the filter is missing, or does not start.
    pub async fn start(config: &Value) -> Result<Self> {
        let [v1, v2] = [upstream("v1").await?, upstream("v2").await?];
        let guarded = [upstream("v1").await?, upstream("v2").await?];
        let vanishing = upstream("v2").await?;
        let compared = upstream("mirror").await?;
        compared.direct(|request| {
            let user = request.header(USER).and_then(|user| user.parse().ok());
            let differs = user.is_some_and(|user: u64| user.is_multiple_of(DIFFERS_EACH));
            answer(if differs { 4 } else { 5 })
        });
        let silent = upstream("mirror").await?;
        silent.script(Script::hang());
        let endpoints = Endpoints::new("vanishing-v2", vanishing.address())?;
        // Envoy ends a tunnel at the route's timeout.
        let route = |route: Route, cluster: &str| {
            route.to(cluster).with(json!({"route": {"timeout": "0s"}}))
        };
        let of = |host, version| Route::authority(host).and_header(VERSION, version);
        let version = |version| Route::header(VERSION, version);
        let [first, second] = &guarded;
        let proxy = Proxy::new()
            .concurrency(4)
            .upgrades()
            .plugin(Plugin::new(PLUGIN).config(&config.to_string()))
            .cluster(Cluster::new("vanishing-v1", v1.address()))
            .cluster(endpoints.cluster())
            .cluster(Cluster::new("guarded-v1", first.address()))
            .cluster(Cluster::new("guarded-v2", second.address()))
            .cluster(Cluster::new("v1", v1.address()))
            .cluster(Cluster::new("v2", v2.address()))
            .cluster(Cluster::new(COMPARED, compared.address()))
            .cluster(Cluster::new(SILENT, silent.address()))
            .route(route(of(GUARDED, "v1"), "guarded-v1"))
            .route(route(of(GUARDED, "v2"), "guarded-v2"))
            .route(route(of(VANISHING, "v1"), "vanishing-v1"))
            .route(route(of(VANISHING, "v2"), "vanishing-v2"))
            .route(route(version("v1"), "v1"))
            .route(route(version("v2"), "v2"));
        let stage = Self {
            envoy: Envoy::start(proxy).await?,
            guarded,
            vanishing,
            endpoints,
            compared,
            _others: [v1, v2, silent],
        };
        stage.guarded.iter().for_each(heal);
        Ok(stage)
    }

    /// The sum of the metrics with this name and these labels.
    ///
    /// # Errors
    ///
    /// If the admin interface does not answer.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Result<f64> {
        Ok(self.envoy.metrics_like(name).await?.sum(name, labels))
    }
}

/// Lets a version answer most requests.
pub fn heal(version: &Upstream) {
    let count = AtomicU64::new(0);
    version.direct(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        match number % FAILS_EACH {
            50 => Script::status(500),
            _ => answer(5),
        }
    });
}

/// Lets a version answer each request with an error.
pub fn fail(version: &Upstream) {
    version.script(Script::status(503));
}

fn answer(stars: u64) -> Script {
    Script::status(200)
        .header("content-type", "application/json")
        .body(format!("{{\"stars\":{stars}}}"))
}

async fn upstream(name: &str) -> Result<Upstream> {
    let upstream = Upstream::start(name).await?;
    upstream.remember(false);
    upstream.direct(|request| match request.path.as_str() {
        // Accepts the upgrade.
        "/chat" => Script::echo(),
        _ => answer(5),
    });
    Ok(upstream)
}
