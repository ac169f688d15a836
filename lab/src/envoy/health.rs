//! Checks Envoy and its plugins for crashes.

use anyhow::{Context, bail, ensure};

use super::Envoy;
use crate::client::Client;
use crate::proxy::HEALTH_HOST;

pub(super) async fn check(envoy: &Envoy) -> anyhow::Result<()> {
    let log = envoy.log()?;
    if let Some(line) = log.lines().find(|line| tells_of_a_crash(line)) {
        bail!("a plugin has crashed: {line}");
    }

    let stats = envoy
        .admin
        .stats()
        .await
        .context("Envoy's admin interface does not answer")?;
    for plugin in &envoy.plugins {
        for what in [
            "vm_reload_success",
            "vm_reload_failure",
            "vm_reload_backoff",
        ] {
            let name = format!("wasm.{plugin}.{what}");
            let count = stats.get(&name).copied().unwrap_or_default();
            ensure!(
                count == 0,
                "Envoy reloaded the VM of a plugin: {name} is {count}"
            );
        }
    }

    let answer = Client::http1(envoy.address)
        .get(HEALTH_HOST, "/", &[])
        .await?;
    ensure!(
        answer.status == 200,
        "{HEALTH_HOST} answered {}",
        answer.status
    );
    Ok(())
}

/// Whether the line is Envoy's message for a trap or Rust's for a panic. If a plugin fails open, only the log shows it.
fn tells_of_a_crash(line: &str) -> bool {
    line.contains("panicked at") || line.contains("] Function: ") && line.contains(" failed: ")
}
