//! A version whose endpoints vanish and come back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use halftone_lab::wait;

use crate::stage::Stage;
use crate::story::Story;
use crate::table::Row;

const CONFIG: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  fallback: { probe: { path: /healthz }, resend: true }
  canary:
    split: [ { version: v2, weight: 50 }, { version: v1, weight: 50 } ]
explain: { header: x-halftone-explain }
";

/// The requests a second, and the seconds that they last.
const RATE: u64 = 200;
const SECONDS: u64 = 8;

/// How long v2 has no endpoint.
const OUTAGE: Duration = Duration::from_secs(3);

/// The longest time until v2 answers again, in milliseconds.
const SOON: f64 = 2_000.0;

/// The longest time until a condition is met.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A version without endpoints",
        "Half of 200 requests a second go to v2. For three seconds v2 has no endpoint, as when\n\
         its last pod is gone. The request that finds out is sent again, to v1. Others go to\n\
         v1 until a probe finds v2 back.",
    )?;
    story.quote("Configuration", CONFIG)?;
    stage.configure(CONFIG).await?;
    let before = stage.v2.received();
    let load = tokio::spawn(stage.load().run_at(RATE as f64, RATE * SECONDS));
    wait::until(PATIENCE, "answers of v2", async || {
        Ok(stage.v2.received() >= before + 50)
    })
    .await?;

    stage.v2_endpoints.set(&[])?;
    unreachable(stage, 1).await?;
    let gone = stage.v2.received();
    tokio::time::sleep(OUTAGE).await;
    let reached = stage.v2.received() - gone;
    let start = Instant::now();
    stage.v2_endpoints.set(&[stage.v2.address()])?;
    unreachable(stage, 0).await?;
    let back = 1_000.0 * start.elapsed().as_secs_f64();
    let again = stage.v2.received();
    let report = load.await.context("the load")??;

    let by_fallback = [("reason", "fallback"), ("version", "v1")];
    let metrics = stage.envoy.metrics().await?;
    let by_fallback = metrics.sum("halftone_requests_total", &by_fallback) as u64;
    story.observe(vec![
        Row::count("answers", RATE * SECONDS, report.answers()),
        Row::none("  requests that failed", report.failed()),
        Row::none("requests that v2 got without an endpoint", reached),
        Row::some("  sent to v1 in its place", by_fallback),
        Row::milliseconds("v2 is back after", SOON, back),
        Row::some("  answers of v2 then", stage.v2.received() - again),
    ])
}

async fn unreachable(stage: &Stage, expected: u64) -> Result<()> {
    wait::until(PATIENCE, "halftone_unreachable to change", async || {
        let metrics = stage.envoy.metrics().await?;
        Ok(metrics.sum("halftone_unreachable", &[("version", "v2")]) as u64 == expected)
    })
    .await
}
