//! A steady traffic of many users.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Protocol};
use halftone_lab::wait;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::scene::{ASKED, Scene, decided};

/// The longest time until this number of requests is answered.
const ANSWERED: Duration = Duration::from_secs(60);
const AT_ONCE: u64 = 1_000;

/// The least time between two groups of requests.
const PERIOD: Duration = Duration::from_millis(10);

/// Requests at a rate, each of another user. A busy machine makes the rate lower, never higher. So a number of requests
/// takes at least the time that it takes at this rate, and a bound in requests is one in seconds.
pub struct Traffic {
    answered: Arc<AtomicU64>,
    seen: Arc<Mutex<Vec<Seen>>>,
    sending: JoinHandle<()>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The number of requests that were sent before.
    pub index: u64,
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
    /// Sends `rate` requests a second, whatever happens to those before.
    pub fn start(scene: &Scene, rate: u32) -> Self {
        Self::of(scene, rate, false, |index| index.to_string())
    }

    /// Sends `rate` requests a second, each after the answer to the one before.
    pub fn in_turn(scene: &Scene, rate: u32) -> Self {
        Self::of(scene, rate, true, |index| index.to_string())
    }

    fn of(
        scene: &Scene,
        rate: u32,
        in_turn: bool,
        user: impl Fn(u64) -> String + Send + 'static,
    ) -> Self {
        let client = Arc::new(scene.client(Protocol::Http1));
        let (answered, seen) = (
            Arc::<AtomicU64>::default(),
            Arc::<Mutex<Vec<Seen>>>::default(),
        );
        let (counted, saw) = (Arc::clone(&answered), Arc::clone(&seen));
        let sending = tokio::spawn(async move {
            let each = Duration::from_secs(1) / rate;
            let group = PERIOD.as_nanos().div_ceil(each.as_nanos()).max(1);
            let group = u32::try_from(group).unwrap_or(u32::MAX);
            let mut due = tokio::time::interval(each * group);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut under_way = JoinSet::new();
            for index in 0.. {
                if index % u64::from(group) == 0 {
                    due.tick().await;
                }
                let (client, counted, saw) = (client.clone(), counted.clone(), saw.clone());
                let user = user(index);
                under_way.spawn(async move {
                    let one = send(&client, &user, index).await;
                    saw.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    counted.fetch_add(1, Ordering::Relaxed);
                });
                if in_turn {
                    under_way.join_next().await;
                }
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
        let until = self.answered() + answers;
        let mut next = self.answered();
        while next < until {
            next = until.min(next + AT_ONCE);
            wait::until(ANSWERED, "answers", async || Ok(self.answered() >= next)).await?;
        }
        Ok(())
    }

    /// The number of answers until now.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it, and returns the answers until then.
    pub async fn stop(self) -> Result<All> {
        self.sending.abort();
        let _ = self.sending.await;
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(All { all: all.clone() })
    }
}

async fn send(client: &Client, user: &str, index: u64) -> Seen {
    let headers = [ASKED, ("x-user-id", user.as_bytes())];
    let answer = client.get("reviews", "/", &headers).await;
    let at = Instant::now();
    let part = |what| {
        let answer = answer.as_ref().ok()?;
        decided(answer, what).map(str::to_owned)
    };
    Seen {
        index,
        at,
        status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
        version: part("version").unwrap_or_default(),
        reason: part("reason").unwrap_or_default(),
    }
}

/// Repeats the request of one user.
pub fn repeat(scene: &Scene, user: &str, rate: u32) -> Traffic {
    let user = user.to_owned();
    Traffic::of(scene, rate, false, move |_| user.clone())
}

/// A user whose session gets `version`.
pub async fn user_of(scene: &Scene, version: &str) -> Result<String> {
    let client = scene.client(Protocol::Http1);
    for index in 0..1_000 {
        let user = format!("looping-{index}");
        if send(&client, &user, index).await.version == version {
            return Ok(user);
        }
    }
    None.context("no user")
}

impl All {
    /// How many requests were sent from the first that failed to the last that v2 got.
    pub fn requests_to_verdict(&self) -> u64 {
        let of_v2 = || self.all.iter().filter(|one| one.version == "v2");
        let failed = of_v2().filter(|one| one.status != 200);
        let first = failed.map(|one| one.index).min().unwrap_or_default();
        let last = of_v2().map(|one| one.index).max().unwrap_or_default();
        last.saturating_sub(first)
    }

    /// How many requests were sent from the first that the guard overruled to the last that v2 got.
    pub fn requests_to_agreement(&self) -> u64 {
        let guarded = self.all.iter().filter(|one| one.reason == "guard");
        let first = guarded.map(|one| one.index).min().unwrap_or_default();
        let of_v2 = self.all.iter().filter(|one| one.version == "v2");
        let last = of_v2.map(|one| one.index).max().unwrap_or_default();
        last.saturating_sub(first)
    }

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
