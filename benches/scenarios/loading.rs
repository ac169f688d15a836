//! Reading and compiling configurations.

use std::hint::black_box;

use halftone::config;
use halftone::matching::StringMatch;
use halftone_lab::workload::configuration;

use super::{Run, Scenario};

/// Whole configurations, and their most frequent parts.
pub const ALL: [Scenario; 3] = [
    Scenario::new("load/1000-releases", || load(1_000)).times(1),
    Scenario::new("load/1-release", || load(1)),
    Scenario::new("load/regex", regex),
];

/// This number of releases with ten rules each.
fn load(releases: usize) -> Run {
    let text = configuration(releases, 10).to_string();
    assert_eq!(config::load(text.as_bytes()).unwrap().all().len(), releases);
    Box::new(move || {
        black_box(config::load(black_box(text.as_bytes()))).ok();
    })
}

fn regex() -> Run {
    Box::new(|| {
        black_box(StringMatch::regex(black_box(
            "/v7/(orders|carts)/[0-9]+(/items)?",
        )))
        .ok();
    })
}
