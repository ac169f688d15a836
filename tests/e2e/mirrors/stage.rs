//! What these tests stand on: the scene of the others, and a server that mirrors send to.

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

/// The cluster of the server that mirrors send to.
pub const SHADOW: &str = "shadow";

/// The same server, spoken to in HTTP/2.
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

/// The release `reviews`, all of it on v1, with these mirrors.
pub fn mirrored(mirrors: impl IntoIterator<Item = Value>) -> Value {
    let mirrors = Vec::from_iter(mirrors);
    reviews(json!({"blueGreen": {"active": "v1"}, "mirrors": mirrors}))
}

/// A mirror of all that can be one, called like its cluster, with these fields. It has more time to answer than a busy
/// machine takes.
pub fn mirror(cluster: &str, fields: Value) -> Value {
    let methods = ["GET", "HEAD", "POST", "CONNECT"];
    let mut mirror =
        json!({"name": cluster, "cluster": cluster, "methods": methods, "timeout": "1m"});
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    mirror
}

/// A configuration in which all copies of a worker hold no more than `budget`.
pub fn within(budget: &str, mut config: Value) -> Value {
    config["mirrorBudget"] = budget.into();
    config
}

/// A scene, and the server.
pub struct Stage {
    pub scene: Scene,
    pub shadow: Upstream,
}

impl Stage {
    /// With one plugin.
    pub async fn new(config: &Value) -> Result<Self> {
        Self::of(|proxy| proxy.plugin(plugin(config))).await
    }

    /// With what `complete` makes of an Envoy without plugins.
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

    /// Waits until the server has got so many copies.
    pub async fn until_received(&self, copies: u64) -> Result<()> {
        let what = format!("{copies} copies");
        let received = async || Ok(self.shadow.received() >= copies);
        wait::until(SOON, &what, received).await?;
        assert_eq!(self.shadow.received(), copies);
        Ok(())
    }

    /// As [`until_outcomes`], of the mirror [`SHADOW`].
    pub async fn until(&self, expected: &[(&str, u64)]) -> Result<()> {
        until_outcomes(&self.scene, SHADOW, expected).await
    }

    pub async fn end(self) -> Result<()> {
        self.scene.end().await
    }
}

/// Envoy answers the requests of v1 itself.
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

/// What became of the requests that `mirror` selected: the outcomes that there were, and how often.
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

/// Waits until as many requests are counted as are expected.
pub async fn until_counted(scene: &Scene, mirror: &str, requests: u64) -> Result<()> {
    let what = format!("{requests} outcomes of {mirror}");
    wait::until(SOON, &what, async || {
        let outcomes = outcomes(scene, mirror).await?;
        Ok(outcomes.iter().map(|(_, count)| count).sum::<u64>() >= requests)
    })
    .await
}

/// Waits likewise, and asserts what became of them.
pub async fn until_outcomes(scene: &Scene, mirror: &str, expected: &[(&str, u64)]) -> Result<()> {
    let requests = expected.iter().map(|(_, count)| count).sum();
    until_counted(scene, mirror, requests).await?;
    assert_eq!(outcomes(scene, mirror).await?, expected, "{mirror}");
    Ok(())
}

/// The ids of these requests, sorted.
pub fn ids(requests: &[Received]) -> Vec<String> {
    let ids = requests
        .iter()
        .map(|request| request.header("x-request-id"));
    let mut ids: Vec<String> = ids.map(Option::unwrap_or_default).collect();
    ids.sort_unstable();
    ids
}
