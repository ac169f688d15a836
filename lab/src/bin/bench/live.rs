//! The time until every worker uses a large new configuration.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use halftone_lab::client::Client;
use halftone_lab::cpu;
use halftone_lab::envoy::Envoy;
use halftone_lab::workload::HOST;
use halftone_lab::workload::halftone::{PLUGIN, halftone, releases};
use halftone_lab::workload::traffic::TESTER;
use halftone_lab::workload::upstreams::{Upstreams, V1, V2};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::spread::Spread;

const RELEASES: usize = 1000;
const RULES: usize = 10;
const WORKERS: u32 = 4;

/// The longest time that a worker may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two requests to a worker, which has other work to do.
const PAUSE: Duration = Duration::from_millis(1);

/// For each update, the milliseconds from the new file to the first answer of the last worker that uses it.
///
/// A connection to each worker sends requests for the release in the middle. Each configuration sends them to another version
/// than the one before.
pub async fn measure(updates: u64) -> Result<Vec<f64>> {
    let upstreams = Upstreams::start().await?;
    let proxy = upstreams
        .proxy()
        .concurrency(WORKERS)
        .listener(json!({"connection_balance_config": {"exact_balance": {}}}));
    let configs = [V1, V2].map(|version| (version, releases(RELEASES, RULES, version).to_string()));
    let envoy = Envoy::start(halftone(proxy, &releases(RELEASES, RULES, V2))).await?;
    let mut clients = Vec::new();
    for _ in 0..WORKERS {
        let client = Client::http1(envoy.address());
        answers(&client, V2).await?;
        clients.push(client);
    }
    one_for_each_worker(&envoy).await?;
    let mut took = Vec::new();
    for &(version, ref config) in configs.iter().cycle().take(updates as usize) {
        cpu::rest(envoy.pid()).await?;
        let start = envoy.put(PLUGIN, config).await?;
        let mut waiting = JoinSet::new();
        for client in clients.drain(..) {
            waiting.spawn(async move { (answers(&client, version).await, client) });
        }
        let mut last = start;
        while let Some(done) = waiting.join_next().await {
            let (live, client) = done.context("a connection")?;
            last = last.max(live?);
            clients.push(client);
        }
        took.push((last - start).as_secs_f64() * 1e3);
    }
    one_for_each_worker(&envoy).await?;
    envoy.check_health().await?;
    envoy.stop().await?;
    Ok(took)
}

/// The result as a sentence. It names the first update, which takes longer than the others.
pub fn to_text(took: &[f64]) -> String {
    let (first, all) = (took.first(), Spread::of(took.iter().copied()));
    let (Some(first), Some(all)) = (first, all) else {
        return "There was no update.".to_owned();
    };
    format!(
        "A configuration of {RELEASES} releases with {RULES} rules each is live on {WORKERS} workers after {:.0} ms \
         ({}); the first update after the start took {first:.0} ms.",
        all.median(),
        all.range(0)
    )
}

/// The entry in the file of results.
pub fn to_json(took: &[f64]) -> Value {
    json!({
        "releases": RELEASES,
        "rules": RULES,
        "workers": WORKERS,
        "ms": Spread::of(took.iter().copied()).map(|all| all.to_json()),
        "ms_by_update": took,
    })
}

/// Sends requests until `version` answers. Returns the time of that answer.
async fn answers(client: &Client, version: &str) -> Result<Instant> {
    let (name, value) = TESTER;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let answer = client.get(HOST, "/", &[(name, value.as_bytes())]).await?;
        if answer.upstream() == Some(version) {
            return Ok(Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("waited {PATIENCE:?} for answers of {version}")
}

/// Checks that each worker has had exactly one connection.
async fn one_for_each_worker(envoy: &Envoy) -> Result<()> {
    for worker in 0..WORKERS {
        let address = envoy.address().to_string().replace(':', "_");
        let name = format!("listener.{address}.worker_{worker}.downstream_cx_total");
        let connections = envoy.stat(&name).await?;
        ensure!(connections == 1, "{name} is {connections}, not 1");
    }
    Ok(())
}
