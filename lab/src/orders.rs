//! An order service with a database, in a process of its own: `orders/service.py`, with Python's SQLite.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::supervisor::Supervised;
use crate::{ports, tools, wait};

/// The longest time that the service takes to start, possibly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of attempts to start it. An attempt fails if another process binds the port first.
const STARTS: usize = 5;

/// An order service. Dropping it kills the process and removes the database.
#[derive(Debug)]
pub struct Orders {
    directory: TempDir,
    largest: u32,
    port: u16,
    process: Option<Supervised>,
}

impl Orders {
    /// Starts a service with an empty database, which refuses quantities over `largest`: the service answers 500 then.
    ///
    /// # Errors
    ///
    /// If there is no `python3` with SQLite, or no port is free.
    pub async fn start(largest: u32) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("halftone-lab-orders-")?;
        let mut orders = Self {
            directory,
            largest,
            port: 0,
            process: None,
        };
        for _ in 1..STARTS {
            orders.port = ports::free()?;
            if orders.restart().await.is_ok() {
                return Ok(orders);
            }
        }
        orders.port = ports::free()?;
        orders.restart().await?;
        Ok(orders)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Kills the process. The database stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the process again, with the same port and database.
    ///
    /// # Errors
    ///
    /// If the process ends at once: for example, because another process has the port.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let arguments = [
            service(),
            self.database(),
            "serve".into(),
            self.port.to_string().into(),
            self.largest.to_string().into(),
        ];
        let log = self.directory.path().join("service.log");
        let mut process = Supervised::start("python3".as_ref(), &arguments, &log)?;
        wait::until(PATIENCE, "the order service to listen", async || {
            let log = fs::read_to_string(&log)?;
            if let Some(status) = process.ended()? {
                bail!("the order service ended, {status}:\n{log}");
            }
            Ok(log.contains("listening"))
        })
        .await?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops the process where it is. It keeps its connections, and the kernel accepts more.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// Lets a process go on that [`Orders::pause`] has stopped.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the process is killed")?;
        let pid = process.pid().to_string();
        let kill = [
            "-c",
            r#"kill -s "$1" "$2""#,
            "halftone-lab",
            name,
            pid.as_str(),
        ];
        let status = Command::new("/bin/sh").args(kill).status()?;
        ensure!(status.success(), "signal {name} to process {pid}: {status}");
        Ok(())
    }

    /// The rows of a table, sorted by id: `orders` has `[id, item, note, quantity]`, `mails` and `payments` have `[id]`.
    /// They are read from the file of the database, not asked of the service.
    ///
    /// # Errors
    ///
    /// If there is no such table.
    pub fn rows(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let arguments = [service(), self.database(), "print".into()];
        let output = Command::new("python3").args(arguments).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "reading the database: {errors}");
        let tables: Value = serde_json::from_slice(&output.stdout)?;
        let rows = tables.get(table).and_then(Value::as_array).cloned();
        rows.with_context(|| format!("the database has no table {table}"))
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("orders.sqlite")
    }
}

fn service() -> PathBuf {
    tools::workspace().join("lab/src/orders/service.py")
}
