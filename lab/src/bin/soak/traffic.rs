//! Steady requests of many users to one host, and what became of each.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use halftone_lab::client::{Answer, Client};
use halftone_lab::visitors::USER;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// The most requests of one host that wait for an answer. A busy machine sends fewer requests.
const MOST_AT_ONCE: usize = 64;

/// One request in this number has a body, where bodies are wanted.
const BODY_EACH: u64 = 10;

/// The users whose number is a multiple of this get another answer from the mirror.
pub const DIFFERS_EACH: u64 = 10;

/// The traffic of one host.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The host, and the name of its release.
    pub host: &'static str,
    /// Requests a second.
    pub rate: u32,
    /// The number of users, who ask in turn.
    pub users: u64,
    /// Whether some requests have a body.
    pub bodies: bool,
}

impl Kind {
    /// Requests without a body.
    pub const fn of(host: &'static str, rate: u32, users: u64) -> Self {
        Self {
            host,
            rate,
            users,
            bodies: false,
        }
    }

    /// Lets some requests have a body.
    pub const fn with_bodies(self) -> Self {
        Self {
            bodies: true,
            ..self
        }
    }
}

/// What became of the requests so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The requests with an answer.
    pub answers: u64,
    /// Those of them that a version answered with another status than 200, as its script says.
    pub scripted: u64,
    /// The requests without a body that no version answered.
    pub lost: u64,
    /// The requests with a body that no version answered.
    pub lost_with_body: u64,
    /// The first of both.
    pub first_lost: Option<String>,
    /// The answers to users for whom the mirror's answer differs.
    pub differing: u64,
    /// The answers by v1 to a user who had had an answer by v2 before.
    pub moved_back: u64,
    /// The users who have had an answer by v2.
    pub moved: BTreeSet<u64>,
}

/// Requests that are sent until [`Traffic::stop`].
#[derive(Debug)]
pub struct Traffic {
    /// What it sends.
    pub kind: Kind,
    tally: Arc<Mutex<Tally>>,
    stopped: Arc<AtomicBool>,
    sending: JoinHandle<()>,
}

impl Traffic {
    /// Starts to send to `address`.
    #[must_use]
    pub fn start(address: SocketAddr, kind: Kind) -> Self {
        let tally = Arc::<Mutex<Tally>>::default();
        let stopped = Arc::<AtomicBool>::default();
        let sending = send(address, kind, Arc::clone(&tally), Arc::clone(&stopped));
        Self {
            kind,
            tally,
            stopped,
            sending: tokio::spawn(sending),
        }
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        held(&self.tally).clone()
    }

    /// Stops sending, waits for the answers, and returns what became of all requests.
    ///
    /// # Errors
    ///
    /// If the traffic itself failed.
    pub async fn stop(self) -> Result<(Kind, Tally)> {
        self.stopped.store(true, Ordering::Relaxed);
        self.sending.await.context("a traffic")?;
        Ok((self.kind, held(&self.tally).clone()))
    }
}

fn held(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send(address: SocketAddr, kind: Kind, tally: Arc<Mutex<Tally>>, stopped: Arc<AtomicBool>) {
    let client = Arc::new(Client::http1(address));
    let mut due = interval(Duration::from_secs(1) / kind.rate);
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut under_way = JoinSet::new();
    for turn in 0_u64.. {
        due.tick().await;
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_AT_ONCE {
            let _ = under_way.join_next().await;
        }
        let user = turn % kind.users;
        let has_body = kind.bodies && turn.is_multiple_of(BODY_EACH);
        let (client, tally) = (Arc::clone(&client), Arc::clone(&tally));
        under_way.spawn(async move {
            let had_moved = held(&tally).moved.contains(&user);
            let id = user.to_string();
            let headers: [(&str, &[u8]); 1] = [(USER, id.as_bytes())];
            let answer = match has_body {
                true => client.post(kind.host, "/", &headers, "an order").await,
                false => client.get(kind.host, "/", &headers).await,
            };
            held(&tally).count(user, had_moved, has_body, answer);
        });
    }
    while under_way.join_next().await.is_some() {}
}

impl Tally {
    fn count(&mut self, user: u64, had_moved: bool, has_body: bool, answer: Result<Answer>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.lose(has_body, &format!("{error:#}")),
        };
        self.answers += 1;
        self.differing += u64::from(user.is_multiple_of(DIFFERS_EACH));
        match answer.upstream() {
            None => {
                let what = format!("status {}: {}", answer.status, answer.text());
                self.lose(has_body, &what);
            }
            Some(version) => {
                self.scripted += u64::from(answer.status != 200);
                if version == "v2" {
                    self.moved.insert(user);
                } else if had_moved {
                    self.moved_back += 1;
                }
            }
        }
    }

    fn lose(&mut self, has_body: bool, what: &str) {
        match has_body {
            true => self.lost_with_body += 1,
            false => self.lost += 1,
        }
        self.first_lost.get_or_insert_with(|| what.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer by a version, or by Envoy.
    fn answer(status: u16, version: Option<&'static str>) -> Result<Answer> {
        let mut headers = hyper::HeaderMap::new();
        if let Some(version) = version {
            headers.insert("x-upstream", version.parse()?);
        }
        Ok(Answer {
            status: status.try_into()?,
            headers,
            body: hyper::body::Bytes::new(),
            trailers: hyper::HeaderMap::new(),
        })
    }

    #[test]
    fn only_an_answer_by_v1_to_a_request_after_an_answer_by_v2_is_a_move_back() {
        let mut tally = Tally::default();
        for (had_moved, version, moved_back) in [
            (false, "v1", 0),
            (false, "v2", 0),
            // It was sent before the answer by v2 came.
            (false, "v1", 0),
            (true, "v2", 0),
            (true, "v1", 1),
        ] {
            tally.count(1, had_moved, false, answer(200, Some(version)));
            assert_eq!(tally.moved_back, moved_back);
        }
        assert_eq!(tally.moved.len(), 1);
    }

    #[test]
    fn a_request_is_lost_if_no_version_answered() {
        let mut tally = Tally::default();
        tally.count(0, false, false, answer(500, Some("v1")));
        tally.count(1, false, false, answer(503, None));
        tally.count(2, false, true, answer(503, None));
        tally.count(3, false, false, Err(anyhow::anyhow!("no answer")));
        let Tally {
            answers,
            scripted,
            lost,
            lost_with_body,
            differing,
            ..
        } = tally;
        assert_eq!((answers, scripted, differing), (3, 1, 1));
        assert_eq!((lost, lost_with_body), (2, 1));
    }
}
