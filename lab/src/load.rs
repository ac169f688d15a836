//! Many requests, in a closed loop, where each connection sends the next request after the answer to the last, or in an
//! open loop, which sends each request when it is due.

mod open;
mod report;
mod ticks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use tokio::task::JoinSet;

use crate::client::{Answer, Client, Protocol};
pub use report::Report;

/// A load for a server.
#[derive(Clone, Debug)]
pub struct Load {
    address: SocketAddr,
    protocol: Protocol,
    host: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    connections: usize,
}

impl Load {
    /// GET requests for `/` over 8 connections with HTTP/1.1.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            protocol: Protocol::Http1,
            host: "load".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            connections: 8,
        }
    }

    /// Sets the host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Sets the path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header field to every request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Sets the number of connections. In a closed loop this is also the number of concurrent requests. An open loop
    /// starts with it.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Uses HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.protocol = Protocol::Http2;
        self
    }

    /// Sends `requests` requests and waits for all answers.
    ///
    /// # Errors
    ///
    /// If the load itself fails. The report counts the requests that fail.
    pub async fn run(self, requests: u64) -> anyhow::Result<Report> {
        self.spawn(requests).join().await
    }

    /// Sends requests until [`Running::stop`].
    #[must_use]
    pub fn start(self) -> Running {
        self.spawn(u64::MAX)
    }

    /// One of its requests.
    async fn get(&self, client: &Client) -> anyhow::Result<Answer> {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        client.get(&self.host, &self.path, &headers).await
    }

    fn spawn(self, requests: u64) -> Running {
        let start = Instant::now();
        let stopped = Arc::new(AtomicBool::new(false));
        let left = Arc::new(AtomicU64::new(requests));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            workers.spawn(work(self.clone(), Arc::clone(&left), Arc::clone(&stopped)));
        }
        Running {
            start,
            stopped,
            workers,
        }
    }
}

/// A running load. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    start: Instant,
    stopped: Arc<AtomicBool>,
    workers: JoinSet<Report>,
}

impl Running {
    /// Stops sending, waits for the pending answers, and returns the report.
    ///
    /// # Errors
    ///
    /// If the load itself failed. The report counts the requests that failed.
    pub async fn stop(self) -> anyhow::Result<Report> {
        self.stopped.store(true, Ordering::Relaxed);
        self.join().await
    }

    async fn join(mut self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        while let Some(worker) = self.workers.join_next().await {
            report.add(worker.context("a connection of the load")?);
        }
        report.finish(self.start.elapsed());
        Ok(report)
    }
}

/// Sends requests over one connection until none is `left`.
async fn work(load: Load, left: Arc<AtomicU64>, stopped: Arc<AtomicBool>) -> Report {
    let client = Client::new(load.address, load.protocol);
    let mut report = Report::default();
    let take = || {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        })
        .is_ok()
    };
    while !stopped.load(Ordering::Relaxed) && take() {
        let start = Instant::now();
        let answer = load.get(&client).await;
        report.count(answer, start.elapsed());
    }
    report
}
