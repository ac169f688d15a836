//! Steady traffic of many users, each with an id of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Answer, Client};

/// The header with the id of a user.
pub const USER: &str = "x-user-id";

/// The most requests that wait for an answer. A busy machine sends fewer requests, and never piles them up.
const MOST_AT_ONCE: usize = 64;

/// The longest time for an answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Users who send requests in turn, until they are dropped.
#[derive(Debug)]
pub struct Visitors {
    seen: Arc<Mutex<Seen>>,
    sending: JoinHandle<()>,
}

/// What the users have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The complete answers.
    pub answers: u64,
    /// The answers other than 200, and the requests without an answer.
    pub failed: u64,
    /// The answers of each version.
    pub versions: BTreeMap<String, u64>,
    /// The version that answered each user last.
    pub users: BTreeMap<u64, String>,
}

impl Visitors {
    /// Lets `users` users ask `address` for `path` at each of `hosts` in turn, `rate` requests a second.
    #[must_use]
    pub fn start(address: SocketAddr, hosts: &[&str], path: &str, rate: f64, users: u64) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let sending = send(
            address,
            hosts,
            path.to_owned(),
            rate,
            users,
            Arc::clone(&seen),
        );
        Self {
            seen,
            sending: tokio::spawn(sending),
        }
    }

    /// What the users have seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        held(&self.seen).clone()
    }

    /// Forgets what the users have seen.
    pub fn forget(&self) {
        *held(&self.seen) = Seen::default();
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

fn held(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send(
    address: SocketAddr,
    hosts: Vec<String>,
    path: String,
    rate: f64,
    users: u64,
    seen: Arc<Mutex<Seen>>,
) {
    let client = Arc::new(Client::http1(address).deadline(PATIENCE));
    let mut due = interval(Duration::from_secs_f64(1.0 / rate));
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut under_way = JoinSet::new();
    let each = hosts.len().max(1) as u64;
    for turn in 0_u64.. {
        due.tick().await;
        let user = turn / each % users;
        let Some(host) = hosts.get((turn % each) as usize).cloned() else {
            return;
        };
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_AT_ONCE {
            let _ = under_way.join_next().await;
        }
        let (client, seen, path) = (Arc::clone(&client), Arc::clone(&seen), path.clone());
        under_way.spawn(async move {
            let id = format!("user-{user}");
            let answer = client.get(&host, &path, &[(USER, id.as_bytes())]).await;
            held(&seen).count(user, answer);
        });
    }
}

impl Seen {
    fn count(&mut self, user: u64, answer: anyhow::Result<Answer>) {
        let Ok(answer) = answer else {
            self.failed += 1;
            return;
        };
        self.answers += 1;
        if answer.status != 200 {
            self.failed += 1;
        }
        if let Some(version) = answer.upstream() {
            *self.versions.entry(version.into()).or_default() += 1;
            self.users.insert(user, version.into());
        }
    }

    /// The part of the answers that `version` gave, 0 to 1.
    #[must_use]
    pub fn share(&self, version: &str) -> f64 {
        let all: u64 = self.versions.values().sum();
        let its = self.versions.get(version).copied().unwrap_or_default();
        its as f64 / all.max(1) as f64
    }
}
