//! A running Envoy.

mod admin;
mod configuration;
mod directory;
mod health;
mod listeners;
mod memory;
mod metrics;
mod written;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::proxy::Proxy;
use crate::supervisor::Supervised;
use crate::{bootstrap, ports, tools, wait};
use admin::Admin;
use configuration::Configuration;
use directory::Directory;
use listeners::Listeners;

pub use configuration::Applied;
pub use memory::Memory;
pub use metrics::Metrics;
pub use written::{Written, validate};

/// The longest time that Envoy takes to start or to end. It compiles a wasm module, possibly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of attempts to start it. An attempt fails if another process binds the port first.
const STARTS: usize = 5;

/// Envoy's message if another process has the port of its admin interface. It exits then.
const IN_USE: &str = "Address already in use";

/// Envoy's message if another process has the port of a listener.
const NO_LISTENER: &str = "cannot listen() errno=98";

/// An Envoy process. Dropping it kills the process, and prints the end of its log if a test is failing.
#[derive(Debug)]
pub struct Envoy {
    process: Supervised,
    /// What started it, if it can be restarted.
    restart: Option<Restart>,
    address: SocketAddr,
    admin: Admin,
    configuration: Configuration,
    listeners: Listeners,
    plugins: Vec<String>,
    directory: Directory,
}

/// The command line of an Envoy that can be restarted, without its epoch.
#[derive(Debug)]
struct Restart {
    program: PathBuf,
    arguments: Vec<OsString>,
    admin_file: PathBuf,
    epoch: u32,
    parents: Vec<Supervised>,
}

impl Envoy {
    /// Starts Envoy. Returns when it is live and listening. With [`Delivery::Ecds`](crate::proxy::Delivery::Ecds) it
    /// listens after the first configurations arrived, *whether or not* the plugins accepted them; see
    /// [`Envoy::check_health`].
    ///
    /// # Errors
    ///
    /// If Envoy or the filter's module is missing, if Envoy rejects its configuration (the error has the end of its
    /// log), or if it is not listening after 30 s.
    pub async fn start(proxy: Proxy) -> anyhow::Result<Self> {
        let ours = proxy.port.is_none() || proxy.admin_port.is_none();
        let mut starts = 1;
        loop {
            match Self::start_once(proxy.clone()).await {
                Err(error) if ours && starts < STARTS && in_use(&error) => starts += 1,
                started => return started,
            }
        }
    }

    async fn start_once(mut proxy: Proxy) -> anyhow::Result<Self> {
        for port in [&mut proxy.port, &mut proxy.admin_port] {
            if port.is_none() {
                *port = Some(ports::free()?);
            }
        }
        let binary = tools::envoy()?;
        let module = match (&proxy.module, proxy.plugins.is_empty()) {
            (Some(module), _) => module.clone(),
            (None, false) => tools::module()?,
            (None, true) => PathBuf::new(),
        };
        let directory = Directory::new()?;
        let configuration = Configuration::write(&proxy, &module, directory.path())?;
        let listeners = Listeners::write(&module, configuration.directory())?;
        let bootstrap = bootstrap::bootstrap(
            &proxy,
            &module,
            configuration.directory(),
            &directory.access_log(),
        )?;
        let bootstrap_file = directory.path().join("bootstrap.json");
        fs::write(&bootstrap_file, format!("{bootstrap:#}"))
            .with_context(|| format!("writing {}", bootstrap_file.display()))?;
        let admin_file = directory.path().join("admin-address");
        let mut arguments: Vec<OsString> = vec![
            "--config-path".into(),
            bootstrap_file.into_os_string(),
            "--admin-address-path".into(),
            admin_file.clone().into_os_string(),
            "--concurrency".into(),
            proxy.concurrency.to_string().into(),
            "--log-level".into(),
            "info".into(),
            "--file-flush-interval-msec".into(),
            "20".into(),
            // Envoy removes a closed listener after this time, in seconds, even if it has connections.
            "--drain-time-s".into(),
            "1".into(),
        ];
        if proxy.hot_restart {
            // Each Envoy of this machine that can be restarted needs its own number. The ports are.
            let number = proxy.port.unwrap_or_default();
            arguments.extend(["--base-id".into(), number.to_string().into()]);
            arguments.extend(["--parent-shutdown-time-s".into(), "3".into()]);
        } else {
            arguments.push("--disable-hot-restart".into());
        }
        let command = proxy
            .launcher
            .iter()
            .cloned()
            .chain([binary.into_os_string()]);
        let mut command = command.chain(arguments);
        let program = PathBuf::from(command.next().unwrap_or_default());
        let patience = match proxy.launcher.is_empty() {
            true => PATIENCE,
            false => PATIENCE * 10,
        };
        let command: Vec<_> = command.collect();
        let mut process = Supervised::start(&program, &command, &directory.log())?;
        let restart = proxy.hot_restart.then(|| Restart {
            program: program.clone(),
            arguments: command.clone(),
            admin_file: admin_file.clone(),
            epoch: 0,
            parents: Vec::new(),
        });
        let found = listening(&mut process, &admin_file, &directory.log(), patience).await;
        let (admin, address) = match found {
            Ok(addresses) => addresses,
            Err(error) => {
                return Err(error.context(format!(
                    "starting Envoy; its log ends:\n{}",
                    directory.log_tail()
                )));
            }
        };
        let plugins = proxy
            .plugins
            .into_iter()
            .map(|plugin| plugin.name)
            .collect();
        Ok(Self {
            process,
            restart,
            address,
            admin,
            configuration,
            listeners,
            plugins,
            directory,
        })
    }

