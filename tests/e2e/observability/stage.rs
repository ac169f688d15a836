//! The setup: an Envoy with all the data of the dashboard and the alerts, and a Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use halftone_lab::envoy::Applied;
use halftone_lab::load::Load;
use halftone_lab::prometheus::{Prometheus, Sample, Scrape, Settings};
use halftone_lab::proxy::{Cluster, Plugin, Route};
use halftone_lab::upstream::{Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use super::manifest;
use crate::scene::{SOON, Scene, VERSION, plugin};

pub const NAMESPACE: &str = "bookinfo";
pub const POD: &str = "productpage-v1-0";

/// The second plugin. It claims the host of the first.
const SECOND: &str = "second";

/// The number of requests that meets the minimum of each alert: a request per second to each of two versions over five
/// minutes, one per ten seconds to the mirrors, and a request per second to a release over half an hour.
const SPLIT: u64 = 800;
const MIRRORED: u64 = 60;
const STEADY: u64 = 2_000;

/// Enough requests for the ceiling of a guard, too few for an alert about their version. Enough for a fallback.
const GUARDED: u64 = 24;
const REACHING: u64 = 5;

pub struct Stage {
    scene: Scene,
    pub prometheus: Prometheus,
    shadow: Upstream,
    _hanging: Upstream,
    _gone: Refusing,
}

/// Releases `reviews`, with a mirror per kind of outcome, and `ratings`, whose ramp is held before v2 gets a request; one
/// whose guard rules, and one whose version has no endpoint.
fn config() -> Value {
    let mirror = |name: &str, cluster: &str, fields: Value| {
        let mut mirror = json!({
            "name": name, "cluster": cluster, "match": [{"headers": {"x-mirror": {"present": true}}}],
        });
        if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
            mirror.extend(fields);
        }
        mirror
    };
    json!({"releases": [
        {
            "name": "reviews", "hosts": ["reviews"], "principal": "v1",
            // It never rules: no version can fail that much more often.
            "guard": {"margin": 100}, "fallback": {},
            "canary": {
                "rules": [{"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"}],
                "split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}],
            },
            "mirrors": [
                mirror("answering", "shadow", json!({"timeout": "1m", "compare": {}})),
                mirror("failing", "shadow", json!({"timeout": "1m", "headers": {"set": {"x-fail": "503"}}})),
                mirror("refusing", "shadow", json!({"timeout": "1m", "headers": {"set": {"x-fail": "403"}}})),
                mirror("late", "hanging", json!({"timeout": "100ms"})),
                mirror("crowded", "hanging", json!({"timeout": "100ms", "maxInFlight": 1})),
                mirror("gone", "gone", json!({})),
                mirror("nowhere", "nowhere", json!({})),
            ],
        },
        {
            "name": "ratings", "hosts": ["ratings"], "principal": "v1",
            "canary": {"ramp": {
                "version": "v2", "start": "2026-01-01T00:00:00Z", "points": [{"after": "24h", "percentage": 100}],
                "hold": 0.0001,
            }},
        },
        {
            "name": "guarded", "hosts": ["guarded"], "principal": "v1", "guard": {"ceiling": 10},
            "canary": {"split": [{"version": "v2", "weight": 1}]},
        },
        {
            "name": "reaching", "hosts": ["reaching"], "principal": "v1", "fallback": {},
            "canary": {"split": [{"version": "v3", "weight": 1}]},
        },
    ]})
}

fn second(strategy: Value) -> String {
    let release = json!({
        "name": "claims-too", "hosts": ["reviews"], "principal": "v1", "blueGreen": strategy,
    });
    json!({"releases": [release]}).to_string()
}

