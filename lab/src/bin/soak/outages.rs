//! The outages of a run: the guarded version fails, and the other version loses its endpoints.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use halftone_lab::wait;
use tokio::time::{Instant, sleep, sleep_until};

use crate::plan::{GUARDED, Plan, VANISHING};
use crate::stage::{Stage, fail, heal};

/// How long both versions of the guarded release fail: the outage of something that both need.
const SHARED: Duration = Duration::from_secs(5);

/// How long a version has no endpoint.
const VANISHED: Duration = Duration::from_secs(8);

/// The longest time until a change of a gauge, or the return of traffic. Only a defect, or a machine that is too busy
/// for the traffic, takes as long.
const SOON: Duration = Duration::from_secs(30);

/// The longest time in which all workers learn of a verdict, or of endpoints.
const ALL_WORKERS: Duration = Duration::from_secs(2);

/// How long no request may reach a version after the verdict.
const QUIET: Duration = Duration::from_secs(3);

/// The requests that reach a version after its return.
const RETURNED: u64 = 10;

const GUARD: &str = "halftone_guard";
const UNREACHABLE: &str = "halftone_unreachable";

/// The outages so far.
#[derive(Debug, Default)]
pub struct Outages {
    /// The verdicts of the guard that were due and came.
    pub verdicts: AtomicU64,
    /// The longest time from the first failure to the verdict, in milliseconds.
    pub slowest: AtomicU64,
    /// The times that the other version lost its endpoints and got them back.
    pub vanished: AtomicU64,
    /// The field `atLeast` of the guard. A new value changes the release, so the guard forgets its verdict.
    pub at_least: AtomicU64,
}

impl Outages {
    /// Before any outage.
    pub fn new() -> Self {
        Self {
            at_least: AtomicU64::new(3),
            ..Self::default()
        }
    }

    /// One outage of the guarded version in each cycle, and before it an outage of both versions.
    ///
    /// # Errors
    ///
    /// What the guard did otherwise than the documents say.
    pub async fn of_guarded(&self, stage: &Stage, plan: &Plan, start: Instant) -> Result<()> {
        let [v1, v2] = &stage.guarded;
        for cycle in 0..plan.cycles {
            let start = start + plan.cycle * cycle;
            sleep_until(start + plan.cycle * 3 / 10).await;
            fail(v1);
            fail(v2);
            sleep(SHARED).await;
            heal(v1);
            heal(v2);
            sleep_until(start + plan.cycle / 2).await;
            ensure!(
                gauge(stage, GUARD, GUARDED).await? == 0.0,
                "the guard took the traffic from a healthy version in cycle {cycle}"
            );

            let failing = Instant::now();
            fail(v2);
            becomes(stage, GUARD, GUARDED, 1.0).await?;
            let took = u64::try_from(failing.elapsed().as_millis())?;
            self.slowest.fetch_max(took, Ordering::Relaxed);
            sleep(ALL_WORKERS).await;
            let before = v2.received();
            sleep(QUIET).await;
            let more = v2.received() - before;
            ensure!(more == 0, "{more} requests reached v2 after the verdict");
            heal(v2);
            self.verdicts.fetch_add(1, Ordering::Relaxed);
            ensure!(
                gauge(stage, GUARD, GUARDED).await? == 1.0,
                "an update of other releases removed the verdict"
            );

            self.at_least.fetch_add(1, Ordering::Relaxed);
            becomes(stage, GUARD, GUARDED, 0.0).await?;
            wait::until(
                SOON,
                "traffic for v2 after its release changed",
                async || Ok(v2.received() >= before + RETURNED),
            )
            .await?;
        }
        Ok(())
    }

    /// Two losses of all endpoints in each cycle.
    ///
    /// # Errors
    ///
    /// What the fallback did otherwise than the documents say.
    pub async fn of_vanishing(&self, stage: &Stage, plan: &Plan, start: Instant) -> Result<()> {
        for half in 0..2 * plan.cycles {
            let start = start + plan.cycle / 2 * half;
            sleep_until(start + plan.cycle / 10).await;
            stage.endpoints.set(&[])?;
            becomes(stage, UNREACHABLE, VANISHING, 1.0).await?;
            sleep(ALL_WORKERS).await;
            let before = stage.vanishing.received();
            sleep(VANISHED).await;
            let more = stage.vanishing.received() - before;
            ensure!(
                more == 0,
                "{more} requests reached a version without endpoints"
            );
            stage.endpoints.set(&[stage.vanishing.address()])?;
            becomes(stage, UNREACHABLE, VANISHING, 0.0).await?;
            // A probe or two among them.
            wait::until(
                SOON,
                "traffic for v2 after its endpoints returned",
                async || Ok(stage.vanishing.received() >= before + RETURNED),
            )
            .await?;
            self.vanished.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

async fn gauge(stage: &Stage, name: &str, release: &str) -> Result<f64> {
    let labels = [("release", release), ("version", "v2")];
    stage.metric(name, &labels).await
}

async fn becomes(stage: &Stage, name: &str, release: &str, value: f64) -> Result<()> {
    let what = format!("{name} of {release} to be {value}");
    let start = Instant::now();
    while gauge(stage, name, release).await? != value {
        ensure!(start.elapsed() < SOON, "waited {SOON:?} for {what}");
        // Each look prints all statistics of Envoy, so no more than ten a second.
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
