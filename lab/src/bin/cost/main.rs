//! `make cost`: the numbers that a build of the filter is judged by. They are the instructions that Envoy executes for a
//! request, and the private memory of Envoy.
//!
//! The instructions are those of Envoy's worker thread under [`callgrind`]. They repeat to 0.2 % on a busy machine, but memory
//! allocation costs more there than it does without Valgrind. So compare [`rows`] with rows. The memory is measured without
//! Valgrind, after requests.
//!
//! With `CHECK=1` it measures three rows only, and fails if the filter costs more than its [`budget`].

mod budget;
mod callgrind;
mod costs;
mod goals;
mod rows;
mod settings;

use std::fs;
use std::io::{Write, stdout};

use anyhow::{Context, Result};
use halftone_lab::tools;
use halftone_lab::workload::upstreams::Upstreams;

use costs::Costs;
use settings::Settings;

/// The file of the results.
const FILE: &str = "target/cost.json";

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read(&rows::all())?;
    let upstreams = Upstreams::start().await?;
    let mut costs = Costs::default();
    let rows = rows::all().into_iter();
    for row in rows.filter(|row| settings.wants(row.key)) {
        let cost = row.measure(&upstreams, !settings.is_check).await;
        costs
            .0
            .push(cost.with_context(|| format!("measuring the row {}", row.key))?);
    }
    if settings.is_check {
        let said = budget::check(&costs)?;
        return writeln!(stdout(), "{said}").context("printing");
    }
    let file = tools::workspace().join(FILE);
    fs::write(&file, format!("{:#}\n", costs.to_json()))
        .with_context(|| format!("writing {}", file.display()))?;
    write!(
        stdout(),
        "{}\nk instructions that each row adds to a request:\n\n{}\n{}\n{FILE} has the same numbers.\n",
        costs.to_text(settings.compare_with.as_ref()),
        costs.to_chart(),
        goals::to_text(&costs),
    )
    .context("printing")
}
