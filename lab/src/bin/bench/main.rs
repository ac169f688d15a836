//! What a request costs the Envoy that it goes through: `make bench`.
//!
//! Each row is an Envoy of its own with one worker; all run at the same time, and only one at a time has requests. The rows
//! take short turns: what the machine does besides comes over all of them, and rows are compared round by round. Client and
//! upstreams run on the same machine, so it is the CPU time of the Envoy process that tells; requests per second and
//! latencies are those of a closed loop and tell less. [`settings`] says what can be set.
//!
//! # Layout
//!
//! - [`rows`] is the table of what is measured; [`traffic`] is what goes over the wire.
//! - [`stand`] runs a row and measures a turn of it, with [`cpu`].
//! - [`results`] is what it comes to: the [`ratios`], each a [`spread`], and the [`table`].

mod cpu;
mod ratios;
mod results;
mod rows;
mod settings;
mod spread;
mod stand;
mod table;
mod traffic;

use std::fs;
use std::io::{Write, stdout};

use anyhow::{Context, Result};
use halftone_lab::tools;
use serde_json::json;

use results::Results;
use settings::{Settings, TURNS};
use stand::{Sample, Stand};

/// Where the numbers are left.
const FILE: &str = "target/bench/envoy.json";

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::read()?;
    let mut stands = Vec::new();
    for row in rows::chosen(&settings)? {
        stands.push(Stand::start(row).await?);
    }
    let mut results = Results::new(stands.iter().map(|stand| stand.row.clone()));
    // The first round is to warm up, and not counted.
    round(&mut stands, settings.requests).await?;
    for stand in &stands {
        stand.check().await?;
    }
    for _ in 0..settings.rounds {
        results.add(round(&mut stands, settings.requests).await?);
    }
    for stand in stands {
        stand.end().await?;
    }
    report(&settings, &results)
}

/// Measures each row once: a sample for each, in their order.
///
/// The requests are sent in turns, short ones, so that a second in which the machine is busy slows down all rows. Each turn
/// begins with another row.
async fn round(stands: &mut [Stand], requests: u64) -> Result<Vec<Sample>> {
    let mut samples = vec![Vec::new(); stands.len()];
    for first in (0..stands.len()).cycle().take(TURNS as usize) {
        let mut turns: Vec<_> = stands.iter_mut().zip(&mut samples).collect();
        turns.rotate_left(first);
        for (stand, samples) in turns {
            samples.push(stand.measure(requests / TURNS).await?);
        }
    }
    Ok(samples.iter().map(|turns| Sample::mean(turns)).collect())
}

fn report(settings: &Settings, results: &Results) -> Result<()> {
    let Settings {
        rounds, requests, ..
    } = settings;
    let mut json = results.to_json();
    if let Some(json) = json.as_object_mut() {
        json.insert("rounds".into(), json!(rounds));
        json.insert("requests".into(), json!(requests));
    }
    let file = tools::workspace().join(FILE);
    file.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&file, format!("{json:#}\n")))
        .with_context(|| format!("writing {FILE}"))?;
    write!(
        stdout(),
        "A request through Envoy: medians of {rounds} rounds, {requests} requests a row in each; all in {FILE}\n\n{}\n",
        results.to_text()
    )
    .context("printing")
}
