//! A clock that ticks at a fixed rate, finer than the runtime's, which goes by milliseconds.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// So many ticks, each a `period` after the one before and the first a `period` from now: when each was to come.
///
/// None is left out, and none moves: where the clock itself or the receiver is late, those that are over come at once. The
/// clock is a thread that sleeps, and is woken by the kernel some tens of microseconds late.
pub(super) fn ticks(period: Duration, count: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (ticks, receiver) = mpsc::unbounded_channel();
    let start = Instant::now();
    thread::spawn(move || {
        let mut tick = start;
        for _ in 0..count {
            tick += period;
            thread::sleep(tick.saturating_duration_since(Instant::now()));
            // Nobody listens any more.
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
    async fn no_tick_is_early_and_none_is_left_out() {
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
