//! What the environment says.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use halftone_lab::tools;

/// How many turns each row has in a round at most.
const TURNS: u64 = 10;

/// How many requests a turn of the closed loop has, unless there is but one turn.
const TURN: u64 = 100;

/// The key of the time that a large configuration takes to be live.
pub const LIVE: &str = "live";

/// The key of the memory that a worker's plugin takes.
pub const MEMORY: &str = "memory";

/// How the benchmark runs.
#[derive(Debug)]
pub struct Settings {
    /// `ROUNDS`: how often each row is measured. 7.
    pub rounds: u64,
    /// `REQUESTS`: how many requests each row gets in a round of the closed loop. 10,000.
    pub requests: u64,
    /// `ROWS`: the keys of what is measured, with commas between them; empty: all.
    keys: Vec<String>,
    /// `COMPARE_WITH`: another build of the filter. Each row with Halftone is run with that one too.
    pub compare_with: Option<PathBuf>,
    /// `RESULTS`: the folder that the results are written to. `target/bench`.
    pub results: PathBuf,
}

impl Settings {
    /// Reads them; `rows` are the keys of the rows that there are.
    pub fn read(rows: &[String]) -> Result<Self> {
        let keys = chosen(&text("ROWS").unwrap_or_default(), rows)?;
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
        ensure!(requests > 0, "REQUESTS is 1 at least");
        let results = text("RESULTS").map(PathBuf::from);
        Ok(Self {
            rounds,
            requests,
            keys,
            compare_with,
            results: results.unwrap_or_else(|| tools::workspace().join("target/bench")),
        })
    }

    /// Whether this is to be measured.
    pub fn wants(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }

    /// How many turns each row has in a round.
    pub fn turns(&self) -> u64 {
        (self.requests / TURN).clamp(1, TURNS)
    }

    /// How many requests a row gets in a turn of the closed loop.
    pub fn closed_turn(&self) -> u64 {
        self.requests / self.turns()
    }

    /// The same of the open loop, which is slower.
    pub fn open_turn(&self) -> u64 {
        (self.closed_turn() / 4).max(1)
    }
}

/// The keys in `text`, all of which must be known.
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
            "ROWS: there is no {key}; there are {}",
            known.join(", ")
        );
    }
    Ok(keys)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_of_short_turns() {
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
    fn a_key_that_there_is_not_is_told_with_those_that_there_are() {
        let rows = ["none".to_owned(), "empty".to_owned()];
        let chosen = |text| chosen(text, &rows).map_err(|error| error.to_string());
        assert_eq!(
            chosen(" none, live"),
            Ok(vec!["none".into(), "live".into()])
        );
        assert_eq!(chosen(""), Ok(Vec::new()));
        assert_eq!(
            chosen("none,nothing"),
            Err("ROWS: there is no nothing; there are none, empty, live, memory".to_owned())
        );
    }
}
