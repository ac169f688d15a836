//! What is measured of the core: one table, for a clock (`decide`, `compare`) and for a count of
//! instructions (`instructions`).

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

pub mod comparing;
pub mod deciding;
pub mod loading;
pub mod mirroring;
pub mod values;

use halftone::request::Header;
use halftone_lab::workload::{HEADERS, HOST, PATH};

/// Something that is done again and again.
pub type Run = Box<dyn FnMut()>;

/// One row of the table.
pub struct Scenario {
    /// `group/what`, the same in all that is printed.
    pub name: &'static str,
    /// How often it is done where instructions are counted: often, where chance decides what they
    /// are, or else for as long as the reader would wait.
    pub times: u32,
    /// Makes all that is not measured, and sees to it that the right thing is.
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

/// All that there is.
pub fn all() -> impl Iterator<Item = Scenario> {
    let all = deciding::ALL.into_iter().chain(values::ALL);
    let all = all.chain(mirroring::ALL).chain(loading::ALL);
    all.chain(comparing::ALL)
}

/// The browser's request, as Envoy gives it to the filter.
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
