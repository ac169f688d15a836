//! Loads in a closed and in an open loop.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use halftone_lab::load::Load;
use halftone_lab::upstream::{Script, Upstream};

const REQUESTS: u64 = 500;

/// The duration of the stall.
const STALL: Duration = Duration::from_millis(300);

/// An upstream that answers at once, except that it stalls once.
async fn stalling() -> anyhow::Result<Upstream> {
    let upstream = Upstream::start("stalling").await?;
    let state = Mutex::new((0, Instant::now()));
    upstream.direct(move |_| {
        let mut state = state.lock().unwrap();
        let (received, over) = &mut *state;
        *received += 1;
        if *received == REQUESTS / 5 {
            *over = Instant::now() + STALL;
        }
        Script::status(200).delay(over.saturating_duration_since(Instant::now()))
    });
    Ok(upstream)
}

#[tokio::test]
async fn a_stall_delays_each_request_that_was_due_meanwhile() -> anyhow::Result<()> {
    let upstream = stalling().await?;
    // 150 requests are due during the stall, most of them before the last third of it.
    let report = Load::new(upstream.address())
        .run_at(500.0, REQUESTS)
        .await?;
    assert_eq!((report.answers(), report.failed()), (REQUESTS, 0));
    let slow = report.latency(85);
    assert!(slow >= STALL / 3, "{slow:?}");
    assert!(upstream.most_at_once() > 50, "{}", upstream.most_at_once());
    Ok(())
}

#[tokio::test]
async fn a_closed_loop_hides_the_stall() -> anyhow::Result<()> {
    let upstream = stalling().await?;
    let report = Load::new(upstream.address())
        .connections(8)
        .run(REQUESTS)
        .await?;
    assert_eq!((report.answers(), report.failed()), (REQUESTS, 0));
    assert!(report.latency(85) < report.latency(100) / 3);
    assert!(report.latency(100) >= STALL);
    assert_eq!(upstream.most_at_once(), 8);
    Ok(())
}

#[tokio::test]
async fn an_open_loop_keeps_its_rate() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let report = Load::new(upstream.address()).run_at(1000.0, 100).await?;
    // No request is sent before it is due.
    assert!(report.took >= Duration::from_millis(100));
    let refused = Load::new(upstream.address()).run_at(0.0, 1).await;
    assert_eq!(
        refused.map(|_| ()).map_err(|error| error.to_string()),
        Err("the rate is 0; it must be above 0".to_owned())
    );
    assert_eq!(upstream.received(), 100);
    Ok(())
}
