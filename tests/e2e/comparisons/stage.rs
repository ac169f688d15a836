//! The setup of the tests of comparisons: production and a mirror with scripted answers.

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, Upstreams, plugin, reviews};

pub const COMPARISONS: &str = "halftone_comparisons_total";
pub const MIRRORS: &str = "halftone_mirrors_total";

/// Production (v1), a mirror, and an Envoy that compares them.
pub struct Stage {
    pub scene: Scene,
    pub shadow: Upstream,
}

impl Stage {
    /// Starts a stage with these fields of `compare`. Envoy uses `protocol` with both upstreams. The mirror's timeout is
    /// long enough for a busy machine.
    pub async fn new(compare: Value, protocol: Protocol) -> Result<Self> {
        Self::with_timeout("1m", compare, protocol).await
    }

    /// Like [`Stage::new`], with this timeout of the mirror.
    pub async fn with_timeout(timeout: &str, compare: Value, protocol: Protocol) -> Result<Self> {
        let shadow = Upstream::start("shadow").await?;
        let config = reviews(json!({"mirrors": [{
            "name": "shadow", "cluster": "shadow", "methods": ["GET", "HEAD", "POST"], "timeout": timeout,
            "compare": compare,
        }]}));
        let upstreams = Upstreams::start().await?;
        let cluster = |name, upstream: &Upstream| match protocol {
            Protocol::Http1 => Cluster::new(name, upstream.address()),
            Protocol::Http2 => Cluster::new(name, upstream.address()).http2(),
        };
        let proxy = Proxy::new()
            .plugin(plugin(&config))
            .cluster(cluster("v1", &upstreams.v1))
            .cluster(cluster("shadow", &shadow))
            .fallback("v1");
        let envoy = Envoy::start(proxy).await?;
        let scene = Scene { envoy, upstreams };
        Ok(Self { scene, shadow })
    }

    pub fn answers(&self, production: Script, mirror: Script) {
        self.scene.upstreams.v1.script(production);
        self.shadow.script(mirror);
    }

    pub async fn count(&self, result: &str) -> Result<f64> {
        self.scene.metric(COMPARISONS, &[("result", result)]).await
    }

    /// Waits until `count` comparisons have this result.
    pub async fn until(&self, result: &str, count: f64) -> Result<()> {
        let what = format!("{count} comparisons with the result {result}");
        wait::until(SOON, &what, async || Ok(self.count(result).await? >= count)).await?;
        assert_eq!(self.count(result).await?, count, "{result}");
        Ok(())
    }

    /// Waits until Envoy's log has `count` samples, and returns them.
    pub async fn samples(&self, count: usize) -> Result<Vec<Value>> {
        let samples = async || {
            let log = self.scene.envoy.log()?;
            let lines = log
                .lines()
                .filter_map(|line| line.split_once("halftone: {"));
            let samples = lines.map(|(_, json)| serde_json::from_str(&format!("{{{json}")));
            let samples: Vec<Value> = samples.collect::<Result<_, _>>()?;
            Ok((samples.len() >= count).then_some(samples))
        };
        wait::some(SOON, "samples in the log", samples).await
    }
}

pub fn json_answer(body: &str) -> Script {
    Script::status(200)
        .header("content-type", "application/json")
        .body(body.to_owned())
}

pub fn text(body: &str) -> Script {
    Script::status(200)
        .header("content-type", "text/plain")
        .body(body.to_owned())
}
