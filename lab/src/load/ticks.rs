//! A clock that ticks at a fixed rate. The clock of the runtime has a resolution of 1 ms only.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// Yields `count` ticks, one per `period`, the first after one `period`. A tick is the time at which it is due.
///
/// No tick is omitted or moved: if the clock or the receiver is late, the ticks that are due come at once. The clock is
/// a thread that sleeps. The kernel wakes it some tens of microseconds late.
pub(super) fn ticks(period: Duration, count: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (ticks, receiver) = mpsc::unbounded_channel();
    let start = Instant::now();
    thread::spawn(move || {
        let mut tick = start;
        for _ in 0..count {
            tick += period;
            thread::sleep(tick.saturating_duration_since(Instant::now()));
            // The receiver is dropped.
            if ticks.send(tick).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_tick_is_early_and_none_is_omitted() {
        let period = Duration::from_micros(300);
        let mut ticks = ticks(period, 20);
        let first = ticks.recv().await.unwrap();
        thread::sleep(5 * period);
        for number in 1..20 {
            let tick = ticks.recv().await.unwrap();
            assert_eq!(tick, first + number * period);
            assert!(tick <= Instant::now());
        }
        assert_eq!(ticks.recv().await, None);
    }
}