impl Stage {
    /// Starts everything. Prometheus has scraped Envoy, and no request is sent.
    pub async fn new() -> Result<Self> {
        let (shadow, hanging) = (
            Upstream::start("shadow").await?,
            Upstream::start("hanging").await?,
        );
        let gone = Refusing::new()?;
        shadow.direct(|request| match request.header("x-fail") {
            Some(status) => Script::status(status.parse().unwrap_or(500)),
            None => Script::echo(),
        });
        hanging.script(Script::hang());
        let clusters = [
            Cluster::new("shadow", shadow.address()),
            Cluster::new("hanging", hanging.address()),
            Cluster::new("gone", gone.address()?),
            Cluster::empty("empty"),
        ];
        let scene = Scene::of(|proxy| {
            clusters
                .into_iter()
                .fold(proxy, halftone_lab::proxy::Proxy::cluster)
                .route(Route::header(VERSION, "v3").to("empty"))
                .plugin(plugin(&config()))
                .plugin(Plugin::new(SECOND).config(&second(json!({"active": "v1"}))))
        })
        .await?;
        let endpoint = &manifest("mesh/pod-monitor.yaml")?["spec"]["podMetricsEndpoints"][0];
        let path = endpoint["path"].as_str().unwrap();
        let settings = Settings::new(path, endpoint["params"].clone())
            .scrape(Scrape::new(scene.envoy.admin(), NAMESPACE, POD))
            .rules(super::alerts::rules()?);
        let prometheus = Prometheus::start(&settings).await?;
        let stage = Self {
            scene,
            prometheus,
            shadow,
            _hanging: hanging,
            _gone: gone,
        };
        // The rate of a counter needs an earlier value.
        stage
            .until("count_over_time(halftone_releases[1m]) >= 2")
            .await?;
        Ok(stage)
    }

    /// Causes every alert except the one for missing decisions: v2 is slow and sometimes fails, mirrors answer
    /// differently or not at all, two plugins claim a host, and a configuration is rejected.
    pub async fn trouble(&self) -> Result<()> {
        let count = AtomicU64::new(0);
        self.scene.upstreams.v2.direct(move |_| {
            let failing = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(4);
            Script::status(if failing { 503 } else { 200 }).delay(Duration::from_millis(1_200))
        });
        let load = |host| Load::new(self.scene.envoy.address()).host(host);
        let split = load("reviews").connections(120);
        let mirrored = load("reviews").header("x-mirror", "1").connections(30);
        let testers = load("reviews").header("end-user", "jason").run(4);
        let guarded = load("guarded").connections(GUARDED as usize).run(GUARDED);
        let reaching = load("reaching").connections(1).run(REACHING);
        let (split, mirrored, testers, guarded, reaching) = tokio::try_join!(
            split.run(SPLIT),
            mirrored.run(MIRRORED),
            testers,
            guarded,
            reaching
        )?;
        let steady = load("ratings").run(STEADY).await?;
        for report in [split, mirrored, testers, guarded, reaching, steady] {
            ensure!(report.failures == 0, "{:?}", report.first_failure);
        }
        ensure!(self.shadow.received() > 0, "no copy arrived");
        let bad = second(json!({"active": ""}));
        ensure!(self.scene.envoy.apply(SECOND, Some(&bad)).await? == Applied::Rejected);

        let (reviews, copies) = (SPLIT + MIRRORED + 4, 7 * MIRRORED);
        let requests = reviews + STEADY + GUARDED + REACHING;
        for (metric, scraped) in [
            ("halftone_requests_total", requests),
            ("halftone_responses_total", requests),
            ("halftone_request_duration_milliseconds_count", requests),
            ("halftone_mirrors_total", copies),
            ("halftone_mirror_duration_milliseconds_count", 3 * MIRRORED),
            ("halftone_mirror_responses_total", 3 * MIRRORED),
            ("halftone_comparisons_total", MIRRORED),
            ("halftone_conflicts_total", reviews),
            ("halftone_config_rejected", 1),
        ] {
            self.until(&format!("sum({metric}) == {scraped}")).await?;
        }
        Ok(())
    }

    /// Waits until the expression yields samples. A scrape can be late.
    pub async fn until(&self, promql: &str) -> Result<Vec<Sample>> {
        let found = async || {
            let samples = self.prometheus.query(promql).await?;
            Ok((!samples.is_empty()).then_some(samples))
        };
        wait::some(SOON, promql, found).await
    }

    pub async fn end(self) -> Result<()> {
        self.scene.end().await
    }
}
