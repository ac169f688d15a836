//! `make cost`: the two numbers that a build of the filter is judged by. They are the instructions that Envoy executes for a
//! request, and the private memory of Envoy with one worker.
//!
//! The instructions are those of Envoy's worker thread under [`callgrind`]. They repeat to 0.1 % on a busy machine, but memory
//! allocation costs more there than it does without Valgrind. So compare [`rows`] with rows. The memory is measured without
//! Valgrind, after requests.

mod callgrind;
mod rows;

use std::fs;
use std::io::{Write, stdout};

use anyhow::{Context, Result};
use halftone_lab::workload::upstreams::Upstreams;
use halftone_lab::{table, tools};
use serde_json::{Value, json};

use rows::{Cost, Row};

/// The file of the results.
const FILE: &str = "target/cost.json";

/// The most instructions that the header rule may add, as a multiple of what the floor adds.
const MOST_ADDED: f64 = 1.12;

/// The most private memory that Envoy with the header rule may have, in MiB.
const MOST_MEMORY: f64 = 38.0;

#[tokio::main]
async fn main() -> Result<()> {
    let upstreams = Upstreams::start().await?;
    let mut costs = Vec::new();
    for row in Row::ALL {
        let cost = row.measure(&upstreams).await;
        costs.push(cost.with_context(|| format!("measuring the row {}", row.key()))?);
    }
    let costs = Costs(costs);
    let file = tools::workspace().join(FILE);
    fs::write(&file, format!("{:#}\n", costs.to_json()))
        .with_context(|| format!("writing {}", file.display()))?;
    write!(
        stdout(),
        "{}\n{FILE} has the same numbers.\n",
        costs.to_text()
    )
    .context("printing")
}

/// The costs of all rows.
struct Costs(Vec<Cost>);

impl Costs {
    fn to_text(&self) -> String {
        let rows = self.0.iter().map(|cost| {
            [
                cost.row.name().to_owned(),
                thousands(cost.instructions as f64),
                self.added(cost.row).map(thousands).unwrap_or_default(),
                format!("{:.1}", 100.0 * cost.spread),
                format!("{:.1}", mebibytes(cost.memory)),
            ]
        });
        let head = [
            "row",
            "k instructions/request",
            "added",
            "spread %",
            "private MiB",
        ];
        let mut text = table::aligned(head, rows);
        if let Some(ratio) = self.over_floor() {
            text += &format!(
                "\nThe header rule adds {ratio:.2} times the instructions of the floor; the goal is at most {MOST_ADDED}: {}.\n",
                met(ratio <= MOST_ADDED)
            );
        }
        if let Some(header) = self.of(Row::Header) {
            let memory = mebibytes(header.memory);
            text += &format!(
                "Envoy with the header rule has {memory:.1} MiB of private memory; the goal is at most {MOST_MEMORY} MiB: {}.\n",
                met(memory <= MOST_MEMORY)
            );
        }
        text
    }

    fn to_json(&self) -> Value {
        let rows: Value = self
            .0
            .iter()
            .map(|cost| {
                json!({
                    "key": cost.row.key(),
                    "instructions": cost.instructions,
                    "added_instructions": self.added(cost.row),
                    "spread": cost.spread,
                    "private_bytes": cost.memory,
                })
            })
            .collect();
        json!({"rows": rows, "header_over_floor": self.over_floor()})
    }

    fn of(&self, row: Row) -> Option<&Cost> {
        self.0.iter().find(|cost| cost.row == row)
    }

    /// The instructions of a request beyond those of [`Row::None`].
    fn added(&self, row: Row) -> Option<f64> {
        let (cost, none) = (self.of(row)?, self.of(Row::None)?);
        (row != Row::None).then_some(cost.instructions as f64 - none.instructions as f64)
    }

    fn over_floor(&self) -> Option<f64> {
        Some(self.added(Row::Header)? / self.added(Row::Floor)?)
    }
}

fn thousands(instructions: f64) -> String {
    format!("{:.1}", instructions / 1e3)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}
