//! A mirror that always fails needs no memory.

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::proxy::Cluster;
use halftone_lab::upstream::{Babbling, Script};
use serde_json::json;

use super::stage::{SHADOW, Stage, mirror, mirrored, until_counted};
use crate::scene::plugin;

/// Envoy's default limit on the part of a mirror's answer that it holds.
const HELD: u64 = 32 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_endless_and_invalid_answers_is_freed() -> Result<()> {
    let garbage = Babbling::start(b"garbage\r\n\r\n").await?;
    let mirrors = [
        mirror(SHADOW, json!({})),
        mirror("garbage", json!({})),
        mirror("nobody-knows-it", json!({})),
    ];
    let stage = Stage::of(|proxy| {
        proxy
            .plugin(plugin(&mirrored(mirrors)))
            .cluster(Cluster::new("garbage", garbage.address()))
    })
    .await?;
    stage.shadow.script(Script::status(200).zeros(100 << 20));
    let client = stage.scene.client(Protocol::Http1);
    let mut warm = 0;
    for asked in 1..=16 {
        let answer = client.post("reviews", "/", &[], vec![7; 60_000]).await?;
        assert_eq!(answer.status, 200);
        for mirror in [SHADOW, "garbage", "nobody-knows-it"] {
            until_counted(&stage.scene, mirror, asked).await?;
        }
        if asked == 4 {
            warm = stage.scene.envoy.memory()?.resident;
        }
    }
    stage.until(&[("failed", 16)]).await?;
    // One of the last 12 answers alone exceeds this bound.
    let now = stage.scene.envoy.memory()?.resident;
    assert!(now < warm + HELD, "{warm} bytes became {now}");
    stage.end().await
}
