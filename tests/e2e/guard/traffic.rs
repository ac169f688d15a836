//! A steady traffic of many users.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Protocol};
use halftone_lab::wait;
use tokio::task::{JoinHandle, JoinSet};

use crate::scene::{ASKED, Scene, decided};

/// The longest time until the requests that a test waits for are answered.
const ANSWERED: Duration = Duration::from_secs(60);

/// Requests at a rate, each in time whatever happens to those before, each of another user.
pub struct Traffic {
    answered: Arc<AtomicU64>,
    seen: Arc<Mutex<Vec<Seen>>>,
    sending: JoinHandle<()>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it was complete.
    pub at: Instant,
    /// 0: there was none.
    pub status: u16,
    pub version: String,
    pub reason: String,
}

/// All answers.
pub struct All {
    pub all: Vec<Seen>,
}

impl Traffic {
    /// Sends `rate` requests a second.
    pub fn start(scene: &Scene, rate: u32) -> Self {
        Self::of(scene, rate, |index| index.to_string())
    }

    fn of(scene: &Scene, rate: u32, user: impl Fn(u64) -> String + Send + 'static) -> Self {
        let client = Arc::new(scene.client(Protocol::Http1));
        let (answered, seen) = (
            Arc::<AtomicU64>::default(),
            Arc::<Mutex<Vec<Seen>>>::default(),
        );
        let (counted, saw) = (Arc::clone(&answered), Arc::clone(&seen));
        let sending = tokio::spawn(async move {
            let mut due = tokio::time::interval(Duration::from_secs(1) / rate);
            let mut under_way = JoinSet::new();
            for index in 0.. {
                due.tick().await;
                let (client, counted, saw) = (client.clone(), counted.clone(), saw.clone());
                let user = user(index);
                under_way.spawn(async move {
                    let one = send(&client, &user).await;
                    saw.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    counted.fetch_add(1, Ordering::Relaxed);
                });
                while under_way.try_join_next().is_some() {}
            }
        });
        Self {
            answered,
            seen,
            sending,
        }
    }

    /// Waits for this number of further answers.
    pub async fn more(&self, answers: u64) -> Result<()> {
        let until = self.answered.load(Ordering::Relaxed) + answers;
        wait::until(ANSWERED, "answers", async || {
            Ok(self.answered.load(Ordering::Relaxed) >= until)
        })
        .await
    }

    /// Ends it, and returns the answers until then.
    pub async fn stop(self) -> Result<All> {
        self.sending.abort();
        let _ = self.sending.await;
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(All { all: all.clone() })
    }
}

async fn send(client: &Client, user: &str) -> Seen {
    let headers = [ASKED, ("x-user-id", user.as_bytes())];
    let answer = client.get("reviews", "/", &headers).await;
    let at = Instant::now();
    let part = |what| {
        let answer = answer.as_ref().ok()?;
        decided(answer, what).map(str::to_owned)
    };
    Seen {
        at,
        status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
        version: part("version").unwrap_or_default(),
        reason: part("reason").unwrap_or_default(),
    }
}

/// Repeats the request of one user.
pub fn repeat(scene: &Scene, user: &str, rate: u32) -> Traffic {
    let user = user.to_owned();
    Traffic::of(scene, rate, move |_| user.clone())
}

/// A user whose session gets `version`.
pub async fn user_of(scene: &Scene, version: &str) -> Result<String> {
    let client = scene.client(Protocol::Http1);
    for index in 0..1_000 {
        let user = format!("looping-{index}");
        if send(&client, &user).await.version == version {
            return Ok(user);
        }
    }
    None.context("no user")
}

impl All {
    /// The times that the verdict took.
    pub fn of_verdict(&self) -> String {
        let of_v2 = || self.all.iter().filter(|one| one.version == "v2");
        let failed = || of_v2().filter(|one| one.status != 200);
        let first = failed().map(|one| one.at).min();
        let last = failed().map(|one| one.at).max();
        let guarded = self.all.iter().filter(|one| one.reason == "guard");
        let guarded = guarded.map(|one| one.at).min();
        let since = |later: Option<Instant>, earlier: Option<Instant>| {
            later
                .zip(earlier)
                .map(|(later, earlier)| later.saturating_duration_since(earlier))
        };
        format!(
            "{} failed; from the first failure to the last {:?}; from the first overruled to the last failure {:?}",
            failed().count(),
            since(last, first),
            since(last, guarded)
        )
    }
}
