//! The guard against simulated traffic.
//!
//! A simulation draws the counts of each tick, not requests, so a day of traffic takes milliseconds.

use halftone::draw::Random;
use halftone::guard::{Counts, Evidence, Guard, Repeats, Tally};
use serde_json::Value;

/// A canary beside its principal.
struct Traffic {
    /// Requests a second of both together.
    rate: f64,
    /// The canary's share of them.
    share: f64,
    /// The failure rates.
    principal: f64,
    canary: f64,
    random: Random,
}

impl Traffic {
    fn new(rate: f64, principal: f64, canary: f64, seed: u64) -> Self {
        Self {
            rate,
            share: 0.1,
            principal,
            canary,
            random: Random::new(seed),
        }
    }

    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of Poisson's distribution: exactly if `mean` is small, else by its normal limit.
    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            let (one, two) = (self.uniform().max(1e-300), self.uniform());
            let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
        }
        let (mut number, mut product, least) = (0, self.uniform(), (-mean).exp());
        while product > least {
            number += 1;
            product *= self.uniform();
        }
        number
    }

    fn tally(&mut self, rate: f64, fails: f64) -> Tally {
        let failures = self.poisson(rate * fails);
        Tally {
            responses: self.poisson(rate * (1.0 - fails)) + failures,
            failures,
        }
    }

    /// The responses of the canary and of the principal in one second, in which something that both
    /// need fails at the rate `shared`.
    fn second(&mut self, shared: f64) -> (Tally, Tally) {
        let either = |own: f64| own + shared - own * shared;
        let (canary, principal) = (either(self.canary), either(self.principal));
        (
            self.tally(self.rate * self.share, canary),
            self.tally(self.rate * (1.0 - self.share), principal),
        )
    }
}

fn guard() -> Guard {
    Guard {
        failures: [true; 3],
        slower_than: None,
        margin: 0.02,
        at_least: 3,
        ceiling: None,
        compares: true,
        retry: None,
    }
}

const DAY: u64 = 86_400;

/// The second of the first verdict, of a traffic of `seconds`, in which `shared` gives the failure
/// rate of what both need, and `loops` the failures of one session.
fn first_verdict(
    mut traffic: Traffic,
    seconds: u64,
    shared: impl Fn(u64) -> f64,
    mut loops: impl FnMut(u64) -> u64,
) -> Option<u64> {
    let (guard, mut evidence) = (guard(), Evidence::default());
    (0..seconds).find(|second| {
        let (canary, principal) = traffic.second(shared(*second));
        let looped = loops(*second);
        let looped = Tally {
            responses: looped,
            failures: looped,
        };
        let version = canary + looped;
        let verdict = evidence.add(&guard, Counts { version, principal });
        verdict.is_some()
    })
}

fn never(_: u64) -> f64 {
    0.0
}

/// Requests a second, and the failure rates of both versions.
const HEALTHY: [(f64, f64); 8] = [
    (1.0, 0.01),
    (10.0, 0.01),
    (100.0, 0.01),
    (1000.0, 0.01),
    (1.0, 0.05),
    (10.0, 0.05),
    (100.0, 0.05),
    (1000.0, 0.05),
];

#[test]
fn a_healthy_canary_is_not_returned_in_a_day() {
    for (rate, fails) in HEALTHY {
        let traffic = Traffic::new(rate, fails, fails, 1);
        let verdict = first_verdict(traffic, DAY, never, |_| 0);
        assert_eq!(verdict, None, "{rate} requests a second, {fails} fail");
    }
}

#[test]
fn an_outage_of_what_both_need_returns_no_canary_in_a_day() {
    // Each hour both fail for 30 seconds, the one half and then all.
    let outage = |second: u64| match second % 3_600 {
        1_000..1_015 => 0.5,
        1_015..1_030 => 1.0,
        _ => 0.0,
    };
    for (rate, fails) in HEALTHY {
        let traffic = Traffic::new(rate, fails, fails, 2);
        let verdict = first_verdict(traffic, DAY, outage, |_| 0);
        assert_eq!(verdict, None, "{rate} requests a second, {fails} fail");
    }
}

#[test]
fn one_client_that_loops_returns_no_canary_in_a_day() {
    // Each hour a client repeats a request that fails for a minute, ten times a second.
    for (rate, fails) in HEALTHY {
        let mut repeats = Repeats::default();
        let mut fail = |second: u64| {
            let is_looping = (1_000..1_060).contains(&(second % 3_600));
            let times = (0..10).filter(|_| is_looping);
            let counted = times.filter(|time| repeats.count(7, 1, 1_000 * second + 100 * time));
            counted.count() as u64
        };
        let traffic = Traffic::new(rate, fails, fails, 3);
        let verdict = first_verdict(traffic, DAY, never, &mut fail);
        assert_eq!(verdict, None, "{rate} requests a second, {fails} fail");
    }
}

