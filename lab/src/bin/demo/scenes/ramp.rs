//! A version that grows by the clock.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use halftone::config::time;
use tokio::time::{Instant, sleep_until};

use super::sessions::{USERS, users_on_v2};
use crate::stage::Stage;
use crate::story::Story;
use crate::table::Row;

/// The length of the ramp, and when the table shows it.
const SECONDS: u64 = 20;
const SHOWN: [u64; 3] = [5, 10, 15];

/// The percentage at the start.
const FIRST: f64 = 1.0;

/// The time between two rounds, unless a round takes longer.
const ROUND: Duration = Duration::from_secs(1);

fn config(start: u64) -> String {
    format!(
        "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    ramp:
      version: v2
      start: \"{}\"
      points:
      - {{ after: 0s, percentage: {FIRST} }}
      - {{ after: {SECONDS}s, percentage: 100 }}
    session:
      key:
      - header: x-user-id
",
        time::text(start)
    )
}

/// A request of each user.
struct Round {
    /// The percentages of v2 at its begin and at its end.
    expected: (f64, f64),
    on_v2: BTreeSet<u32>,
}

impl Round {
    fn row(&self, what: &str) -> Row {
        Row::between(what, self.expected, self.on_v2.len() as u64, USERS.into())
    }
}

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A version grows by the clock",
        "v2 grows from 1 to 100 percent in 20 seconds. The configuration does not change\n\
         meanwhile, and no controller runs. 2,000 users send a request each second. No user\n\
         moves back.",
    )?;
    let start = (now()? / 1_000 + 1) * 1_000;
    let end = start + SECONDS * 1_000;
    story.quote("Configuration", &config(start))?;
    stage.configure(&config(start)).await?;

    let percent = |now: u64| match now.checked_sub(start) {
        Some(after) => (FIRST + (100.0 - FIRST) * after as f64 / (end - start) as f64).min(100.0),
        None => 0.0,
    };
    let mut shown = SHOWN.iter().peekable();
    let mut rows = Vec::new();
    let (mut before, mut back, mut off) = (BTreeSet::new(), 0, 0);
    loop {
        let (began, next) = (now()?, Instant::now() + ROUND);
        let on_v2 = users_on_v2(stage.envoy.address()).await?;
        let expected = (percent(began), percent(now()?));
        let round = Round { expected, on_v2 };
        off += u64::from(!round.row("").ok);
        back += before.difference(&round.on_v2).count() as u64;
        while let Some(seconds) = shown.next_if(|seconds| began >= start + **seconds * 1_000) {
            rows.push(round.row(&format!("users on v2 after {seconds} s")));
        }
        before = round.on_v2;
        if began >= end {
            break;
        }
        sleep_until(next).await;
    }
    rows.extend([
        Row::count("users on v2 at the end", USERS.into(), before.len() as u64),
        Row::none("users who moved back to v1", back),
        Row::none("rounds whose share is not that of the ramp", off),
    ]);
    story.observe(rows)
}

/// The time in milliseconds since 1970-01-01T00:00:00Z.
fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}
