//! The measurements of all rows, and what follows from them.

use std::time::Duration;

use halftone_lab::table;
use serde_json::{Value, json};

use crate::ratios::{Found, RATIOS};
use crate::rows::Row;
use crate::spread::Spread;
use crate::stand::Outcome;

/// The measurements of all rows.
#[derive(Debug, Default)]
pub struct Results(Vec<Measured>);

/// The measurements of one row. A list has one number for each round.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    key: String,
    name: String,
    base: Option<String>,
    /// Microseconds of CPU time that Envoy spent on a request.
    cpu: Vec<f64>,
    /// Requests per second of the closed loop.
    rate: Vec<f64>,
    /// The median latency of the open loop, in microseconds.
    p50: Vec<f64>,
    /// The 99th percentile of the latency of the open loop, in microseconds.
    p99: Vec<f64>,
    /// Resident and private memory at the end of the closed loop, in bytes.
    memory: [u64; 2],
}

impl Measured {
    /// No measurements of `row` yet.
    pub fn new(row: &Row) -> Self {
        Self {
            key: row.key.clone(),
            name: row.name.clone(),
            base: row.base.clone(),
            ..Self::default()
        }
    }

    /// Adds a round of the closed loop.
    pub fn closed(&mut self, round: &Outcome) {
        let requests = round.report.answers() as f64;
        self.cpu.push(microseconds(round.spent) / requests);
        self.rate.push(round.report.rate());
    }

    /// Adds a round of the open loop.
    pub fn open(&mut self, round: &Outcome) {
        self.p50.push(microseconds(round.report.latency(50)));
        self.p99.push(microseconds(round.report.latency(99)));
    }

    /// Sets the memory.
    pub fn memory(&mut self, memory: [u64; 2]) {
        self.memory = memory;
    }

    fn cells(&self, results: &Results) -> Option<[String; 10]> {
        let adds = results.added(self);
        let adds = adds.as_ref();
        let text = |of: fn(&Spread) -> String| adds.map(of).unwrap_or_default();
        let cpu = Spread::of(self.cpu.iter().copied())?;
        let [resident, _] = self.memory;
        Some([
            self.name.clone(),
            format!("{:.1}", cpu.median()),
            cpu.range(1),
            text(|adds| format!("{:.1}", adds.median())),
            text(|adds| adds.range(1)),
            adds.and(self.base.clone()).unwrap_or_default(),
            rounded(&self.rate),
            rounded(&self.p50),
            rounded(&self.p99),
            format!("{:.1}", resident as f64 / 1e6),
        ])
    }

    fn to_json(&self, results: &Results) -> Value {
        let spread = |numbers: &[f64]| Spread::of(numbers.iter().copied()).map(|all| all.to_json());
        let [resident, private] = self.memory;
        json!({
            "key": self.key,
            "name": self.name,
            "base": self.base,
            "cpu_us": spread(&self.cpu),
            "adds_us": results.added(self).map(|adds| adds.to_json()),
            "adds_to_none_us": results.added_to_none(self).map(|adds| adds.to_json()),
            "requests_per_second": spread(&self.rate),
            "p50_us": spread(&self.p50),
            "p99_us": spread(&self.p99),
            "resident_bytes": resident,
            "private_bytes": private,
            "cpu_us_by_round": self.cpu,
        })
    }
}

impl Results {
    /// The results of these rows.
    pub fn new(rows: Vec<Measured>) -> Self {
        Self(rows)
    }

    /// The CPU time that a request costs more in `row` than in `base`, in microseconds, for each round.
    pub fn adds(&self, row: &str, base: &str) -> Option<Vec<f64>> {
        let rounds = self.row(row)?.cpu.iter().zip(&self.row(base)?.cpu);
        Some(rounds.map(|(row, base)| row - base).collect())
    }

    /// The rate of the open loop in requests per second: half of the rate that every row reached in the closed loop. `None` when
    /// no row was measured.
    pub fn open_rate(&self) -> Option<f64> {
        let rates = self
            .0
            .iter()
            .filter_map(|row| Spread::of(row.rate.iter().copied()));
        Some(Spread::of(rates.map(|rate| rate.median()))?.min() / 2.0)
    }

    /// The name of each row, and what it adds to the row without a filter.
    pub fn all_added_to_none(&self) -> Vec<(&str, Spread)> {
        self.0
            .iter()
            .filter_map(|row| Some((row.name.as_str(), self.added_to_none(row)?)))
            .collect()
    }

    /// A table of the rows and a table of the ratios.
    pub fn to_text(&self) -> String {
        let head = [
            "row",
            "CPU µs/request",
            "min..max",
            "adds",
            "min..max",
            "over",
            "requests/s",
            "p50 µs",
            "p99 µs",
            "MB",
        ];
        let mut text = table::aligned(head, self.0.iter().filter_map(|row| row.cells(self)));
        let ratios: Vec<_> = self.ratios().map(|found| found.cells()).collect();
        if !ratios.is_empty() {
            text.push('\n');
            text.push_str(&table::aligned(Found::HEAD, ratios.into_iter()));
        }
        text
    }

    /// The entry of the rows in the file of results.
    pub fn rows_to_json(&self) -> Value {
        self.0.iter().map(|row| row.to_json(self)).collect()
    }

    /// The entry of the ratios in the file of results.
    pub fn ratios_to_json(&self) -> Value {
        self.ratios().map(|found| found.to_json()).collect()
    }

    fn ratios(&self) -> impl Iterator<Item = Found> {
        RATIOS.into_iter().filter_map(|ratio| ratio.found(self))
    }

    /// What a row adds to its base, if the base ran.
    fn added(&self, row: &Measured) -> Option<Spread> {
        Spread::of(self.adds(&row.key, row.base.as_deref()?)?)
    }

    /// What a row adds to the row without a filter.
    fn added_to_none(&self, row: &Measured) -> Option<Spread> {
        const NONE: &str = "none";
        if row.key == NONE {
            return None;
        }
        Spread::of(self.adds(&row.key, NONE)?)
    }

    fn row(&self, key: &str) -> Option<&Measured> {
        self.0.iter().find(|row| row.key == key)
    }

    /// Results that have only CPU times.
    #[cfg(test)]
    pub fn of_cpu(rows: &[(&str, &[f64])]) -> Self {
        let measured = |(key, cpu): &(&str, &[f64])| Measured {
            key: (*key).to_owned(),
            name: (*key).to_owned(),
            cpu: cpu.to_vec(),
            ..Measured::default()
        };
        Self(rows.iter().map(measured).collect())
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn rounded(numbers: &[f64]) -> String {
    Spread::of(numbers.iter().copied())
        .map_or_else(String::new, |all| format!("{:.0}", all.median()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_open_loop_is_half_of_what_every_row_reached() {
        let row = |rate: &[f64]| Measured {
            rate: rate.to_vec(),
            ..Measured::default()
        };
        let results = Results::new(vec![
            row(&[900.0, 1000.0, 1100.0]),
            row(&[300.0, 700.0, 800.0]),
        ]);
        assert_eq!(results.open_rate(), Some(350.0));
        assert_eq!(Results::default().open_rate(), None);
    }
}
