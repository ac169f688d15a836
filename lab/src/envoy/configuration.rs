//! New configurations for a running Envoy, by the files that it watches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use tokio::sync::Mutex;

use super::PATIENCE;
use super::admin::Admin;
use crate::bootstrap::{extension, subscription};
use crate::proxy::{Delivery, Plugin, Proxy};
use crate::wait;

const NO_PLUGIN: &str = "no plugin of that name gets its configuration by ECDS";

/// What became of a new configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All workers run it.
    Accepted,
    /// The plugin refused it; what ran before runs on.
    Rejected,
}

/// The plugins' configurations, as files.
#[derive(Debug)]
pub(super) struct Configuration {
    directory: PathBuf,
    module: PathBuf,
    /// As published last; empty with static delivery. The lock keeps updates one after the other, so that counters tell
    /// them apart.
    plugins: Mutex<BTreeMap<String, Published>>,
}

#[derive(Debug)]
struct Published {
    plugin: Plugin,
    /// Not known of the first configuration.
    applied: Option<Applied>,
}

impl Configuration {
    /// Writes the first ones below `directory`.
    pub(super) fn write(proxy: &Proxy, module: &Path, directory: &Path) -> anyhow::Result<Self> {
        let mut configuration = Self {
            directory: directory.join("plugins"),
            module: module.to_owned(),
            plugins: Mutex::default(),
        };
        if proxy.delivery == Delivery::Ecds {
            for plugin in &proxy.plugins {
                configuration.publish(plugin)?;
                let published = Published {
                    plugin: plugin.clone(),
                    applied: None,
                };
                configuration
                    .plugins
                    .get_mut()
                    .insert(plugin.name.clone(), published);
            }
        }
        Ok(configuration)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a configuration and waits for nothing. Returns when Envoy could read it.
    pub(super) async fn put(&self, name: &str, config: &str) -> anyhow::Result<Instant> {
        let mut plugins = self.plugins.lock().await;
        let published = plugins.get_mut(name).context(NO_PLUGIN)?;
        published.plugin.config = Some(config.to_owned());
        published.applied = None;
        self.publish(&published.plugin)
    }

    pub(super) async fn apply(
        &self,
        admin: &Admin,
        name: &str,
        config: Option<&str>,
    ) -> anyhow::Result<Applied> {
        let mut plugins = self.plugins.lock().await;
        let Some(published) = plugins.get_mut(name) else {
            bail!(NO_PLUGIN);
        };
        let before = Progress::of(admin, name).await?;
        if published.plugin.config.as_deref() == config {
            // Envoy does not look again at what it has seen last, and even counts a refused one as a success then.
            return Ok(published.applied.unwrap_or(before.first()));
        }
        published.plugin.config = config.map(str::to_owned);
        self.publish(&published.plugin)?;
        let applied = wait::some(PATIENCE, "Envoy to accept or reject", async || {
            Ok(Progress::of(admin, name).await?.since(before))
        })
        .await?;
        published.applied = Some(applied);
        Ok(applied)
    }

    /// Writes beside and renames, so that Envoy never reads half a file. Returns when it was renamed.
    fn publish(&self, plugin: &Plugin) -> anyhow::Result<Instant> {
        let file = subscription(&self.directory, &plugin.name);
        let beside = file.with_extension("new");
        let parent = file.parent().context("a plugin's file has no directory")?;
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        let written = fs::write(&beside, extension(plugin, &self.module).to_string());
        let now = Instant::now();
        written
            .and_then(|()| fs::rename(&beside, &file))
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(now)
    }
}

/// How far Envoy is with the configurations of one plugin.
#[derive(Clone, Copy, Debug)]
struct Progress {
    accepted: u64,
    rejected: u64,
    /// Counts both, but not before all workers are done with it.
    done: u64,
}

impl Progress {
    async fn of(admin: &Admin, plugin: &str) -> anyhow::Result<Self> {
        let stats = admin.stats().await?;
        let count = |what: &str| {
            let name = format!("extension_config_discovery.http_filter.{plugin}.{what}");
            stats
                .get(&name)
                .copied()
                .with_context(|| format!("Envoy has no statistic {name}"))
        };
        Ok(Self {
            accepted: count("update_success")?,
            rejected: count("update_rejected")?,
            done: count("config_reload")?,
        })
    }

    /// What became of the first configuration, while there was no other.
    fn first(self) -> Applied {
        if self.rejected > 0 {
            Applied::Rejected
        } else {
            Applied::Accepted
        }
    }

    /// What became of the configuration published after `before`; `None` while Envoy is at it.
    fn since(self, before: Self) -> Option<Applied> {
        if self.done == before.done {
            None
        } else if self.rejected > before.rejected {
            Some(Applied::Rejected)
        } else {
            (self.accepted > before.accepted).then_some(Applied::Accepted)
        }
    }
}
