//! All that was measured, and what it comes to.

use serde_json::{Value, json};

use crate::ratios::Found;
use crate::rows::{RATIOS, Row};
use crate::spread::Spread;
use crate::stand::Sample;
use crate::table;

/// The rows with their samples, one for each round.
#[derive(Debug, Default)]
pub struct Results(Vec<(Row, Vec<Sample>)>);

impl Results {
    /// Of these rows, not measured yet.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self(rows.into_iter().map(|row| (row, Vec::new())).collect())
    }

    /// Adds a round: a sample for each row, in their order.
    pub fn add(&mut self, round: Vec<Sample>) {
        for ((_, samples), sample) in self.0.iter_mut().zip(round) {
            samples.push(sample);
        }
    }

    /// How much CPU time a request costs in `row` beyond what it costs in `base`, round by round.
    pub fn adds(&self, row: &str, base: &str) -> Option<Vec<f64>> {
        let samples = self.samples(row)?.iter().zip(self.samples(base)?);
        Some(samples.map(|(row, base)| row.cpu - base.cpu).collect())
    }

    /// A table and, below it, the ratios.
    pub fn to_text(&self) -> String {
        let mut text = table::aligned(
            [
                "row",
                "CPU µs/request",
                "min..max",
                "adds",
                "min..max",
                "over",
                "requests/s",
                "p50 µs",
                "p99 µs",
            ],
            self.0
                .iter()
                .filter_map(|(row, samples)| self.cells(row, samples)),
        );
        for found in self.ratios() {
            text.push('\n');
            text.push_str(&found.to_text());
        }
        text
    }

    /// For the file of results.
    pub fn to_json(&self) -> Value {
        let rows = self.0.iter().map(|(row, samples)| {
            let spread = |of: fn(&Sample) -> f64| {
                Spread::of(samples.iter().map(of)).map(|spread| spread.to_json())
            };
            json!({
                "key": row.key,
                "name": row.name,
                "base": row.base,
                "cpu_us": spread(|sample| sample.cpu),
                "adds_us": self.added(row).map(|spread| spread.to_json()),
                "requests_per_second": spread(|sample| sample.rate),
                "p50_us": spread(|sample| sample.p50),
                "p99_us": spread(|sample| sample.p99),
                "cpu_us_by_round": samples.iter().map(|sample| sample.cpu).collect::<Vec<_>>(),
            })
        });
        json!({
            "rows": rows.collect::<Vec<_>>(),
            "ratios": self.ratios().map(|found| found.to_json()).collect::<Vec<_>>(),
        })
    }

    fn ratios(&self) -> impl Iterator<Item = Found> {
        RATIOS.into_iter().filter_map(|ratio| ratio.of(self))
    }

    fn cells(&self, row: &Row, samples: &[Sample]) -> Option<[String; 9]> {
        let spread = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of));
        let cpu = spread(|sample| sample.cpu)?;
        let range = |spread: &Spread| format!("{:.1}..{:.1}", spread.min(), spread.max());
        let adds = self.added(row);
        Some([
            row.name.clone(),
            format!("{:.1}", cpu.median()),
            range(&cpu),
            adds.as_ref()
                .map_or_else(String::new, |adds| format!("{:.1}", adds.median())),
            adds.as_ref().map_or_else(String::new, range),
            adds.and(row.base.clone()).unwrap_or_default(),
            format!("{:.0}", spread(|sample| sample.rate)?.median()),
            format!("{:.0}", spread(|sample| sample.p50)?.median()),
            format!("{:.0}", spread(|sample| sample.p99)?.median()),
        ])
    }

    /// What a row adds to the one that it is compared with, if that one ran too.
    fn added(&self, row: &Row) -> Option<Spread> {
        Spread::of(self.adds(&row.key, row.base.as_deref()?)?)
    }

    fn samples(&self, key: &str) -> Option<&[Sample]> {
        let (_, samples) = self.0.iter().find(|(row, _)| row.key == key)?;
        Some(samples)
    }
}