#[test]
fn one_client_that_loops_returns_no_canary_with_little_traffic_in_a_day() {
    // The number of days, the failure rates of both versions, how often a client loops, and for how long, in seconds.
    let loops = [
        (40, 0.002, 3_600, 60),
        (10, 0.0005, 3_600, 60),
        (10, 0.0, 3_600, 60),
        (10, 0.0, 1_800, 60),
        (10, 0.0, 3_600, 5),
        (10, 0.0, 7_300, 60),
        (10, 0.0, 10_800, 600),
    ];
    for (days, fails, each, length) in loops {
        for seed in 0..days {
            let mut repeats = Repeats::default();
            let fail = |second: u64| {
                let is_looping = (1_000..1_000 + length).contains(&(second % each));
                let times = (0..10).filter(|_| is_looping);
                let counted = times.filter(|time| repeats.count(7, 1, 1_000 * second + 100 * time));
                counted.count() as u64
            };
            let traffic = Traffic::new(1.0, fails, fails, seed);
            let verdict = first_verdict(traffic, DAY, never, fail);
            assert_eq!(
                verdict, None,
                "{fails} fail, {length} s each {each} s, seed {seed}"
            );
        }
    }
}

/// The middle of 41 simulations, in seconds.
#[test]
fn a_failing_canary_is_returned_soon() {
    // Requests a second, the canary's failure rate, and the most seconds.
    let table = [
        (10.0, 1.0, 7),
        (10.0, 0.2, 60),
        (10.0, 0.05, 400),
        (100.0, 1.0, 1),
        (100.0, 0.2, 7),
        (100.0, 0.05, 40),
        (1000.0, 1.0, 1),
        (1000.0, 0.2, 1),
        (1000.0, 0.05, 4),
        (1.0, 1.0, 75),
        (1.0, 0.2, 600),
    ];
    for (rate, fails, most) in table {
        let seconds = |seed| {
            let traffic = Traffic::new(rate, 0.005, fails, seed);
            let verdict = first_verdict(traffic, 10_000, never, |_| 0);
            verdict.map_or(u64::MAX, |second| second + 1)
        };
        let mut all: Vec<u64> = (0..41).map(seconds).collect();
        all.sort_unstable();
        let median = all[20];
        assert!(median <= most, "{rate}, {fails}: {median} s");
    }
}

#[test]
fn the_only_session_of_a_failing_canary_is_evidence() {
    let mut repeats = Repeats::default();
    let mut evidence = Evidence::default();
    let mut verdict = (0..60).filter(|second| {
        let times = (0..10).filter(|time| repeats.count(7, 1, 1_000 * second + 100 * time));
        let counted = times.count() as u64;
        let version = Tally {
            responses: counted,
            failures: counted,
        };
        let principal = Tally {
            responses: 90,
            failures: 0,
        };
        let verdict = evidence.add(&guard(), Counts { version, principal });
        verdict.is_some()
    });
    let second = verdict.next();
    assert!(second.is_some_and(|second| second <= 21), "{second:?}");
}

#[test]
fn the_evidence_is_that_of_the_golden_vectors() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../docs/guard-vectors.json")).unwrap();
    for row in vectors.as_array().unwrap() {
        let guard = Guard {
            margin: row["margin"].as_f64().unwrap(),
            at_least: row["atLeast"].as_u64().unwrap(),
            ..guard()
        };
        let mut evidence = Evidence::default();
        let ticks = row["ticks"].as_array().unwrap();
        assert!(!ticks.is_empty());
        for (index, tick) in ticks.iter().enumerate() {
            let tally = |at: usize| Tally {
                responses: tick[at].as_u64().unwrap(),
                failures: tick[at + 1].as_u64().unwrap(),
            };
            let what = format!("{}, tick {index}", row["what"]);
            let counts = Counts {
                version: tally(0),
                principal: tally(2),
            };
            let verdict = evidence.add(&guard, counts);
            assert_eq!(row["failing"][index], verdict.is_some(), "{what}");
            for (log, expected) in evidence
                .logs()
                .iter()
                .zip(row["logs"][index].as_array().unwrap())
            {
                let expected = expected.as_f64().unwrap();
                assert!(
                    (log - expected).abs() < 1e-5,
                    "{what}: {log}, not {expected}"
                );
            }
        }
    }
}
