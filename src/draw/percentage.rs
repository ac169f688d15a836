//! A percentage of the sessions.

use super::random::{Random, salt, unit};

/// A percentage of the sessions, or of the requests without a session.
///
/// A session that is in a percentage is in every larger percentage of the same name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentage {
    percent: f64,
    salt: u64,
}

impl Percentage {
    /// `percent`, 0 to 100. Percentages of different `name`s are drawn independently.
    #[must_use]
    pub fn new(percent: f64, name: &str) -> Self {
        Self {
            percent,
            salt: salt(name),
        }
    }

    /// What a session's `number` draws: uniform in 0 .. 100.
    #[must_use]
    pub fn draw(self, number: u64) -> f64 {
        unit(Random::new(number ^ self.salt).next_u64()) * 100.0
    }

    /// Whether the session with this `number` is in it.
    #[must_use]
    pub fn takes(self, number: u64) -> bool {
        self.draw(number) < self.percent
    }

    /// Whether it is 100 %, so that nobody needs to ask for a number.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.percent >= 100.0
    }

    /// The percentage as configured, 0 to 100.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_percent_takes_nobody_and_100_percent_takes_everybody() {
        let mut random = Random::new(3);
        for _ in 0..100_000 {
            let number = random.next_u64();
            assert!(!Percentage::new(0.0, "rule:a").takes(number));
            assert!(Percentage::new(100.0, "rule:a").takes(number));
        }
    }
}
