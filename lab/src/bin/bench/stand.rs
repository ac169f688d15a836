//! What one row runs on: a service, a mirror, and an Envoy before them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::Envoy;
use halftone_lab::load::Load;
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::upstream::Upstream;
use halftone_lab::wait;

use crate::cpu;
use crate::rows::{Counter, MIRROR, NOW, Row, SERVICE};
use crate::traffic;

/// How long what follows a load may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections the requests come over, each sending the next one when it has its answer.
const CONNECTIONS: usize = 8;

/// What came of requests to one row.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Microseconds of CPU time that Envoy spent on a request.
    pub cpu: f64,
    /// Requests per second.
    pub rate: f64,
    /// The latency that half of the requests kept within, in microseconds.
    pub p50: f64,
    /// The latency that 99 of 100 requests kept within, in microseconds.
    pub p99: f64,
}

impl Sample {
    /// Of samples that came of as many requests each.
    pub fn mean(samples: &[Self]) -> Self {
        let of =
            |field: fn(&Self) -> f64| samples.iter().map(field).sum::<f64>() / samples.len() as f64;
        Self {
            cpu: of(|sample| sample.cpu),
            rate: of(|sample| sample.rate),
            p50: of(|sample| sample.p50),
            p99: of(|sample| sample.p99),
        }
    }
}

/// A row that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Stand {
    /// What runs here.
    pub row: Row,
    envoy: Envoy,
    service: Upstream,
    mirror: Upstream,
    /// How many requests it has been sent.
    sent: u64,
}

impl Stand {
    /// Starts all of it. The upstreams belong to this row alone.
    pub async fn start(row: Row) -> Result<Self> {
        let service = upstream(SERVICE, NOW).await?;
        let mirror = upstream(MIRROR, row.mirror_time).await?;
        let clusters = Proxy::new()
            .cluster(Cluster::new(SERVICE, service.address()))
            .cluster(Cluster::new(MIRROR, mirror.address()));
        let what = format!("the row {}", row.key);
        let envoy = start(row.proxy(clusters)).await.context(what)?;
        Ok(Self {
            row,
            envoy,
            service,
            mirror,
            sent: 0,
        })
    }

    /// Sends `requests`, and waits until all that follows from them is done.
    pub async fn measure(&mut self, requests: u64) -> Result<Sample> {
        self.load(requests)
            .await
            .with_context(|| format!("the row {}", self.row.key))
    }

    async fn load(&mut self, requests: u64) -> Result<Sample> {
        self.service.forget();
        self.mirror.forget();
        let before = cpu::spent(self.envoy.pid())?;
        let load = Load::new(self.envoy.address()).connections(CONNECTIONS);
        let report = traffic::requests(load).run(requests).await?;
        let spent = self.rest(requests).await?.saturating_sub(before);
        self.sent += requests;

        ensure!(
            report.failed() == 0 && report.answers() == requests,
            "{requests} requests, {} failed: {:?}; {:?}",
            report.failed(),
            report.first_failure,
            report.statuses
        );
        let arrived = [self.service.received(), self.mirror.received()];
        let expected = [requests, if self.row.mirrored { requests } else { 0 }];
        ensure!(
            arrived == expected,
            "service and mirror received {arrived:?} instead of {expected:?}"
        );
        let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
        Ok(Sample {
            cpu: microseconds(spent) / requests as f64,
            rate: report.rate(),
            p50: microseconds(report.latency(50)),
            p99: microseconds(report.latency(99)),
        })
    }

    /// Waits until the mirror has all its requests and Envoy, which has answers to take in after that, rests. Returns the CPU
    /// time that Envoy has spent until then.
    async fn rest(&self, requests: u64) -> Result<Duration> {
        if self.row.mirrored {
            let mirrored = async || Ok(self.mirror.received() >= requests);
            wait::until(PATIENCE, "the mirror to receive all requests", mirrored).await?;
        }
        let mut last = Duration::ZERO;
        wait::some(PATIENCE, "Envoy to rest", async || {
            let spent = cpu::spent(self.envoy.pid())?;
            let rests = spent == last;
            last = spent;
            Ok(rests.then_some(spent))
        })
        .await
    }

    /// Ends it, unless something has gone wrong underneath.
    pub async fn end(self) -> Result<()> {
        self.check().await?;
        self.envoy.stop().await
    }

    /// Checks that nothing has gone wrong, and that every counter of the row has counted every request.
    pub async fn check(&self) -> Result<()> {
        let what = || format!("the row {}", self.row.key);
        self.envoy.check_health().await.with_context(what)?;
        for counter in &self.row.counters {
            let counted = async || Ok(self.count(counter).await? == self.sent as f64);
            if let Err(error) = wait::until(PATIENCE, "all to be counted", counted).await {
                let (name, labels) = counter;
                let [count, all] = [self.count(counter).await?, self.count(&(name, &[])).await?];
                return Err(error)
                    .with_context(|| {
                        format!("{name} {labels:?} is {count} of {all}, not {}", self.sent)
                    })
                    .with_context(what);
            }
        }
        Ok(())
    }

    async fn count(&self, (name, labels): &Counter) -> Result<f64> {
        Ok(self.envoy.metrics().await?.sum(name, labels))
    }
}

/// Starts Envoy, whose filter must like its configuration: with one that it refuses it does nothing, and costs little.
async fn start(proxy: Proxy) -> Result<Envoy> {
    let envoy = Envoy::start(proxy).await?;
    let refused = envoy.metrics().await?.sum("halftone_config_rejected", &[]);
    ensure!(
        refused == 0.0,
        "Halftone refused its configuration; Envoy's log:\n{}",
        envoy.log()?
    );
    Ok(envoy)
}

async fn upstream(name: &str, timestamp: &str) -> Result<Upstream> {
    let upstream = Upstream::start(name).await?;
    upstream.remember(false);
    upstream.script(traffic::answer(timestamp));
    Ok(upstream)
}
