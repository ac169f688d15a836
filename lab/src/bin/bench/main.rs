//! `make bench`: what a request costs Envoy, in CPU time and latency. `docs/performance.md` explains how to read the results.
//!
//! Each row is its own Envoy with one worker. All run at the same time, and only one at a time gets requests. The rows take
//! short turns, so that other load on the machine affects all of them, and are compared round by round. A closed loop
//! measures CPU time. Then an open loop, at one rate for all rows, measures latencies. [`settings`] lists the variables.
//!
//! # Layout
//!
//! - [`rows`] is the table of all rows. Their requests, servers and configurations are in [`halftone_lab::workload`].
//! - [`stand`] runs a row and measures a turn.
//! - [`results`] has the measurements, the [`ratios`], each a [`spread`], and the [`chart`].
//! - [`live`] and [`memory`] are not about rows.

mod chart;
mod live;
mod memory;
mod ratios;
mod results;
mod rows;
mod settings;
mod spread;
mod stand;

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, Result};
use halftone_lab::tools;
use halftone_lab::workload::upstreams::Upstreams;
use serde_json::{Value, json};

use results::{Measured, Results};
use settings::{LIVE, MEMORY, Settings};
use stand::{Outcome, Pace, Stand};

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read(&rows::keys())?;
    let mut report = json!({"rounds": settings.rounds, "requests": settings.requests});
    let mut keep = |key: &str, value: Value| {
        if let Some(report) = report.as_object_mut() {
            report.insert(key.to_owned(), value);
        }
    };
    let rows = rows::chosen(&settings);
    if !rows.is_empty() {
        let (results, rate) = measure(&settings, rows).await?;
        say(&format!(
            "A request through Envoy: medians of {} rounds. CPU and requests/s: a closed loop, {} requests to each row in a round. \
             Latencies: an open loop of {rate:.0} requests/s, {} requests to each row in a round.\n\n{}",
            settings.rounds,
            settings.closed_turn() * settings.turns(),
            settings.open_turn() * settings.turns(),
            results.to_text()
        ))?;
        keep("open_rate", json!(rate));
        keep("rows", results.rows_to_json());
        keep("ratios", results.ratios_to_json());
        if let Some(chart) = chart::draw(&results.all_added_to_none()) {
            write(&settings.results, "envoy.svg", &chart)?;
        }
    }
    if settings.wants(LIVE) {
        let found = live::measure(settings.rounds).await.context(LIVE)?;
        say(&live::to_text(&found))?;
        keep(LIVE, live::to_json(&found));
    }
    if settings.wants(MEMORY) {
        let found = memory::measure(settings.rounds).await.context(MEMORY)?;
        say(&found.to_text())?;
        keep(MEMORY, found.to_json());
    }
    let module = tools::module()?;
    let bytes = fs::metadata(&module)
        .with_context(|| format!("reading {}", module.display()))?
        .len();
    say(&format!("The module has {:.1} KB.", bytes as f64 / 1e3))?;
    keep("module_bytes", json!(bytes));
    write(&settings.results, "envoy.json", &format!("{report:#}\n"))?;
    say(&format!("{} has all results.", settings.results.display()))
}

/// Measures the rows. Returns the results, and the rate of the open loop in requests per second.
async fn measure(settings: &Settings, rows: Vec<rows::Row>) -> Result<(Results, f64)> {
    let upstreams = Upstreams::start().await?;
    let mut stands = Vec::new();
    for row in rows {
        let proxy = row.proxy(upstreams.proxy())?;
        stands.push(Stand::start(row, proxy).await?);
    }
    let mut measured: Vec<_> = stands
        .iter()
        .map(|stand| Measured::new(&stand.row))
        .collect();
    let turns = settings.turns();
    let closed = (Pace::Closed, settings.closed_turn());
    // The first round warms up and does not count.
    round(&mut stands, &upstreams, turns, closed).await?;
    for stand in &stands {
        stand.check().await?;
    }
    for _ in 0..settings.rounds {
        let outcomes = round(&mut stands, &upstreams, turns, closed).await?;
        for (measured, outcome) in measured.iter_mut().zip(&outcomes) {
            measured.closed(outcome);
        }
    }
    for (measured, stand) in measured.iter_mut().zip(&stands) {
        measured.memory(stand.memory()?);
    }
    let rate = Results::new(measured.clone())
        .open_rate()
        .context("no row was measured")?;
    for _ in 0..settings.rounds {
        let open = (Pace::Open(rate), settings.open_turn());
        let outcomes = round(&mut stands, &upstreams, turns, open).await?;
        for (measured, outcome) in measured.iter_mut().zip(&outcomes) {
            measured.open(outcome);
        }
    }
    for stand in stands {
        stand.end().await?;
    }
    Ok((Results::new(measured), rate))
}

/// Measures each row in this number of turns with this number of requests each. Returns the outcomes in the order of the rows.
///
/// The turns are short, so that a busy second of the machine slows down all rows. Each turn begins with another row.
async fn round(
    stands: &mut [Stand],
    upstreams: &Upstreams,
    turns: u64,
    (pace, requests): (Pace, u64),
) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<_> = stands.iter().map(|_| Outcome::default()).collect();
    for first in (0..stands.len()).cycle().take(turns as usize) {
        let mut turn: Vec<_> = stands.iter_mut().zip(&mut outcomes).collect();
        turn.rotate_left(first);
        for (stand, outcome) in turn {
            outcome.add(stand.turn(upstreams, pace, requests).await?);
        }
    }
    Ok(outcomes)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let file = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .with_context(|| format!("writing {}", file.display()))
}

fn say(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}").context("printing")
}
