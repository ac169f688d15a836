//! What a row adds, by what Envoy's own mirror adds.

use serde_json::{Value, json};

use crate::results::Results;
use crate::spread::Spread;

/// The two rows whose difference is Envoy's own mirror.
const NATIVE: [&str; 2] = ["native", "none"];

/// One ratio of interest.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// What is added to.
    what: &'static str,
    row: &'static str,
    base: &'static str,
    goal: Option<f64>,
}

impl Ratio {
    /// What `row` adds to `base`, by what Envoy's own mirror adds.
    pub const fn new(
        what: &'static str,
        row: &'static str,
        base: &'static str,
        goal: Option<f64>,
    ) -> Self {
        Self {
            what,
            row,
            base,
            goal,
        }
    }

    /// With its numbers; `None` when a row of it did not run.
    pub fn of(self, results: &Results) -> Option<Found> {
        let adds = results.adds(self.row, self.base)?;
        let [native, none] = NATIVE;
        let native = results.adds(native, none)?;
        // Round by round: what slows down a round slows down both.
        let ratios = adds.iter().zip(&native).map(|(adds, native)| adds / native);
        Some(Found {
            ratio: self,
            value: Spread::of(ratios)?,
            adds: Spread::of(adds.iter().copied())?,
            native: Spread::of(native.iter().copied())?,
        })
    }
}

/// A ratio that was measured.
#[derive(Debug)]
pub struct Found {
    ratio: Ratio,
    value: Spread,
    adds: Spread,
    native: Spread,
}

impl Found {
    /// In plain words.
    pub fn to_text(&self) -> String {
        let goal = self.ratio.goal.map(|goal| format!(", goal <= {goal}"));
        format!(
            "{} adds {:.1} µs, native adds {:.1} µs: ratio {:.2} ({:.2} to {:.2}{})",
            self.ratio.what,
            self.adds.median(),
            self.native.median(),
            self.value.median(),
            self.value.min(),
            self.value.max(),
            goal.unwrap_or_default()
        )
    }

    /// For the file of results.
    pub fn to_json(&self) -> Value {
        json!({
            "what": self.ratio.what,
            "row": self.ratio.row,
            "base": self.ratio.base,
            "goal": self.ratio.goal,
            "ratio": self.value.to_json(),
            "adds_us": self.adds.to_json(),
            "native_adds_us": self.native.to_json(),
        })
    }
}
