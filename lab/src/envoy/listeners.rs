//! A second listener that is added and removed while Envoy runs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Envoy, PATIENCE};
use crate::bootstrap;
use crate::proxy::{Delivery, Proxy};
use crate::{ports, wait};

const NAME: &str = "second";

/// The file of the listeners beyond the first.
#[derive(Debug)]
pub(super) struct Listeners {
    module: PathBuf,
    subscriptions: PathBuf,
}

impl Listeners {
    /// Writes the file without a listener.
    pub(super) fn write(module: &Path, subscriptions: &Path) -> anyhow::Result<Self> {
        let listeners = Self {
            module: module.into(),
            subscriptions: subscriptions.into(),
        };
        listeners.publish(&[])?;
        Ok(listeners)
    }

    /// Writes a temporary file and renames it, so that Envoy never reads half a file.
    fn publish(&self, listeners: &[Value]) -> anyhow::Result<()> {
        let file = bootstrap::listeners(&self.subscriptions);
        let beside = file.with_extension("new");
        let parent = file
            .parent()
            .context("the file of the listeners has no directory")?;
        let text = json!({ "resources": listeners }).to_string();
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, &file))
            .with_context(|| format!("writing {}", file.display()))
    }
}

impl Envoy {
    /// Opens the second listener, with the plugins and routes of `proxy`. The clusters are those that Envoy started
    /// with. The listener contains the configurations of its plugins, so Envoy rejects it if a plugin rejects one.
    ///
    /// # Errors
    ///
    /// If Envoy rejects the listener, or has not decided after 30 s.
    pub async fn open_second(&self, proxy: Proxy) -> anyhow::Result<SocketAddr> {
        let port = ports::free()?;
        let proxy = Proxy {
            port: Some(port),
            ..proxy.delivery(Delivery::Static)
        };
        let listeners = &self.listeners;
        let mut listener = bootstrap::listener(
            NAME,
            &proxy,
            &listeners.module,
            &listeners.subscriptions,
            &self.directory.access_log(),
        );
        if let Some(fields) = listener.as_object_mut() {
            let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
            fields.insert("@type".into(), kind.into());
        }
        let refused = self.stat("listener_manager.lds.update_rejected").await?;
        listeners.publish(&[listener])?;
        wait::until(
            PATIENCE,
            "Envoy to open or reject the listener",
            async || {
                let rejected = self.stat("listener_manager.lds.update_rejected").await?;
                ensure!(rejected == refused, "Envoy rejected the listener");
                Ok(self.stat("listener_manager.total_listeners_active").await? == 2)
            },
        )
        .await?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Closes the second listener. Returns when Envoy has removed it.
    ///
    /// # Errors
    ///
    /// If Envoy has not closed it after 30 s.
    pub async fn close_second(&self) -> anyhow::Result<()> {
        self.listeners.publish(&[])?;
        wait::until(PATIENCE, "Envoy to close the listener", async || {
            let active = self.stat("listener_manager.total_listeners_active").await?;
            let draining = self
                .stat("listener_manager.total_listeners_draining")
                .await?;
            Ok(active == 1 && draining == 0)
        })
        .await
    }
}
