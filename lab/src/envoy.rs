//! A running Envoy.

mod admin;
mod configuration;
mod directory;
mod health;
mod listeners;
mod memory;
mod metrics;
mod written;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

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

/// How long Envoy may take to start or to end. A wasm module is compiled on the way, on a busy machine at that.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is started when another process was quicker to take the port that we had found free.
const STARTS: usize = 5;

/// What Envoy says of a port that somebody else has: of its admin interface's before it exits…
const IN_USE: &str = "Address already in use";

/// … and of a listener's.
const NO_LISTENER: &str = "cannot listen() errno=98";

/// An Envoy process. Dropping it kills the process, and shows the end of its log when a test is failing.
#[derive(Debug)]
pub struct Envoy {
    process: Supervised,
    address: SocketAddr,
    admin: Admin,
    configuration: Configuration,
    listeners: Listeners,
    plugins: Vec<String>,
    directory: Directory,
}

impl Envoy {
    /// Starts Envoy and returns once it is live and listening. With [`Delivery::Ecds`](crate::proxy::Delivery::Ecds) that is
    /// so when the first configurations have come, *whether or not* the plugins accepted them; see [`Envoy::check_health`].
    ///
    /// # Errors
    ///
    /// When Envoy or the filter's module is not there, when Envoy refuses its configuration (the error has the end of its
    /// log), or when it is not listening after 30 s.
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
        let arguments = [
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
            // A listener that is closed goes after this time, in seconds, even with connections on it.
            "--drain-time-s".into(),
            "1".into(),
            "--disable-hot-restart".into(),
        ];
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
            address,
            admin,
            configuration,
            listeners,
            plugins,
            directory,
        })
    }

    /// Where it takes HTTP/1.1 and HTTP/2 without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin interface is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Gives `plugin` a new configuration (`None`: an empty one) while requests run, and returns when all workers have it,
    /// or when Envoy keeps the old one since the plugin refused.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, when it is configured statically, or when Envoy has not decided after 30 s.
    pub async fn apply(&self, plugin: &str, config: Option<&str>) -> anyhow::Result<Applied> {
        self.configuration
            .apply(&self.admin, plugin, config)
            .await
            .with_context(|| format!("configuring {plugin}"))
    }

    /// Gives `plugin` a new configuration and returns at once: when Envoy could read it. Whether it is accepted, and when each
    /// worker has it, the answers to requests tell.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, or it is configured statically.
    pub async fn put(&self, plugin: &str, config: &str) -> anyhow::Result<Instant> {
        self.configuration
            .put(plugin, config)
            .await
            .with_context(|| format!("configuring {plugin}"))
    }

    /// All its metrics, as Prometheus sees them. Histograms are up to 0.2 s behind.
    ///
    /// # Errors
    ///
    /// When the admin interface does not answer.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::parse(&self.admin.get("/stats/prometheus").await?)
    }

    /// Those of its metrics in whose own names, as `/stats` prints them, the regular expression `filter` matches. That is
    /// quicker than all of them, for whoever looks often.
    ///
    /// # Errors
    ///
    /// When the admin interface does not answer.
    pub async fn metrics_like(&self, filter: &str) -> anyhow::Result<Metrics> {
        let page = format!("/stats/prometheus?filter={filter}");
        Metrics::parse(&self.admin.get(&page).await?)
    }

    /// A counter or gauge by its full name, as `/stats` prints it.
    ///
    /// # Errors
    ///
    /// When there is no such statistic; Envoy makes some at their first use.
    pub async fn stat(&self, name: &str) -> anyhow::Result<u64> {
        let found = self.admin.stats().await?.get(name).copied();
        found.with_context(|| format!("Envoy has no statistic {name}"))
    }

    /// All that Envoy and its plugins have logged so far.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.log())
    }

    /// The access log so far, one line a request, up to 20 ms behind.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn access_log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.access_log())
    }

    /// Checks that nothing has gone wrong underneath: no plugin has crashed or was reloaded, every plugin has a configuration,
    /// and a request to [`HEALTH_HOST`](crate::proxy::HEALTH_HOST) gets 200.
    ///
    /// # Errors
    ///
    /// Says what has gone wrong.
    pub async fn check_health(&self) -> anyhow::Result<()> {
        health::check(self).await
    }

    /// Asks Envoy to exit and waits until it has.
    ///
    /// # Errors
    ///
    /// When it was dead already, does not go, or goes with an exit code other than 0.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!(
                "Envoy had ended already, {status}; its log ends:\n{}",
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

/// Waits until Envoy serves, and finds out where.
async fn listening(
    process: &mut Supervised,
    admin_file: &Path,
    log: &Path,
    patience: Duration,
) -> anyhow::Result<(Admin, SocketAddr)> {
    let mut alive = || match process.ended()? {
        // An Envoy without its listener goes on, and tells its log alone.
        None if directory::read(log)?.contains(NO_LISTENER) => {
            bail!("{IN_USE}: the listener's port was taken before Envoy came to it")
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
        // While Envoy compiles a module under Valgrind, its admin interface may not answer for longer than the client waits.
        Ok(match admin.live().await {
            Ok(true) => admin.listener().await?,
            Ok(false) | Err(_) => None,
        })
    })
    .await?;
    Ok((admin, address))
}
