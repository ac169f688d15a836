//! The settings of the benchmark, from environment variables.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use halftone_lab::tools;

/// The most turns of a row in a round.
const TURNS: u64 = 10;

/// The least number of requests in a turn of the closed loop, unless there is only one turn.
const TURN: u64 = 100;

/// The key of the time until a large configuration is live.
pub const LIVE: &str = "live";

/// The key of the memory that the plugin needs for each worker.
pub const MEMORY: &str = "memory";

/// The settings.
#[derive(Debug)]
pub struct Settings {
    /// `ROUNDS`: the number of times that each row is measured. Defaults to 7.
    pub rounds: u64,
    /// `REQUESTS`: the number of requests to each row in a round of the closed loop. Defaults to 10,000.
    pub requests: u64,
    /// `ROWS`: the keys of what to measure, separated by commas. Empty means all.
    keys: Vec<String>,
    /// `COMPARE_WITH`: another build of the filter. Each row with Halftone also runs with that build.
    pub compare_with: Option<PathBuf>,
    /// `RESULTS`: the folder of the results. Defaults to `target/bench`.
    pub results: PathBuf,
}

impl Settings {
    /// Reads the settings; `rows` are the keys of all rows.
    pub fn read(rows: &[String]) -> Result<Self> {
        let keys = chosen(&text("ROWS").unwrap_or_default(), rows)?;
        let compare_with = text("COMPARE_WITH").map(PathBuf::from);
        if let Some(module) = &compare_with {
            ensure!(
                module.is_file(),
                "COMPARE_WITH: {} does not exist; build the other filter first",
                module.display()
            );
        }
        let rounds = number("ROUNDS", 7)?;
        ensure!(rounds > 0, "ROUNDS: expected at least 1, got 0");
        let requests = number("REQUESTS", 10_000)?;
        ensure!(requests > 0, "REQUESTS: expected at least 1, got 0");
        let results = text("RESULTS").map(PathBuf::from);
        Ok(Self {
            rounds,
            requests,
            keys,
            compare_with,
            results: results.unwrap_or_else(|| tools::workspace().join("target/bench")),
        })
    }

    /// Whether to measure `key`.
    pub fn wants(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }

    /// The number of turns of each row in a round.
    pub fn turns(&self) -> u64 {
        (self.requests / TURN).clamp(1, TURNS)
    }

    /// The number of requests in a turn of the closed loop.
    pub fn closed_turn(&self) -> u64 {
        self.requests / self.turns()
    }

    /// The number of requests in a turn of the open loop, which is slower.
    pub fn open_turn(&self) -> u64 {
        (self.closed_turn() / 4).max(1)
    }
}

/// The keys in `text`. Each must be known.
fn chosen(text: &str, rows: &[String]) -> Result<Vec<String>> {
    let known: Vec<&str> = rows
        .iter()
        .map(String::as_str)
        .chain([LIVE, MEMORY])
        .collect();
    let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys: Vec<String> = keys.map(str::to_owned).collect();
    for key in &keys {
        ensure!(
            known.contains(&key.as_str()),
            "ROWS: unknown row {key}; the rows are {}",
            known.join(", ")
        );
    }
    Ok(keys)
}

fn number(variable: &str, default: u64) -> Result<u64> {
    text(variable).map_or(Ok(default), |text| {
        text.parse()
            .with_context(|| format!("{variable}: expected a number, got {text:?}"))
    })
}

/// The value of a variable; `None` also when it is empty.
fn text(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_have_short_turns() {
        let turns = |requests| {
            let settings = Settings {
                rounds: 1,
                requests,
                keys: Vec::new(),
                compare_with: None,
                results: PathBuf::new(),
            };
            [
                settings.turns(),
                settings.closed_turn(),
                settings.open_turn(),
            ]
        };
        assert_eq!(turns(10_000), [10, 1000, 250]);
        assert_eq!(turns(250), [2, 125, 31]);
        assert_eq!(turns(3), [1, 3, 1]);
    }

    #[test]
    fn an_unknown_key_is_reported_with_the_known_ones() {
        let rows = ["none".to_owned(), "empty".to_owned()];
        let chosen = |text| chosen(text, &rows).map_err(|error| error.to_string());
        assert_eq!(
            chosen(" none, live"),
            Ok(vec!["none".into(), "live".into()])
        );
        assert_eq!(chosen(""), Ok(Vec::new()));
        assert_eq!(
            chosen("none,nothing"),
            Err("ROWS: unknown row nothing; the rows are none, empty, live, memory".to_owned())
        );
    }
}
