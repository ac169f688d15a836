//! An Envoy that runs a configuration which the lab did not write.

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

/// An Envoy that runs a given configuration, whose first listener must have the name `http`. Dropping it kills the
/// process.
#[derive(Debug)]
pub struct Written {
    process: Supervised,
    address: SocketAddr,
    admin: Admin,
    directory: Directory,
}

impl Written {
    /// Starts Envoy with `config`, in YAML. Returns when Envoy is live and listening.
    ///
    /// # Errors
    ///
    /// If Envoy is not installed, rejects the configuration (the error has the end of its log), or is not listening
    /// after 30 s.
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

    /// The address of its HTTP listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All its metrics, in the form that Prometheus gets.
    ///
    /// # Errors
    ///
    /// If the admin interface does not answer.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::parse(&self.admin.get("/stats/prometheus").await?)
    }

    /// Its log so far.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        directory::read(&self.directory.log())
    }

    /// Asks Envoy to exit and waits until it ends.
    ///
    /// # Errors
    ///
    /// If it ended before, or does not end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!("Envoy ended before it was asked to, {status}");
        }
        self.admin.post("/quitquitquit").await?;
        let status = self.process.end(PATIENCE).await?;
        ensure!(status.success(), "Envoy ended, {status}");
        Ok(())
    }
}

/// Validates `config`, in YAML, with Envoy and the plugins in it. Returns the output of Envoy.
///
/// # Errors
///
/// If Envoy is not installed, or rejects the configuration. The error has the output of Envoy.
pub fn validate(config: &str) -> anyhow::Result<String> {
    let directory = Directory::new()?;
    let file = directory.path().join("envoy.yaml");
    write(&file, config)?;
    let output = Command::new(tools::envoy()?)
        .args(["--mode", "validate", "--config-path"])
        .arg(&file)
        .output()
        .context("starting Envoy")?;
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    ensure!(
        output.status.success(),
        "Envoy rejects the configuration:\n{printed}"
    );
    Ok(printed)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}
