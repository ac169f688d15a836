//! The two processes: etcd, and the API server that stores in it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::supervisor::Supervised;
use crate::{ports, tools, wait};

/// How long each may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often both are started when another process takes a port that we had found free.
const STARTS: usize = 5;

/// Both processes, ready to serve.
#[derive(Debug)]
pub(super) struct Processes {
    address: SocketAddr,
    // Fields are dropped in this order: the client of etcd, etcd, its files.
    _server: Supervised,
    _etcd: Supervised,
    _directory: TempDir,
}

impl Processes {
    /// Starts both. `reviewer` is the server that knows the users. None: only the user with `token` may do anything.
    pub(super) async fn start(token: &str, reviewer: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut starts = 1;
        loop {
            match Self::start_once(token, reviewer).await {
                Err(error) if starts < STARTS && in_use(&error) => starts += 1,
                started => return started,
            }
        }
    }

    async fn start_once(token: &str, reviewer: Option<SocketAddr>) -> anyhow::Result<Self> {
        let (etcd_program, server_program) = (tools::etcd()?, tools::api_server()?);
        let directory = TempDir::with_prefix("halftone-lab-api-server-")
            .context("making a directory for the API server")?;

        let store = free()?;
        let etcd = Program::new("etcd", etcd_program, directory.path());
        let arguments = etcd_arguments(directory.path(), store);
        let etcd = etcd.start(&arguments, store, "/health").await?;

        let address = free()?;
        let server = Program::new("api-server", server_program, directory.path());
        let mut arguments = vec![
            format!("--http-address={address}"),
            format!("--admin-token={token}"),
            format!("--etcd-servers=http://{store}"),
            "--authentication-skip-lookup".to_owned(),
        ];
        if let Some(reviewer) = reviewer {
            arguments.extend(review_arguments(directory.path(), reviewer)?);
        }
        let server = server.start(&arguments, address, "/readyz").await?;
        Ok(Self {
            address,
            _server: server,
            _etcd: etcd,
            _directory: directory,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A program, and the file that it logs to.
struct Program {
    name: &'static str,
    path: PathBuf,
    log: PathBuf,
}

impl Program {
    fn new(name: &'static str, path: PathBuf, directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        Self { name, path, log }
    }

    /// Starts the program and waits until it answers `health` at `address` with 200.
    async fn start(
        &self,
        arguments: &[String],
        address: SocketAddr,
        health: &str,
    ) -> anyhow::Result<Supervised> {
        let mut process = Supervised::start(&self.path, arguments, &self.log)?;
        let client = Client::http1(address);
        let what = format!("{} to be ready", self.name);
        let ready = wait::until(PATIENCE, &what, async || {
            if let Some(status) = process.ended()? {
                bail!("{} ended, {status}", self.name);
            }
            // An error means that it does not listen yet.
            let answer = client.get("localhost", health, &[]).await;
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        })
        .await;
        ready.with_context(|| format!("starting {}; its log:\n{}", self.name, read(&self.log)))?;
        Ok(process)
    }
}

/// One member, whose data need not survive a crash. It serves no peers, so any port will do for them.
fn etcd_arguments(directory: &Path, address: SocketAddr) -> [String; 7] {
    let peers = "http://127.0.0.1:0";
    [
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls=http://{address}"),
        format!("--advertise-client-urls=http://{address}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        "--unsafe-no-fsync".to_owned(),
    ]
}

/// Asks `reviewer` who a user is and what a user may do, and remembers the answer for a moment only.
fn review_arguments(directory: &Path, reviewer: SocketAddr) -> anyhow::Result<[String; 5]> {
    const MOMENT: &str = "10ms";
    let file = directory.join("reviewer.json");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": format!("http://{reviewer}")}}],
        "users": [{"name": "lab", "user": {}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    });
    fs::write(&file, kubeconfig.to_string())
        .with_context(|| format!("writing {}", file.display()))?;
    let file = file.display();
    Ok([
        format!("--authentication-kubeconfig={file}"),
        format!("--authorization-kubeconfig={file}"),
        format!("--authentication-token-webhook-cache-ttl={MOMENT}"),
        format!("--authorization-webhook-cache-authorized-ttl={MOMENT}"),
        format!("--authorization-webhook-cache-unauthorized-ttl={MOMENT}"),
    ])
}

fn free() -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], ports::free()?)))
}

fn in_use(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

/// The text of a log, or the reason why it cannot be read.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| error.to_string())
}
