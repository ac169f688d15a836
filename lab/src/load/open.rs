//! An open loop of requests: each is sent when it is due, whatever became of those before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use super::ticks::ticks;
use super::{Load, Report};
use crate::client::{Answer, Client};

impl Load {
    /// Sends `requests` requests at a fixed `rate`, in requests per second, and waits for all their answers.
    ///
    /// A request is due at its time whether or not earlier ones are answered, and its latency counts from that time: an
    /// upstream that stalls shows in the latency of each request that was due meanwhile, where a closed loop would have sent
    /// none. Where no connection is free, one more is opened.
    ///
    /// # Errors
    ///
    /// When the rate is no positive number, or the load itself breaks; requests that fail are counted in the report.
    pub async fn run_at(self, rate: f64, requests: u64) -> anyhow::Result<Report> {
        ensure!(rate.is_finite() && rate > 0.0, "a rate of {rate}");
        let client = Client::new(self.address, self.protocol);
        client.connect(self.connections).await?;
        let shared = Arc::new((client, self));
        let mut under_way = JoinSet::new();
        let mut report = Report::default();
        let start = Instant::now();
        let mut ticks = ticks(Duration::from_secs_f64(1.0 / rate), requests);
        while let Some(due) = ticks.recv().await {
            under_way.spawn(send(Arc::clone(&shared), due));
            while let Some(done) = under_way.try_join_next() {
                let (answer, latency) = done.context("a request of the load")?;
                report.count(answer, latency);
            }
        }
        while let Some(done) = under_way.join_next().await {
            let (answer, latency) = done.context("a request of the load")?;
            report.count(answer, latency);
        }
        report.finish(start.elapsed());
        Ok(report)
    }
}

async fn send(shared: Arc<(Client, Load)>, due: Instant) -> (anyhow::Result<Answer>, Duration) {
    let (client, load) = &*shared;
    let answer = load.get(client).await;
    (answer, due.elapsed())
}
