//! Envoy's admin interface.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use hyper::body::Bytes;
use hyper::http::Method;
use serde_json::Value;

use crate::bootstrap::LISTENER;
use crate::client::Client;

#[derive(Debug)]
pub(super) struct Admin {
    address: SocketAddr,
    client: Client,
}

impl Admin {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            client: Client::http1(address),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.client.get("admin", path, &[]).await?;
        ensure!(
            answer.status == 200,
            "Envoy's admin interface answered {path} with {}",
            answer.status
        );
        Ok(answer.text())
    }

    pub(super) async fn post(&self, path: &str) -> anyhow::Result<()> {
        let answer = self
            .client
            .request(Method::POST, "admin", path, &[], Bytes::new())
            .await?;
        ensure!(
            answer.status == 200,
            "Envoy's admin interface answered {path} with {}",
            answer.status
        );
        Ok(())
    }

    /// Whether Envoy has finished its initialization.
    pub(super) async fn live(&self) -> anyhow::Result<bool> {
        Ok(self.client.get("admin", "/ready", &[]).await?.status == 200)
    }

    /// The address of the HTTP listener, once it is active.
    pub(super) async fn listener(&self) -> anyhow::Result<Option<SocketAddr>> {
        let listeners: Value = serde_json::from_str(&self.get("/listeners?format=json").await?)
            .context("reading /listeners")?;
        let all = listeners.get("listener_statuses").and_then(Value::as_array);
        let ours = all
            .into_iter()
            .flatten()
            .find(|listener| listener.get("name").is_some_and(|name| name == LISTENER));
        let Some(address) =
            ours.and_then(|listener| listener.pointer("/local_address/socket_address"))
        else {
            return Ok(None);
        };
        let ip = address
            .get("address")
            .and_then(Value::as_str)
            .context("a listener without an address")?;
        let port = address
            .get("port_value")
            .and_then(Value::as_u64)
            .context("a listener without a port")?;
        Ok(Some(SocketAddr::new(ip.parse()?, port.try_into()?)))
    }

    /// All counters and gauges by name, without text values and histograms.
    pub(super) async fn stats(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let text = self.get("/stats").await?;
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        Ok(lines
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect())
    }
}
