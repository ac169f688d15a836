//! The setup of these tests: a scene, and a server for the copies.

use anyhow::Result;
use halftone_lab::proxy::{Cluster, Proxy, Route};
use halftone_lab::upstream::{Received, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, VERSION, plugin, reviews};

pub const MIRRORS: &str = "halftone_mirrors_total";
pub const DURATIONS: &str = "halftone_mirror_duration_milliseconds_count";

/// The header that marks a copy.
pub const MARK: &str = "x-halftone-mirror";

/// The cluster of the server for the copies.
pub const SHADOW: &str = "shadow";

/// The cluster of the same server with HTTP/2.
pub const SHADOW_HTTP2: &str = "shadow-http2";

pub const OUTCOMES: [&str; 7] = [
    "answered",
    "timeout",
    "failed",
    "too_large",
    "too_many",
    "no_cluster",
    "skipped",
];

/// The release `reviews`, with all traffic on v1 and these mirrors.
pub fn mirrored(mirrors: impl IntoIterator<Item = Value>) -> Value {
    let mirrors = Vec::from_iter(mirrors);
    reviews(json!({"blueGreen": {"active": "v1"}, "mirrors": mirrors}))
}

/// A mirror of all requests with the name of its cluster and these fields. Its timeout is long enough for a busy
/// machine.
pub fn mirror(cluster: &str, fields: Value) -> Value {
    let methods = ["GET", "HEAD", "POST", "CONNECT"];
    let mut mirror =
        json!({"name": cluster, "cluster": cluster, "methods": methods, "timeout": "1m"});
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    mirror
}

/// A configuration with this `mirrorBudget`.
pub fn within(budget: &str, mut config: Value) -> Value {
    config["mirrorBudget"] = budget.into();
    config
}

/// A scene and the server for the copies.
pub struct Stage {
    pub scene: Scene,
    pub shadow: Upstream,
}

impl Stage {
    /// Starts a scene with one plugin.
    pub async fn new(config: &Value) -> Result<Self> {
        Self::of(|proxy| proxy.plugin(plugin(config))).await
    }

    /// Starts a stage with the Envoy that `complete` makes from one without plugins.
    pub async fn of(complete: impl FnOnce(Proxy) -> Proxy) -> Result<Self> {
        let shadow = Upstream::start(SHADOW).await?;
        let cluster = |name| unlimited(Cluster::new(name, shadow.address()));
        let scene = Scene::of(|proxy| {
            let http2 = cluster(SHADOW_HTTP2).http2();
            complete(proxy.cluster(cluster(SHADOW)).cluster(http2))
        })
        .await?;
        Ok(Self { scene, shadow })
    }

    /// Waits until the server has received `copies` copies.
    pub async fn until_received(&self, copies: u64) -> Result<()> {
        let what = format!("{copies} copies");
        let received = async || Ok(self.shadow.received() >= copies);
        wait::until(SOON, &what, received).await?;
        assert_eq!(self.shadow.received(), copies);
        Ok(())
    }

    /// Like [`until_outcomes`], for the mirror [`SHADOW`].
    pub async fn until(&self, expected: &[(&str, u64)]) -> Result<()> {
        until_outcomes(&self.scene, SHADOW, expected).await
    }

    pub async fn end(self) -> Result<()> {
        self.scene.end().await
    }
}

/// An Envoy that answers the requests of v1 itself.
pub fn by_envoy(proxy: Proxy) -> Proxy {
    let answer = json!({"direct_response": {"status": 200}});
    proxy.route(Route::header(VERSION, "v1").with(answer))
}

/// A cluster whose circuit breakers stay closed.
pub fn unlimited(cluster: Cluster) -> Cluster {
    let most = 1_000_000;
    cluster.with(json!({"circuit_breakers": {"thresholds": [
        {"max_connections": most, "max_pending_requests": most, "max_requests": most},
    ]}}))
}

/// The outcomes of the requests that `mirror` selected, with their counts.
pub async fn outcomes(scene: &Scene, mirror: &str) -> Result<Vec<(&'static str, u64)>> {
    let metrics = scene.envoy.metrics_like("halftone_mirrors_total").await?;
    let count = |outcome| {
        let labels = [
            ("release", "reviews"),
            ("mirror", mirror),
            ("outcome", outcome),
        ];
        (outcome, metrics.sum(MIRRORS, &labels) as u64)
    };
    let counts = OUTCOMES.into_iter().map(count);
    Ok(counts.filter(|(_, count)| *count > 0).collect())
}

/// Waits until `requests` outcomes of `mirror` are counted.
pub async fn until_counted(scene: &Scene, mirror: &str, requests: u64) -> Result<()> {
    let what = format!("{requests} outcomes of {mirror}");
    wait::until(SOON, &what, async || {
        let outcomes = outcomes(scene, mirror).await?;
        Ok(outcomes.iter().map(|(_, count)| count).sum::<u64>() >= requests)
    })
    .await
}

/// Waits until as many outcomes are counted, and asserts them.
pub async fn until_outcomes(scene: &Scene, mirror: &str, expected: &[(&str, u64)]) -> Result<()> {
    let requests = expected.iter().map(|(_, count)| count).sum();
    until_counted(scene, mirror, requests).await?;
    assert_eq!(outcomes(scene, mirror).await?, expected, "{mirror}");
    Ok(())
}

/// The sorted ids of these requests.
pub fn ids(requests: &[Received]) -> Vec<String> {
    let ids = requests
        .iter()
        .map(|request| request.header("x-request-id"));
    let mut ids: Vec<String> = ids.map(Option::unwrap_or_default).collect();
    ids.sort_unstable();
    ids
}
