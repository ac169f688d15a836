//! Open tunnels: some stay open for the whole run, and the others are replaced.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use halftone_lab::client::Tunnel;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The tunnels that stay open.
const LASTING: usize = 100;

/// The other open tunnels.
const CHANGING: usize = 200;

/// The tunnels that are open at the same time.
pub const OPEN: u64 = (LASTING + CHANGING) as u64;

/// The tunnels that are replaced each second.
const REPLACED: usize = 4;

/// The lasting tunnels that carry a message each second. Envoy closes one that is idle for five minutes.
const USED: usize = 2;

/// The broken tunnels after which no more are used: one can take a minute to break.
const MOST_BROKEN: u64 = 3;

/// What became of the tunnels.
#[derive(Debug, Default)]
pub struct Counts {
    /// The tunnels that were opened.
    pub opened: u64,
    /// Those that were refused, or that did not return a message.
    pub broken: u64,
    /// The error of the first of them.
    pub first_broken: Option<String>,
}

/// Keeps tunnels to `host` open until `done` is true, and closes them.
pub async fn keep(address: SocketAddr, host: &str, done: watch::Receiver<bool>) -> Counts {
    let mut counts = Counts::default();
    let (mut lasting, mut changing) = (VecDeque::new(), VecDeque::new());
    let mut due = interval(Duration::from_secs(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !*done.borrow() {
        due.tick().await;
        if changing.len() >= CHANGING {
            for tunnel in changing.drain(..REPLACED) {
                counts.used(tunnel).await;
            }
        }
        // Not all in the first second, so that they belong to many configurations.
        for _ in 0..10 * REPLACED {
            if changing.len() < CHANGING {
                changing.extend(counts.opened(address, host).await);
            }
            if lasting.len() < LASTING {
                lasting.extend(counts.opened(address, host).await);
            }
        }
        for _ in 0..USED {
            if let Some(tunnel) = lasting.pop_front() {
                lasting.extend(counts.used(tunnel).await);
            }
        }
    }
    for tunnel in lasting.into_iter().chain(changing) {
        counts.used(tunnel).await;
    }
    counts
}

impl Counts {
    async fn opened(&mut self, address: SocketAddr, host: &str) -> Option<Tunnel> {
        if self.broken >= MOST_BROKEN {
            return None;
        }
        match Tunnel::websocket(address, host, "/chat").await {
            Ok(tunnel) => {
                self.opened += 1;
                Some(tunnel)
            }
            Err(error) => self.broke(&error),
        }
    }

    /// The tunnel, after it carried a message.
    async fn used(&mut self, mut tunnel: Tunnel) -> Option<Tunnel> {
        if self.broken >= MOST_BROKEN {
            return None;
        }
        match tunnel.echo(b"still here").await {
            Ok(_) => Some(tunnel),
            Err(error) => self.broke(&error),
        }
    }

    fn broke<T>(&mut self, error: &anyhow::Error) -> Option<T> {
        self.broken += 1;
        self.first_broken
            .get_or_insert_with(|| format!("{error:#}"));
        None
    }
}
