//! What the environment says.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// How many turns each row has in a round.
pub const TURNS: u64 = 10;

/// How the benchmark runs.
#[derive(Debug)]
pub struct Settings {
    /// `ROUNDS`: how often each row is measured. 7.
    pub rounds: u64,
    /// `REQUESTS`: how many requests each row gets in a round, a multiple of [`TURNS`]. 10,000.
    pub requests: u64,
    /// `ROWS`: the keys of the rows to run, with commas between them; empty: all.
    pub rows: Vec<String>,
    /// `COMPARE_WITH`: another build of the filter. Each row with Halftone is run with that one too.
    pub compare_with: Option<PathBuf>,
}

impl Settings {
    /// Reads them.
    pub fn read() -> Result<Self> {
        let rows = text("ROWS").unwrap_or_default();
        let compare_with = text("COMPARE_WITH").map(PathBuf::from);
        if let Some(module) = &compare_with {
            ensure!(
                module.is_file(),
                "COMPARE_WITH: no file {}",
                module.display()
            );
        }
        let rounds = number("ROUNDS", 7)?;
        ensure!(rounds > 0, "ROUNDS is 1 at least");
        let requests = number("REQUESTS", 10_000)?;
        ensure!(
            requests > 0 && requests.is_multiple_of(TURNS),
            "REQUESTS is a multiple of {TURNS}, and not {requests}"
        );
        let keys = rows.split(',').map(str::trim).filter(|key| !key.is_empty());
        Ok(Self {
            rounds,
            requests,
            rows: keys.map(str::to_owned).collect(),
            compare_with,
        })
    }
}

fn number(variable: &str, default: u64) -> Result<u64> {
    text(variable).map_or(Ok(default), |text| {
        text.parse()
            .with_context(|| format!("{variable} is no number: {text}"))
    })
}

/// An empty variable counts as none.
fn text(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|text| !text.is_empty())
}
