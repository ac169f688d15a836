//! The scenarios of all benchmarks of the core. `decide` and `compare` measure times, `instructions` counts instructions.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

pub mod comparing;
pub mod deciding;
pub mod loading;
pub mod mirroring;
pub mod values;

use halftone::request::Header;
use halftone_lab::workload::{HEADERS, HOST, PATH};

/// A step to repeat.
pub type Run = Box<dyn FnMut()>;

/// One scenario.
pub struct Scenario {
    /// `group/name`, the same in all output.
    pub name: &'static str,
    /// The number of repetitions when instructions are counted: many if chance affects them, few if a repetition takes long.
    pub times: u32,
    /// Prepares what is not measured, and checks that the step does the right thing.
    pub prepare: fn() -> Run,
}

impl Scenario {
    const fn new(name: &'static str, prepare: fn() -> Run) -> Self {
        Self {
            name,
            times: 100,
            prepare,
        }
    }

    const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// All scenarios.
pub fn all() -> impl Iterator<Item = Scenario> {
    let all = deciding::ALL.into_iter().chain(values::ALL);
    let all = all.chain(mirroring::ALL).chain(loading::ALL);
    all.chain(comparing::ALL)
}

/// The browser's request, as the filter gets it from Envoy.
pub fn request() -> &'static [Header<'static>] {
    let pseudo = [
        (":authority", HOST),
        (":path", PATH),
        (":method", "GET"),
        (":scheme", "http"),
    ];
    let headers = pseudo.into_iter().chain(HEADERS);
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    headers.collect::<Vec<_>>().leak()
}
