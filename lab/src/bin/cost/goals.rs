//! The goals: what a request and a proxy may cost at most.

use halftone_lab::table;
use serde_json::{Value, json};

use crate::costs::Costs;

/// A goal. It concerns rows that may not have been measured.
struct Goal {
    /// What is measured, and in which unit.
    what: &'static str,
    measured: fn(&Costs) -> Option<f64>,
    /// The goal is met by this value and by less.
    most: f64,
}

const GOALS: [Goal; 13] = [
    Goal {
        what: "header rule / floor",
        measured: |costs| over(costs, "header", "floor"),
        most: 1.06,
    },
    Goal {
        what: "split / floor",
        measured: |costs| over(costs, "split", "floor"),
        most: 1.06,
    },
    Goal {
        what: "session split / floor",
        measured: |costs| over(costs, "session", "floor"),
        most: 1.06,
    },
    Goal {
        what: "100 rules / header rule",
        measured: |costs| over(costs, "rules", "header"),
        most: 1.15,
    },
    Goal {
        what: "1,000 releases / header rule",
        measured: |costs| over(costs, "releases", "header"),
        most: 1.02,
    },
    Goal {
        what: "header rule with guard / without",
        measured: |costs| over(costs, "guard", "header"),
        most: 1.05,
    },
    Goal {
        what: "ramp with guard / split",
        measured: |costs| over(costs, "ramp", "split"),
        most: 1.05,
    },
    Goal {
        what: "mirror over header rule / Envoy's own mirror",
        measured: |costs| {
            let ours = costs.between("header", "mirror")?;
            Some(ours / costs.between("native-header", "native-mirror")?)
        },
        most: 1.28,
    },
    Goal {
        what: "compared mirror / mirror",
        measured: |costs| over(costs, "compare", "mirror"),
        most: 1.25,
    },
    Goal {
        what: "a further plugin that does not claim the request, of 10, k instructions",
        measured: |costs| Some(costs.between("plugins-2", "plugins-10")? / 8.0 / 1e3),
        most: 25.0,
    },
    Goal {
        what: "the same, of 50",
        measured: |costs| Some(costs.between("plugins-10", "plugins-50")? / 40.0 / 1e3),
        most: 25.0,
    },
    Goal {
        what: "private MiB with the header rule, one worker",
        measured: |costs| Some(costs.of("header")?.memory?.first as f64 / MEBIBYTE),
        most: 36.0,
    },
    Goal {
        what: "MiB of a further worker with the header rule, beyond one without a filter",
        measured: |costs| {
            let further = |key| Some(costs.of(key)?.memory?.further as f64);
            Some((further("header")? - further("none")?) / MEBIBYTE)
        },
        most: 1.0,
    },
];

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// What the row `key` adds to no filter, as a multiple of what the row `base` adds.
pub fn over(costs: &Costs, key: &str, base: &str) -> Option<f64> {
    Some(costs.added(key)? / costs.added(base)?)
}

/// The goals whose rows were measured, as a table.
pub fn to_text(costs: &Costs) -> String {
    let goals = GOALS.iter().filter_map(|goal| {
        let measured = (goal.measured)(costs)?;
        let met = if measured <= goal.most {
            "met"
        } else {
            "missed"
        };
        Some([
            goal.what.to_owned(),
            format!("{measured:.2}"),
            format!("{:.2}", goal.most),
            met.to_owned(),
        ])
    });
    table::aligned(["goal", "measured", "at most", ""], goals)
}

/// The goals whose rows were measured.
pub fn to_json(costs: &Costs) -> Value {
    let goals = GOALS.iter().filter_map(|goal| {
        let measured = (goal.measured)(costs)?;
        Some(json!({"what": goal.what, "measured": measured, "at_most": goal.most}))
    });
    goals.collect()
}