    /// Starts another Envoy, which takes the listeners over. This one drains, and ends after three seconds. Returns when
    /// the other one is live. [`Envoy::log`] is its log then.
    ///
    /// # Errors
    ///
    /// If the proxy does not allow it, or if the other one is not listening after 30 s.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let restart = self.restart.as_mut();
        let restart = restart.context("Proxy::hot_restart was not called")?;
        let log = self.directory.log();
        fs::rename(&log, log.with_extension(restart.epoch.to_string()))?;
        fs::remove_file(&restart.admin_file)?;
        restart.epoch += 1;
        let epoch = ["--restart-epoch".into(), restart.epoch.to_string().into()];
        let arguments = [&restart.arguments[..], &epoch].concat();
        let mut process = Supervised::start(&restart.program, &arguments, &log)?;
        let found = listening(&mut process, &restart.admin_file, &log, PATIENCE).await;
        let (admin, _) = found.with_context(|| {
            let tail = self.directory.log_tail();
            format!("restarting Envoy; its log ends:\n{tail}")
        })?;
        self.admin = admin;
        let parent = std::mem::replace(&mut self.process, process);
        restart.parents.push(parent);
        Ok(())
    }

    /// Waits until the Envoy before the restart has ended.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub async fn parent_ended(&mut self) -> anyhow::Result<()> {
        for parent in self.restart.iter_mut().flat_map(|one| &mut one.parents) {
            parent.end(PATIENCE).await?;
        }
        Ok(())
    }

    /// The address for HTTP/1.1 and HTTP/2 without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its admin interface.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Updates the configuration of `plugin` (`None`: empty) while requests run. Returns when all workers have it, or
    /// when Envoy keeps the old one because the plugin rejected it.
    ///
    /// # Errors
    ///
    /// If there is no such plugin, if it is configured statically, or if Envoy has not decided after 30 s.
    pub async fn apply(&self, plugin: &str, config: Option<&str>) -> anyhow::Result<Applied> {
        self.configuration
            .apply(&self.admin, plugin, config)
            .await
            .with_context(|| format!("configuring {plugin}"))
    }

    /// Updates the configuration of `plugin` and returns as soon as Envoy can read it. Only the answers to requests
    /// show whether the plugin accepts it, and when each worker has it.
    ///
    /// # Errors
    ///
    /// If there is no such plugin, or it is configured statically.
    pub async fn put(&self, plugin: &str, config: &str) -> anyhow::Result<Instant> {
        self.configuration
            .put(plugin, config)
            .await
            .with_context(|| format!("configuring {plugin}"))
    }

    /// Puts a native HTTP filter, as Envoy's typed configuration in JSON, in place of `plugin`, as Istio does if it
    /// cannot fetch the module. `None` puts the plugin back. Returns when all workers have it.
    ///
    /// # Errors
    ///
    /// If there is no such plugin, if it is configured statically, or if Envoy has not decided after 30 s.
    pub async fn replace(&self, plugin: &str, filter: Option<&Value>) -> anyhow::Result<Applied> {
        self.configuration
            .replace(&self.admin, plugin, filter)
            .await
            .with_context(|| format!("replacing {plugin}"))
    }

    /// All its metrics, in the form that Prometheus gets. Histograms are up to 0.2 s late.
    ///
    /// # Errors
    ///
    /// If the admin interface does not answer.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::parse(&self.admin.get("/stats/prometheus").await?)
    }

    /// The metrics whose names on the page `/stats` match the regular expression `filter`. This is faster than
    /// [`Envoy::metrics`].
    ///
    /// # Errors
    ///
    /// If the admin interface does not answer.
    pub async fn metrics_like(&self, filter: &str) -> anyhow::Result<Metrics> {
        let page = format!("/stats/prometheus?filter={filter}");
        Metrics::parse(&self.admin.get(&page).await?)
    }

    /// A counter or gauge by its full name, as `/stats` prints it.
    ///
    /// # Errors
    ///
    /// If there is no such statistic. Envoy creates some at their first use.
    pub async fn stat(&self, name: &str) -> anyhow::Result<u64> {
        let found = self.admin.stats().await?.get(name).copied();
        found.with_context(|| format!("Envoy has no statistic {name}"))
    }

    /// The log of Envoy and its plugins so far.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.log())
    }

    /// The file of that log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.directory.log()
    }

    /// The discovery resource of `plugin`, a file.
    #[must_use]
    pub fn discovery(&self, plugin: &str) -> PathBuf {
        bootstrap::subscription(self.configuration.directory(), plugin)
    }

    /// The access log so far, one line per request, up to 20 ms late.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn access_log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.access_log())
    }

    /// Checks that no plugin crashed or was reloaded, that every plugin has a configuration, and that a request to
    /// [`HEALTH_HOST`](crate::proxy::HEALTH_HOST) gets 200.
    ///
    /// # Errors
    ///
    /// Names the check that failed.
    pub async fn check_health(&self) -> anyhow::Result<()> {
        health::check(self).await
    }

    /// Asks Envoy to exit and waits until it ends.
    ///
    /// # Errors
    ///
    /// If it ended before, does not end, or ends with an exit code other than 0.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!(
                "Envoy ended before it was asked to, {status}; its log ends:\n{}",
                self.directory.log_tail()
            );
        }
        self.admin.post("/quitquitquit").await?;
        let status = self.process.end(PATIENCE).await?;
        ensure!(
            status.success(),
            "Envoy ended, {status}; its log ends:\n{}",
            self.directory.log_tail()
        );
        Ok(())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "The log of the Envoy at {} ends:\n{}",
                self.address,
                self.directory.log_tail()
            );
        }
    }
}

fn in_use(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains(IN_USE)
}

/// Waits until Envoy serves, and returns its addresses.
async fn listening(
    process: &mut Supervised,
    admin_file: &Path,
    log: &Path,
    patience: Duration,
) -> anyhow::Result<(Admin, SocketAddr)> {
    let mut alive = || match process.ended()? {
        // If the listener fails, Envoy keeps running. Only its log shows it.
        None if directory::read(log)?.contains(NO_LISTENER) => {
            bail!("{IN_USE}: another process took the listener's port before Envoy")
        }
        None => Ok(()),
        Some(status) => bail!("Envoy ended, {status}"),
    };
    let admin = wait::some(patience, "Envoy's admin interface", async || {
        alive()?;
        Ok(fs::read_to_string(admin_file)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .map(Admin::new))
    })
    .await?;
    let address = wait::some(patience, "Envoy to listen", async || {
        alive()?;
        // While Envoy compiles a module under Valgrind, its admin interface may not answer for longer than the client
        // waits.
        Ok(match admin.live().await {
            Ok(true) => admin.listener().await?,
            Ok(false) | Err(_) => None,
        })
    })
    .await?;
    Ok((admin, address))
}
