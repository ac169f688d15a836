//! Evidence that a version fails more often than the principal.
//!
//! Each tick gives the responses of both versions in the same second, so an outage of something that
//! both need is no evidence against one of them. The product of the ticks' likelihood ratios is an
//! e-value: however often it is looked at, a healthy version reaches 1e6 with a probability of at most
//! 1e-6 (Turner, Ly, Grünwald: *Generic E-Variables for Exact Sequential k-Sample Tests*,
//! arXiv:2106.02693). It never falls below 1, so that a long healthy time does not hide a failure that
//! begins later (CUSUM).

use super::{Counts, Guard, Tally};

/// The failure rates of a failing version that are tested against the principal's.
pub const ALTERNATIVES: [f64; 4] = [0.05, 0.2, 0.5, 0.9];

/// The e-value at which a version is failing. The logarithm of the number of alternatives comes on top.
const BOUND: f64 = 1e6;

/// Ticks with fewer responses of the principal than this are joined with the next.
const FEWEST_OF_PRINCIPAL: u64 = 5;

/// The weight that the past failure rate of the principal keeps per tick, and the least weight of all
/// that is known of it, in responses.
const MEMORY: f64 = 0.998;
const LEAST_WEIGHT: f64 = 50.0;

/// The evidence against one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The responses that no tick used yet.
    waiting: Counts,
    /// The failures and the other responses of the principal, the older the less.
    failed: f64,
    passed: f64,
    against: [Against; ALTERNATIVES.len()],
}

/// The evidence for one alternative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Against {
    /// The logarithm of the e-value, at least 0.
    log: f64,
    /// The responses since it was 0.
    since: Counts,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            waiting: Counts::default(),
            failed: 0.5,
            passed: 50.0,
            against: Default::default(),
        }
    }
}

impl Evidence {
    /// Adds the responses of one tick. If the version is failing, returns the responses that show it.
    pub fn add(&mut self, guard: &Guard, tick: Counts) -> Option<Counts> {
        self.waiting = self.waiting + tick;
        let Counts { version, principal } = self.waiting;
        if version.responses == 0 || principal.responses < FEWEST_OF_PRINCIPAL {
            return None;
        }
        let tick = std::mem::take(&mut self.waiting);
        let bound = BOUND.ln() + (ALTERNATIVES.len() as f64).ln();
        let p0 = (self.failed / (self.failed + self.passed)).clamp(1e-4, 0.9);
        let mut failing = None;
        for (against, theta) in self.against.iter_mut().zip(ALTERNATIVES) {
            let p1 = if theta > p0 + guard.margin {
                theta
            } else {
                (p0 + guard.margin + theta * (1.0 - p0)).min(0.99)
            };
            against.log += log_ratio(version, principal, p1, p0);
            against.since = against.since + tick;
            if against.log < 0.0 {
                *against = Against::default();
            } else if against.log > bound && against.since.version.failures >= guard.at_least {
                failing = Some(against.since);
            }
        }
        let (responses, failures) = (principal.responses as f64, principal.failures as f64);
        self.failed = MEMORY * self.failed + failures;
        self.passed = MEMORY * self.passed + (responses - failures);
        self.passed += (LEAST_WEIGHT - self.failed - self.passed).max(0.0);
        failing
    }

    /// The logarithms of the e-values, in the order of [`ALTERNATIVES`].
    #[must_use]
    pub fn logs(&self) -> [f64; ALTERNATIVES.len()] {
        self.against.map(|against| against.log)
    }
}

/// The logarithm of the likelihood of both counts if the version fails at the rate `p1` and the
/// principal at `p0`, over that if both fail at the rate between.
fn log_ratio(version: Tally, principal: Tally, p1: f64, p0: f64) -> f64 {
    let (n1, x1) = (version.responses as f64, version.failures as f64);
    let (n0, x0) = (principal.responses as f64, principal.failures as f64);
    let p = (n1 * p1 + n0 * p0) / (n1 + n0);
    x1 * (p1 / p).ln()
        + (n1 - x1) * ((1.0 - p1) / (1.0 - p)).ln()
        + x0 * (p0 / p).ln()
        + (n0 - x0) * ((1.0 - p0) / (1.0 - p)).ln()
}
