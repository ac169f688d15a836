//! The Envoy of one row, in front of the upstreams.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::Envoy;
use halftone_lab::load::{Load, Report};
use halftone_lab::proxy::Proxy;
use halftone_lab::workload::traffic;
use halftone_lab::workload::upstreams::Upstreams;
use halftone_lab::{cpu, wait};

use crate::rows::{Counter, Row};

/// The longest time until a mirror and the counters have seen all requests of a load.
const PATIENCE: Duration = Duration::from_secs(10);

/// The number of connections for requests.
const CONNECTIONS: usize = 8;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection sends the next request when it has its answer.
    Closed,
    /// This many requests per second, by a fixed schedule.
    Open(f64),
}

/// The result of a turn.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The CPU time that Envoy spent.
    pub spent: Duration,
    /// What the client observed.
    pub report: Report,
}

impl Outcome {
    /// Adds another turn.
    pub fn add(&mut self, other: Self) {
        self.spent += other.spent;
        self.report.add(other.report);
    }
}

/// A running row. Dropping it stops its Envoy.
#[derive(Debug)]
pub struct Stand {
    /// The row.
    pub row: Row,
    envoy: Envoy,
    /// The number of its requests that v1 and v2 have received.
    received: [u64; 2],
}

impl Stand {
    /// Starts an Envoy as `proxy` describes it.
    pub async fn start(row: Row, proxy: Proxy) -> Result<Self> {
        let what = format!("the row {}", row.key);
        let envoy = start(&row, proxy).await.context(what)?;
        Ok(Self {
            row,
            envoy,
            received: [0; 2],
        })
    }

    /// Sends this number of requests, and waits until Envoy is idle again.
    pub async fn turn(
        &mut self,
        upstreams: &Upstreams,
        pace: Pace,
        requests: u64,
    ) -> Result<Outcome> {
        let outcome = self.load(upstreams, pace, requests).await;
        outcome.with_context(|| format!("the row {}", self.row.key))
    }

    async fn load(&mut self, upstreams: &Upstreams, pace: Pace, requests: u64) -> Result<Outcome> {
        upstreams.begin(self.row.mirror_time);
        let before = cpu::spent(self.envoy.pid())?;
        let load = Load::new(self.envoy.address()).connections(CONNECTIONS);
        let load = traffic::requests(load);
        let report = match pace {
            Pace::Closed => load.run(requests).await?,
            Pace::Open(rate) => load.run_at(rate, requests).await?,
        };
        let copies = if self.row.mirrored { requests } else { 0 };
        let mirrored = async || Ok(upstreams.mirrored() >= copies);
        wait::until(PATIENCE, "the mirror to receive all requests", mirrored).await?;
        let spent = cpu::rest(self.envoy.pid()).await?.saturating_sub(before);

        ensure!(
            report.failed() == 0 && report.answers() == requests,
            "{requests} requests, {} failed: {:?}; {:?}",
            report.failed(),
            report.first_failure,
            report.statuses
        );
        let [v1, v2] = upstreams.received();
        let arrived = [v1 + v2, upstreams.mirrored()];
        ensure!(
            arrived == [requests, copies],
            "service and mirror received {arrived:?} instead of {:?}",
            [requests, copies]
        );
        let [all_v1, all_v2] = self.received;
        self.received = [all_v1 + v1, all_v2 + v2];
        Ok(Outcome { spent, report })
    }

    /// Its resident and its private memory, in bytes.
    pub fn memory(&self) -> Result<[u64; 2]> {
        Ok([self.envoy.memory()?.resident, self.envoy.private_memory()?])
    }

    /// Checks it, and stops its Envoy.
    pub async fn end(self) -> Result<()> {
        self.check().await?;
        self.envoy.stop().await
    }

    /// Checks that Envoy is healthy, that the right versions answered, and that each counter of the row has counted every
    /// request.
    pub async fn check(&self) -> Result<()> {
        let what = || format!("the row {}", self.row.key);
        self.envoy.check_health().await.with_context(what)?;
        self.row.answers.check(self.received).with_context(what)?;
        let sent = self.received.iter().sum::<u64>() as f64;
        for counter in &self.row.counters {
            let counted = async || Ok(self.count(counter).await? == sent);
            if let Err(error) = wait::until(PATIENCE, "all requests to be counted", counted).await {
                let (name, labels) = counter;
                let [count, all] = [self.count(counter).await?, self.count(&(name, &[])).await?];
                return Err(error)
                    .with_context(|| format!("{name} {labels:?} is {count} of {all}, not {sent}"))
                    .with_context(what);
            }
        }
        Ok(())
    }

    async fn count(&self, (name, labels): &Counter) -> Result<f64> {
        Ok(self.envoy.metrics().await?.sum(name, labels))
    }
}

/// Starts Envoy, and checks that the filter runs: a filter that is missing, or that rejected its configuration, does nothing
/// and costs little.
async fn start(row: &Row, proxy: Proxy) -> Result<Envoy> {
    let envoy = Envoy::start(proxy).await?;
    let refused = envoy.metrics().await?.sum("halftone_config_rejected", &[]);
    ensure!(
        refused == 0.0,
        "Halftone rejected its configuration; Envoy's log:\n{}",
        envoy.log()?
    );
    if row.has_plugin() {
        let runs = envoy.stat("wasm.envoy.wasm.runtime.v8.active").await?;
        ensure!(runs > 0, "no VM runs; Envoy's log:\n{}", envoy.log()?);
    }
    Ok(envoy)
}
