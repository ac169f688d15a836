//! Loads in a closed and in an open loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use halftone_lab::load::Load;
use halftone_lab::upstream::{Gate, Script, Upstream};

const REQUESTS: u64 = 500;

/// The duration of the stall.
const STALL: Duration = Duration::from_millis(300);

/// An upstream that answers at once, except that it stalls once: until `waiting` requests wait, and [`STALL`] longer.
async fn stalling(waiting: u64) -> anyhow::Result<Upstream> {
    let upstream = Upstream::start("stalling").await?;
    let (received, stall) = (AtomicU64::new(0), Gate::closed());
    upstream.direct(move |_| {
        let stalled = (received.fetch_add(1, Ordering::Relaxed) + 1).checked_sub(REQUESTS / 5);
        if stalled == Some(waiting - 1) {
            stall.open();
        }
        match stalled {
            Some(stalled) if stalled < waiting => Script::status(200).behind(&stall).delay(STALL),
            _ => Script::status(200),
        }
    });
    Ok(upstream)
}

#[tokio::test]
async fn a_stall_delays_each_request_that_was_due_meanwhile() -> anyhow::Result<()> {
    let upstream = stalling(150).await?;
    let report = Load::new(upstream.address())
        .run_at(500.0, REQUESTS)
        .await?;
    assert_eq!((report.answers(), report.failed()), (REQUESTS, 0));
    assert!(report.latency(75) >= STALL, "{:?}", report.latency(75));
    assert!(upstream.most_at_once() >= 150);
    Ok(())
}

#[tokio::test]
async fn a_stall_delays_one_request_of_each_connection_of_a_closed_loop() -> anyhow::Result<()> {
    let upstream = stalling(8).await?;
    let report = Load::new(upstream.address())
        .connections(8)
        .run(REQUESTS)
        .await?;
    assert_eq!((report.answers(), report.failed()), (REQUESTS, 0));
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
