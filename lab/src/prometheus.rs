//! A running Prometheus that scrapes the lab's Envoys.

mod answer;
mod settings;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::supervisor::Supervised;
use crate::{ports, tools, wait};

pub use answer::{Alert, Sample};
pub use settings::{Scrape, Settings};

/// The longest time that it takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of attempts to start it. An attempt fails if another process binds the port first.
const STARTS: usize = 5;

/// A Prometheus process. Dropping it kills the process and removes its data.
#[derive(Debug)]
pub struct Prometheus {
    process: Supervised,
    address: SocketAddr,
    api: Client,
    /// After `process`, so that it is dropped after it.
    _directory: TempDir,
}

impl Prometheus {
    /// Starts Prometheus. Returns when it answers queries, possibly before its first scrape.
    ///
    /// # Errors
    ///
    /// If Prometheus is not installed, rejects its settings (the error has its log), or is not ready after 30 s.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let mut starts = 1;
        loop {
            match Self::start_once(settings).await {
                Err(error) if starts < STARTS && in_use(&error) => starts += 1,
                started => return started,
            }
        }
    }

    async fn start_once(settings: &Settings) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("halftone-lab-prometheus-")
            .context("making a directory for Prometheus")?;
        let path = |name: &str| directory.path().join(name);
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let file = path("prometheus.yml");
        fs::write(&file, settings.written(directory.path())?)
            .with_context(|| format!("writing {}", file.display()))?;
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", path("data").display()),
            format!("--web.listen-address={address}"),
        ];
        let log = path("prometheus.log");
        let process = Supervised::start(&tools::prometheus()?, &arguments, &log)?;
        let mut prometheus = Self {
            process,
            address,
            api: Client::http1(address),
            _directory: directory,
        };
        let ready = prometheus.ready().await;
        ready.with_context(|| format!("starting Prometheus; its log:\n{}", read(&log)))?;
        Ok(prometheus)
    }

    /// The address at which it answers queries.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let (process, api) = (&mut self.process, &self.api);
        wait::until(PATIENCE, "Prometheus to be ready", async || {
            if let Some(status) = process.ended()? {
                bail!("Prometheus ended, {status}");
            }
            // Prometheus does not listen yet.
            let answer = api.get("prometheus", "/-/ready", &[]).await;
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        })
        .await
    }

    /// The samples that the expression `promql` yields now, with labels. An empty result is not an error.
    ///
    /// # Errors
    ///
    /// If Prometheus rejects the expression, or the result is not an instant vector.
    pub async fn query(&self, promql: &str) -> anyhow::Result<Vec<Sample>> {
        self.instant(promql, "").await
    }

    /// The samples that it yields at `time`. A time in the future gives the result as if no scrape happened after now.
    ///
    /// # Errors
    ///
    /// Those of [`Prometheus::query`].
    pub async fn query_at(&self, promql: &str, time: SystemTime) -> anyhow::Result<Vec<Sample>> {
        let seconds = time.duration_since(UNIX_EPOCH)?.as_secs_f64();
        self.instant(promql, &format!("&time={seconds}")).await
    }

    async fn instant(&self, promql: &str, time: &str) -> anyhow::Result<Vec<Sample>> {
        let path = format!("/api/v1/query?query={}{time}", encoded(promql));
        let data = self.get(&path).await;
        data.and_then(|data| answer::samples(&data))
            .with_context(|| format!("querying {promql}"))
    }

    /// The values of `label` in the series that `selector` selects, sorted.
    ///
    /// # Errors
    ///
    /// If Prometheus rejects the selector.
    pub async fn label_values(&self, selector: &str, label: &str) -> anyhow::Result<Vec<String>> {
        let path = format!("/api/v1/label/{label}/values?match[]={}", encoded(selector));
        let data = self.get(&path).await?;
        serde_json::from_value(data).with_context(|| format!("values of {label} in {selector}"))
    }

    /// The alerts whose conditions are met, with those that are pending.
    ///
    /// # Errors
    ///
    /// If a rule could not be evaluated, or is not evaluated yet.
    pub async fn alerts(&self) -> anyhow::Result<Vec<Alert>> {
        answer::alerts(&self.get("/api/v1/rules").await?)
    }

    /// The field `data` of an answer of its API.
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.api.get("prometheus", path, &[]).await?;
        let text = answer.text();
        ensure!(
            answer.status == 200,
            "Prometheus answered {path} with {}: {text}",
            answer.status
        );
        let mut body: Value = serde_json::from_str(&text)?;
        let data = body.get_mut("data").map(Value::take);
        data.with_context(|| format!("Prometheus answered {path} without data: {text}"))
    }
}

fn in_use(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// The contents of a log, or the error of reading it.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| error.to_string())
}
