//! The memory of copies has a bound for any number of concurrent requests.

use std::sync::Arc;

use anyhow::{Context, Result};
use halftone_lab::client::Client;
use halftone_lab::proxy::{Cluster, Route};
use halftone_lab::upstream::{Gate, Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::stage::{
    SHADOW, SHADOW_HTTP2, Stage, mirror, mirrored, outcomes, unlimited, until_counted, within,
};
use crate::scene::{PLUGIN, SOON, VERSION, active, plugin};

const UPLOADS: u64 = 1000;
const BODY: u64 = 48 << 10;
const WORKERS: u64 = 2;

/// A mirror whose copies only the budget limits.
fn config(budget: &str) -> Value {
    let mirror = mirror(
        SHADOW,
        json!({"cluster": SHADOW_HTTP2, "maxInFlight": 100_000, "timeout": "1m"}),
    );
    within(budget, mirrored([mirror]))
}

/// Sends all uploads at once: production answers only after it has received all. HTTP/2 keeps the number of connections
/// low.
async fn upload_at_once(stage: &Stage, production: &Upstream) -> Result<()> {
    let gate = Gate::closed();
    production.forget();
    production.script(Script::status(200).behind(&gate));
    let mut uploads = JoinSet::new();
    for _ in 0..10 {
        let client = Arc::new(Client::http2(stage.scene.envoy.address()));
        for _ in 0..UPLOADS / 10 {
            let client = Arc::clone(&client);
            uploads.spawn(async move {
                let body = vec![7; BODY as usize];
                client.post("reviews", "/", &[], body).await
            });
        }
    }
    wait::until(SOON, "all uploads at once", async || {
        Ok(production.received() == UPLOADS)
    })
    .await?;
    gate.open();
    while let Some(upload) = uploads.join_next().await {
        assert_eq!(upload.context("an upload")??.status, 200);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_concurrent_uploads_stay_within_the_budget() -> Result<()> {
    let production = Upstream::start("production").await?;
    production.remember(false);
    let address = production.address();
    let stage = Stage::of(|proxy| {
        let cluster = Cluster::new("production", address);
        proxy
            .plugin(plugin(&active("v1")))
            .cluster(unlimited(cluster).http2())
            .route(Route::header(VERSION, "v1").to("production"))
    })
    .await?;
    stage.shadow.remember(false);
    upload_at_once(&stage, &production).await?;
    let without = stage.scene.envoy.memory()?.peak;

    let (mut all, mut received) = (0, 0);
    for (budget, bytes) in [("4MiB", 4 << 20), ("16MiB", 16 << 20)] {
        let config = config(budget).to_string();
        stage.scene.envoy.apply(PLUGIN, Some(&config)).await?;
        let gate = Gate::closed();
        stage.shadow.script(Script::status(200).behind(&gate));
        upload_at_once(&stage, &production).await?;
        let with = stage.scene.envoy.memory()?.peak;
        gate.open();
        all += UPLOADS;
        until_counted(&stage.scene, SHADOW, all).await?;
        let sent = stage.shadow.received() - received;
        received += sent;
        let most = bytes / BODY * WORKERS;
        assert!((1..=most).contains(&sent), "{budget}: {sent}");
        // Envoy holds a second copy of each body, and a buffer that grows has up to twice the size. On a busy machine
        // the requests themselves wait in Envoy's buffers too.
        let most = without + 2 * 2 * bytes * WORKERS + UPLOADS * BODY;
        assert!(with <= most, "{budget}: {without} bytes became {with}");
    }
    let expected = [("answered", received), ("too_many", all - received)];
    assert_eq!(outcomes(&stage.scene, SHADOW).await?, expected);
    stage.end().await
}
