//! An open loop of requests: each is sent when it is due, whether or not earlier ones are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use super::ticks::ticks;
use super::{Load, Report};
use crate::client::{Answer, Client};

impl Load {
    /// Sends `requests` requests at a fixed `rate`, in requests per second, and waits for all answers.
    ///
    /// The latency of a request counts from the time when it is due. So if an upstream stalls, the latency of each
    /// request that is due meanwhile shows it; a closed loop sends none meanwhile. If no connection is free, one more
    /// is opened.
    ///
    /// # Errors
    ///
    /// If the rate is not a positive number, or the load itself fails. The report counts the requests that fail.
    pub async fn run_at(self, rate: f64, requests: u64) -> anyhow::Result<Report> {
        ensure!(
            rate.is_finite() && rate > 0.0,
            "the rate is {rate}; it must be above 0"
        );
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
