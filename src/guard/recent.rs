//! The responses of the last minute.

use std::collections::VecDeque;

use super::Tally;

/// The ticks of a second that a minute has.
const TICKS: usize = 60;

/// The responses of a minute before a rate means anything.
const FEWEST: u64 = 20;

/// The responses of one version in the last 60 ticks.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    ticks: VecDeque<Tally>,
    sum: Tally,
}

impl Recent {
    /// Adds the responses of one tick. True: more of the last minute's responses failed than
    /// `ceiling`, 0 to 1, allows, and there were at least 20.
    pub fn add(&mut self, ceiling: f64, tick: Tally) -> bool {
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
        } = self.sum;
        responses >= FEWEST && failures as f64 > ceiling * responses as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(responses: u64, failures: u64) -> Tally {
        Tally {
            responses,
            failures,
        }
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
            let last = ticks.iter().map(|(n, x)| recent.add(0.2, tally(*n, *x)));
            assert_eq!(last.last(), Some(expected), "{ticks:?}");
        }
    }

    #[test]
    fn responses_older_than_a_minute_are_forgotten() {
        let mut recent = Recent::default();
        recent.add(0.2, tally(100, 20));
        for _ in 0..59 {
            assert!(!recent.add(0.2, tally(0, 0)));
        }
        assert!(!recent.add(0.2, tally(19, 19)), "19 responses are left");
        assert!(recent.add(0.2, tally(1, 1)));
        assert!(recent.ticks.len() <= TICKS);
    }
}
