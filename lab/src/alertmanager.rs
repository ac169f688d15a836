//! A running Alertmanager that sends the alerts of the lab's Prometheus to a webhook.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::supervisor::Supervised;
use crate::{ports, tools, wait};

/// The longest time that it takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An Alertmanager process. Dropping it kills the process and removes its data.
#[derive(Debug)]
pub struct Alertmanager {
    _process: Supervised,
    address: SocketAddr,
    /// After the process, so that it is dropped after it.
    _directory: TempDir,
}

impl Alertmanager {
    /// Starts it. It sends each alert to `webhook` at once, with this bearer token.
    ///
    /// # Errors
    ///
    /// If Alertmanager is not installed, rejects its settings (the error has its log), or is not ready after 30 s.
    pub async fn start(webhook: &str, token: &str) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("halftone-lab-alertmanager-")
            .context("making a directory for Alertmanager")?;
        let path = |name: &str| directory.path().join(name);
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let settings = json!({
            "route": {"receiver": "webhook", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1s"},
            "receivers": [{"name": "webhook", "webhook_configs": [{
                "url": webhook,
                "http_config": {"authorization": {"type": "Bearer", "credentials": token}},
            }]}],
        });
        let file = path("alertmanager.yml");
        // JSON is valid YAML.
        fs::write(&file, settings.to_string())
            .with_context(|| format!("writing {}", file.display()))?;
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.path={}", path("data").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ];
        let log = path("alertmanager.log");
        let mut process = Supervised::start(&tools::alertmanager()?, &arguments, &log)?;
        let client = Client::http1(address);
        let ready = wait::until(PATIENCE, "Alertmanager to be ready", async || {
            if let Some(status) = process.ended()? {
                bail!("Alertmanager ended, {status}");
            }
            // An error means that it does not listen yet.
            let answer = client.get("localhost", "/-/ready", &[]).await;
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        });
        let ready = ready.await;
        ready.with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_else(|error| error.to_string());
            format!("starting Alertmanager; its log:\n{log}")
        })?;
        Ok(Self {
            _process: process,
            address,
            _directory: directory,
        })
    }

    /// The address to which Prometheus sends alerts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
