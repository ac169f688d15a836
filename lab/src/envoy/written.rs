//! An Envoy that runs a configuration as somebody else wrote it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::admin::Admin;
use super::directory::{self, Directory};
use super::{Metrics, PATIENCE, listening};
use crate::supervisor::Supervised;
use crate::tools;

/// An Envoy that runs a configuration which is not the lab's own. Its first listener is to be called `http`.
/// Dropping it kills the process.
#[derive(Debug)]
pub struct Written {
    process: Supervised,
    address: SocketAddr,
    admin: Admin,
    directory: Directory,
}

impl Written {
    /// Starts Envoy with `config`, which is YAML, and returns once it is live and listening.
    ///
    /// # Errors
    ///
    /// When Envoy is not there, refuses the configuration (the error has the end of its log), or is not listening after 30 s.
    pub async fn start(config: &str) -> anyhow::Result<Self> {
        let directory = Directory::new()?;
        let file = directory.path().join("envoy.yaml");
        write(&file, config)?;
        let admin_file = directory.path().join("admin-address");
        let arguments = [
            "--config-path".into(),
            file.into_os_string(),
            "--admin-address-path".into(),
            admin_file.clone().into_os_string(),
            "--concurrency".into(),
            "2".into(),
            "--disable-hot-restart".into(),
        ];
        let mut process = Supervised::start(&tools::envoy()?, &arguments, &directory.log())?;
        match listening(&mut process, &admin_file, &directory.log(), PATIENCE).await {
            Ok((admin, address)) => Ok(Self {
                process,
                address,
                admin,
                directory,
            }),
            Err(error) => {
                let log = directory.log_tail();
                Err(error.context(format!("starting Envoy; its log ends:\n{log}")))
            }
        }
    }

    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All its metrics, as Prometheus sees them.
    ///
    /// # Errors
    ///
    /// When the admin interface does not answer.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::parse(&self.admin.get("/stats/prometheus").await?)
    }

    /// All that it has logged so far.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.log())
    }

    /// Asks Envoy to exit and waits until it has.
    ///
    /// # Errors
    ///
    /// When it was dead already, or does not go.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!("Envoy had ended already, {status}");
        }
        self.admin.post("/quitquitquit").await?;
        let status = self.process.end(PATIENCE).await?;
        ensure!(status.success(), "Envoy ended, {status}");
        Ok(())
    }
}

/// Asks Envoy whether it would run `config`, which is YAML: plugins are asked too. What it says is returned.
///
/// # Errors
///
/// When Envoy is not there, or would not; the error has its words.
pub fn validate(config: &str) -> anyhow::Result<String> {
    let directory = Directory::new()?;
    let file = directory.path().join("envoy.yaml");
    write(&file, config)?;
    let output = Command::new(tools::envoy()?)
        .args(["--mode", "validate", "--config-path"])
        .arg(&file)
        .output()
        .context("starting Envoy")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(
        output.status.success(),
        "Envoy refuses the configuration:\n{said}"
    );
    Ok(said)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}
