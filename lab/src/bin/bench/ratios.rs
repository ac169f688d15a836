//! Ratios of what rows add, and the goals for them.

use serde_json::{Value, json};

use crate::results::Results;
use crate::spread::Spread;

/// What `row` costs more than `base`, which has the same routes.
#[derive(Clone, Copy, Debug)]
struct Adds {
    row: &'static str,
    base: &'static str,
}

/// A ratio to report.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    of: Adds,
    by: Adds,
    /// The most that the ratio may be.
    goal: Option<f64>,
}

const EMPTY: Adds = over("empty", "none");
const LUA: Adds = over("lua", "none");
const HEADER: Adds = over("header", "none");
const MIRROR: Adds = over("mirror", "header");
const NATIVE_MIRROR: Adds = over("native-mirror", "native-header");

/// All ratios.
pub const RATIOS: [Ratio; 12] = [
    ratio(HEADER, EMPTY, Some(1.0)),
    ratio(over("split", "none"), EMPTY, Some(1.0)),
    ratio(over("session", "none"), EMPTY, Some(1.0)),
    ratio(HEADER, LUA, Some(1.0)),
    ratio(over("split", "none"), LUA, Some(1.0)),
    ratio(over("session", "none"), LUA, Some(1.0)),
    ratio(over("releases", "none"), HEADER, Some(1.05)),
    ratio(over("rules", "none"), HEADER, Some(1.15)),
    ratio(MIRROR, NATIVE_MIRROR, Some(1.1)),
    // All that the filter does for a mirrored request, decision included.
    ratio(over("mirror", "none"), NATIVE_MIRROR, None),
    ratio(over("compare", "header"), MIRROR, Some(1.3)),
    ratio(over("ignore", "header"), MIRROR, Some(1.3)),
];

const fn over(row: &'static str, base: &'static str) -> Adds {
    Adds { row, base }
}

const fn ratio(of: Adds, by: Adds, goal: Option<f64>) -> Ratio {
    Ratio { of, by, goal }
}

impl Adds {
    fn to_text(self) -> String {
        format!("{} - {}", self.row, self.base)
    }

    fn of(self, results: &Results) -> Option<Vec<f64>> {
        results.adds(self.row, self.base)
    }
}

impl Ratio {
    /// The measured ratio; `None` when one of its rows did not run.
    pub fn found(self, results: &Results) -> Option<Found> {
        let (of, by) = (self.of.of(results)?, self.by.of(results)?);
        // Round by round, because a slow round affects both.
        let ratios = of.iter().zip(&by).map(|(of, by)| of / by);
        Some(Found {
            ratio: self,
            value: Spread::of(ratios)?,
            of: Spread::of(of.iter().copied())?,
            by: Spread::of(by.iter().copied())?,
        })
    }
}

/// A measured ratio.
#[derive(Debug)]
pub struct Found {
    ratio: Ratio,
    value: Spread,
    of: Spread,
    by: Spread,
}

impl Found {
    /// The head of the columns of [`Self::cells`].
    pub const HEAD: [&str; 7] = [
        "what adds",
        "µs",
        "by what adds",
        "µs",
        "ratio",
        "min..max",
        "goal",
    ];

    /// The cells of its line in a table.
    pub fn cells(&self) -> [String; 7] {
        let goal = self.ratio.goal.map(|goal| {
            let met = if self.met() == Some(true) {
                "met"
            } else {
                "missed"
            };
            format!("<= {goal}: {met}")
        });
        [
            self.ratio.of.to_text(),
            format!("{:.1}", self.of.median()),
            self.ratio.by.to_text(),
            format!("{:.1}", self.by.median()),
            format!("{:.2}", self.value.median()),
            self.value.range(2),
            goal.unwrap_or_default(),
        ]
    }

    /// Its entry in the file of results.
    pub fn to_json(&self) -> Value {
        json!({
            "row": self.ratio.of.row,
            "base": self.ratio.of.base,
            "by_row": self.ratio.by.row,
            "by_base": self.ratio.by.base,
            "ratio": self.value.to_json(),
            "adds_us": self.of.to_json(),
            "by_adds_us": self.by.to_json(),
            "goal": self.ratio.goal,
            "met": self.met(),
        })
    }

    /// Whether the goal is met, if there is one.
    fn met(&self) -> Option<bool> {
        Some(self.value.median() <= self.ratio.goal?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_compared_one_by_one() {
        let results = Results::of_cpu(&[
            ("none", &[10.0, 20.0, 30.0]),
            ("empty", &[14.0, 22.0, 40.0]),
            ("header", &[16.0, 22.0, 35.0]),
        ]);
        let found: Vec<_> = RATIOS
            .iter()
            .filter_map(|ratio| ratio.found(&results))
            .collect();
        let cells: Vec<_> = found.iter().map(Found::cells).collect();
        let only = [
            "header - none",
            "5.0",
            "empty - none",
            "4.0",
            "1.00",
            "0.50..1.50",
            "<= 1: met",
        ];
        assert_eq!(cells, [only.map(str::to_owned)]);
    }

    #[test]
    fn a_goal_can_be_missed() {
        let results = Results::of_cpu(&[("none", &[1.0]), ("lua", &[2.0]), ("split", &[2.5])]);
        let found = RATIOS.iter().find_map(|ratio| ratio.found(&results));
        let [.., goal] = found.map(|found| found.cells()).unwrap();
        assert_eq!(goal, "<= 1: missed");
    }
}
