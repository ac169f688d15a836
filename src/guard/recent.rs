//! The responses of the last minute.

use std::collections::VecDeque;

use super::{Counts, Tally};

/// The ticks of a second that a minute has.
const TICKS: usize = 60;

/// The responses of a minute before a rate means anything.
const FEWEST: u64 = 20;

/// The responses of the last 60 ticks.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    ticks: VecDeque<Counts>,
    sum: Counts,
}

impl Recent {
    /// Adds the responses of one tick. If more of the version's responses of the last minute failed than
    /// `ceiling`, 0 to 1, allows, and there were at least 20, returns those of the minute.
    pub fn add(&mut self, ceiling: f64, tick: Counts) -> Option<Counts> {
        self.ticks.push_back(tick);
        self.sum = self.sum + tick;
        if self.ticks.len() > TICKS
            && let Some(oldest) = self.ticks.pop_front()
        {
            self.sum = self.sum.since(oldest);
        }
        let Tally {
            responses,
            failures,
        } = self.sum.version;
        let fails = responses >= FEWEST && failures as f64 > ceiling * responses as f64;
        fails.then_some(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(recent: &mut Recent, (responses, failures): (u64, u64)) -> bool {
        let version = Tally {
            responses,
            failures,
        };
        let principal = Tally::default();
        recent.add(0.2, Counts { version, principal }).is_some()
    }

    #[test]
    fn a_rate_above_the_ceiling_of_at_least_20_responses_fails() {
        let table = [
            (&[(19, 19)][..], false),
            (&[(10, 10), (9, 9)], false),
            (&[(10, 10), (10, 0)], true),
            (&[(20, 4)], false),
            (&[(20, 5)], true),
            (&[(1000, 201)], true),
        ];
        for (ticks, expected) in table {
            let mut recent = Recent::default();
            let last = ticks.iter().map(|tick| fails(&mut recent, *tick));
            assert_eq!(last.last(), Some(expected), "{ticks:?}");
        }
    }

    #[test]
    fn responses_older_than_a_minute_are_forgotten() {
        let mut recent = Recent::default();
        fails(&mut recent, (100, 20));
        for _ in 0..59 {
            assert!(!fails(&mut recent, (0, 0)));
        }
        assert!(!fails(&mut recent, (19, 19)), "19 responses are left");
        assert!(fails(&mut recent, (1, 1)));
        assert!(recent.ticks.len() <= TICKS);
    }
}
