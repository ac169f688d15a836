//! How often something may happen.

/// What may happen in a second, in the long run.
const RATE: u64 = 10;

/// What may happen at once.
const BURST: u64 = 30;

/// Counts what may still happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    left: u64,
    /// Seconds since 1970 at which `left` was right.
    time: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            left: BURST,
            time: 0,
        }
    }
}

impl Rate {
    /// Whether it may happen once more at `now`, in seconds since 1970.
    pub fn take(&mut self, now: u64) -> bool {
        let passed = now.saturating_sub(self.time);
        self.time = now;
        self.left = BURST.min(self.left.saturating_add(passed.saturating_mul(RATE)));
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_ten_a_second() {
        let mut rate = Rate::default();
        let mut passed = |now: u64| (0..100).filter(|_| rate.take(now)).count();
        assert_eq!(passed(1_000), 30);
        assert_eq!(passed(1_000), 0);
        assert_eq!(passed(1_001), 10);
        // The clock of the machine was set back.
        assert_eq!(passed(500), 0);
        assert_eq!(passed(501), 10);
        assert_eq!(passed(9_000), 30);
    }
}
