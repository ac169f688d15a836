//! Uniform and exponential random numbers from a 64-bit state, and the salt of a name.

use xxhash_rust::xxh64::xxh64;

/// A stream of uniform 64-bit numbers: SplitMix64 (Steele, Lea, Flood: *Fast Splittable
/// Pseudorandom Number Generators*, OOPSLA 2014).
///
/// Each state starts another stream. Each stream has a period of 2^64.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
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

    /// An exponentially distributed number with mean 1, by comparisons alone (von Neumann:
    /// *Various techniques used in connection with random digits*, 1951).
    ///
    /// The usual `-ln(u)` does not work here: mathematics libraries round a logarithm differently,
    /// and a session must not depend on the library that a proxy was built with.
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

    /// Whether the run of falling numbers that starts with `first` has an odd length. The
    /// probability of that is e^-x, where x is `first` / 2^64.
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

/// The upper 53 bits of `number` as a fraction in 0 .. 1. Each is exact in a double.
pub(super) fn unit(number: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (number >> 11) as f64 * STEP
}

/// The number that a name mixes into a session's number, so that draws for different names are
/// independent: XXH64 with seed 0.
#[must_use]
pub fn salt(name: &str) -> u64 {
    xxh64(name.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        // The first numbers of SplitMix64 from state 1234567, as its authors' program prints them.
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
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
        let mut random = Random::new(7);
        let sample: Vec<f64> = (0..200_000).map(|_| random.next_exponential()).collect();
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
}
