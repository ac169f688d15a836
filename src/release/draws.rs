//! Numbers from a number: what a session, or one request's chance, decides by.
//!
//! All of it is integer arithmetic and correctly rounded IEEE 754, so that a proxy, a command line
//! and another language come to the same result. `docs/reference.md` has it in words, with golden
//! vectors beside it.

use xxhash_rust::xxh64::xxh64;

/// A stream of uniform 64-bit numbers: SplitMix64 (Steele, Lea, Flood: *Fast Splittable
/// Pseudorandom Number Generators*, OOPSLA 2014).
///
/// Every starting point gives a stream of its own that runs through all 2^64 numbers.
#[derive(Clone, Debug)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The stream that starts at `state`.
    #[must_use]
    pub fn new(state: u64) -> Self {
        Self { state }
    }

    /// The next number, uniform in 0 ..= 2^64 - 1.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the exponential distribution with mean 1, by comparisons alone (von Neumann:
    /// *Various techniques used in connection with random digits*, 1951).
    ///
    /// The usual `-ln(u)` would do in one line, but no two mathematics libraries round a logarithm
    /// alike, and a session must not depend on which one a proxy was built with.
    pub fn next_exponential(&mut self) -> f64 {
        let mut whole = 0.0;
        loop {
            let first = self.next_u64();
            if self.falls_an_odd_number_of_times(first) {
                return whole + unit(first);
            }
            whole += 1.0;
        }
    }

    /// Whether the run of ever smaller numbers that begins with `first` has an odd length: so it is
    /// with probability e^-`first`, `first` taken as a fraction of 2^64.
    fn falls_an_odd_number_of_times(&mut self, first: u64) -> bool {
        let mut odd = true;
        let mut last = first;
        loop {
            let next = self.next_u64();
            if next >= last {
                return odd;
            }
            last = next;
            odd = !odd;
        }
    }
}

/// The upper 53 bits of `number` as a fraction in 0 .. 1: every one of them is exact in a double.
fn unit(number: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (number >> 11) as f64 * STEP
}

/// What a name adds to a number that is drawn for it, so that draws for different names are
/// independent.
#[must_use]
pub fn salt(name: &str) -> u64 {
    xxh64(name.as_bytes(), 0)
}

/// A part of all sessions, or of all requests: 0 to 100 percent of them.
///
/// As the percentage grows, those that are in it stay in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentage {
    percent: f64,
    salt: u64,
}

impl Percentage {
    /// `percent` (0 to 100) of what is drawn, drawn independently for each `name`.
    #[must_use]
    pub fn new(percent: f64, name: &str) -> Self {
        Self {
            percent,
            salt: salt(name),
        }
    }

    /// What `ticket` draws: uniform, 0 or more and under 100.
    #[must_use]
    pub fn draw(self, ticket: u64) -> f64 {
        unit(Draws::new(ticket ^ self.salt).next_u64()) * 100.0
    }

    /// Whether `ticket` is in it.
    #[must_use]
    pub fn takes(self, ticket: u64) -> bool {
        self.draw(ticket) < self.percent
    }

    /// Whether it takes every ticket, which then need not be looked at.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.percent >= 100.0
    }

    /// The percentage, as configured.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_published_generator() {
        // The first numbers of SplitMix64 from state 1234567, as its authors' program prints them.
        let mut draws = Draws::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| draws.next_u64()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn exponentials_have_mean_one_and_variance_one() {
        let mut draws = Draws::new(7);
        let sample: Vec<f64> = (0..200_000).map(|_| draws.next_exponential()).collect();
        let count = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / count;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let beyond_two = sample.iter().filter(|x| **x > 2.0).count() as f64 / count;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
        assert!(
            (beyond_two - (-2.0_f64).exp()).abs() < 0.005,
            "{beyond_two}"
        );
    }

    #[test]
    fn none_is_none_and_all_is_all() {
        let mut draws = Draws::new(3);
        for _ in 0..100_000 {
            let ticket = draws.next_u64();
            assert!(!Percentage::new(0.0, "rule:a").takes(ticket));
            assert!(Percentage::new(100.0, "rule:a").takes(ticket));
        }
    }
}
