//! A version that begins to fail under load.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use halftone_lab::upstream::Script;
use halftone_lab::wait;

use crate::stage::{Stage, by_name};
use crate::story::Story;
use crate::table::Row;

const CONFIG: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  guard: {}
  canary:
    split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ]
explain: { header: x-halftone-explain }
";

/// The requests a second, and the seconds that they last.
const RATE: u64 = 200;
const SECONDS: u64 = 8;

/// The answers of v2 before it fails.
const BEFORE: u64 = 20;

/// The longest time from the first failed request to the last one, in milliseconds.
const SOON: f64 = 2_000.0;

/// The longest time until v2 has answered that often.
const PATIENCE: Duration = Duration::from_secs(20);

/// The requests that failed.
#[derive(Debug, Default)]
struct Failed {
    count: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Failed {
    /// Their number, and the milliseconds from the first to the last.
    fn counted(&self) -> (u64, f64) {
        let took = self.last.zip(self.first);
        let took = took.map(|(last, first)| 1_000.0 * last.duration_since(first).as_secs_f64());
        (self.count, took.unwrap_or_default())
    }
}

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A version that fails loses its traffic",
        "A tenth of 200 requests a second goes to v2. Then every answer of v2 is a 500. The\n\
         guard sees that v2 fails and v1 does not, and sends everything to v1. Nobody\n\
         changes the configuration.",
    )?;
    story.quote("Configuration", CONFIG)?;
    stage.configure(CONFIG).await?;
    let log_before = stage.envoy.log()?.len();
    let before = stage.v2.received();
    let load = tokio::spawn(stage.load().run_at(RATE as f64, RATE * SECONDS));
    wait::until(PATIENCE, "answers of v2", async || {
        Ok(stage.v2.received() >= before + BEFORE)
    })
    .await?;

    let failed = Arc::<Mutex<Failed>>::default();
    let counting = Arc::clone(&failed);
    stage.v2.direct(move |_| {
        let mut failed = counting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        failed.count += 1;
        failed.first.get_or_insert(now);
        failed.last = Some(now);
        Script::status(500)
    });
    let report = load.await.context("the load")??;
    stage.v2.script(by_name("v2"));
    let (count, took) = failed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .counted();

    let log = stage.envoy.log()?;
    let new = log.get(log_before..).unwrap_or_default();
    let said = new
        .lines()
        .filter_map(|line| line.find("halftone: guard").and_then(|at| line.get(at..)));
    let said: Vec<&str> = said.collect();
    story.quote("Envoy's log, without timestamps", &said.join("\n"))?;
    let metrics = stage.envoy.metrics().await?;
    let by_guard = metrics.sum(
        "halftone_requests_total",
        &[("reason", "guard"), ("version", "v1")],
    );
    let gauge = metrics.sum(
        "halftone_guard",
        &[("release", "reviews"), ("version", "v2")],
    );
    story.observe(vec![
        Row::some("answers of v2 that failed", count),
        Row::milliseconds("  from the first to the last", SOON, took),
        Row::some("requests for v2 that v1 got", by_guard as u64),
        Row::none("  of all requests: failed at v1", report.failed() - count),
        Row::count("verdicts in the log", 1, said.len() as u64),
        Row::count("halftone_guard of v2", 1, gauge as u64),
    ])
}
