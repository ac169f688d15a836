//! Reading and compiling configurations.

use std::hint::black_box;

use halftone::config::{self, Known, Proxy};
use halftone::matching::StringMatch;
use halftone_lab::workload::configuration;

use super::{Run, Scenario};

/// Whole configurations, and their most frequent parts.
pub const ALL: [Scenario; 4] = [
    Scenario::new("load/1000-releases", || load(1_000)).times(1),
    Scenario::new("load/update-of-1000", update).times(1),
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

/// An update that changes one release of 1,000.
fn update() -> Run {
    let mut config = configuration(1_000, 10);
    let before = config.to_string();
    config["releases"][500]["canary"]["split"][0]["weight"] = 11.into();
    let after = config.to_string();
    let mut known = Known::default();
    let mut serving = [known.load(before.as_bytes(), Proxy::default()).unwrap()];
    let mut texts = [after, before].into_iter().cycle();
    Box::new(move || {
        let text = texts.next().unwrap();
        serving[0] = known
            .load(black_box(text.as_bytes()), Proxy::default())
            .unwrap();
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
