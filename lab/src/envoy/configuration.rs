//! Updates plugin configurations of a running Envoy through the files that it watches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::sync::Mutex;

use super::PATIENCE;
use super::admin::Admin;
use crate::bootstrap::{extension, resource, subscription};
use crate::proxy::{Delivery, Plugin, Proxy};
use crate::wait;

const NO_PLUGIN: &str = "no plugin of this name gets its configuration by ECDS";

/// The result of a configuration update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All workers run it.
    Accepted,
    /// The plugin rejected it. The configuration before it stays active.
    Rejected,
}

/// The configurations of the plugins, as files.
#[derive(Debug)]
pub(super) struct Configuration {
    directory: PathBuf,
    module: PathBuf,
    /// The configurations published last. Empty with static delivery. The lock serialises updates, so the counters
    /// distinguish them.
    plugins: Mutex<BTreeMap<String, Published>>,
}

#[derive(Debug)]
struct Published {
    plugin: Plugin,
    /// `None` for the first configuration.
    applied: Option<Applied>,
}

impl Configuration {
    /// Writes the first configurations below `directory`.
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

    /// Writes a configuration. Returns as soon as Envoy can read it.
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
        let resource = published.plugin.resource.clone();
        let before = Progress::of(admin, &resource).await?;
        if published.plugin.config.as_deref() == config {
            // Envoy ignores a configuration equal to the last one, and then counts even a rejected one as a success.
            return Ok(published.applied.unwrap_or(before.first()));
        }
        published.plugin.config = config.map(str::to_owned);
        self.publish(&published.plugin)?;
        let applied = wait::some(PATIENCE, "Envoy to accept or reject", async || {
            Ok(Progress::of(admin, &resource).await?.since(before))
        })
        .await?;
        published.applied = Some(applied);
        Ok(applied)
    }

    /// Puts `filter` in place of the plugin, or the plugin back with its last configuration.
    pub(super) async fn replace(
        &self,
        admin: &Admin,
        name: &str,
        filter: Option<&Value>,
    ) -> anyhow::Result<Applied> {
        let plugins = self.plugins.lock().await;
        let Published { plugin, .. } = plugins.get(name).context(NO_PLUGIN)?;
        let before = Progress::of(admin, &plugin.resource).await?;
        self.write_file(
            plugin,
            &match filter {
                Some(filter) => resource(plugin, filter.clone()),
                None => extension(plugin, &self.module),
            },
        )?;
        wait::some(PATIENCE, "Envoy to accept or reject", async || {
            Ok(Progress::of(admin, &plugin.resource).await?.since(before))
        })
        .await
    }

    fn publish(&self, plugin: &Plugin) -> anyhow::Result<Instant> {
        self.write_file(plugin, &extension(plugin, &self.module))
    }

    /// Writes a temporary file and renames it, so that Envoy never reads half a file. Returns the time of the rename.
    fn write_file(&self, plugin: &Plugin, contents: &Value) -> anyhow::Result<Instant> {
        let file = subscription(&self.directory, &plugin.name);
        let beside = file.with_extension("new");
        let parent = file
            .parent()
            .context("the file of a plugin has no directory")?;
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        let written = fs::write(&beside, contents.to_string());
        let now = Instant::now();
        written
            .and_then(|()| fs::rename(&beside, &file))
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(now)
    }
}

/// The number of configurations of one plugin that Envoy applied and rejected.
#[derive(Clone, Copy, Debug)]
struct Progress {
    accepted: u64,
    rejected: u64,
    /// The number of accepted and rejected configurations that all workers are done with.
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

    /// The result of the first configuration, before any update.
    fn first(self) -> Applied {
        if self.rejected > 0 {
            Applied::Rejected
        } else {
            Applied::Accepted
        }
    }

    /// The result of the configuration published after `before`, or `None` while Envoy applies it.
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
