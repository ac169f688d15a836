//! The settings of the measurement, from environment variables.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::rows::Row;

/// The keys of the rows that the budget is about.
const IN_BUDGET: [&str; 3] = ["none", "floor", "header"];

/// The settings.
#[derive(Debug, Default)]
pub struct Settings {
    /// `CHECK`: whether only the budget is checked. No memory is measured then.
    pub is_check: bool,
    /// `ROWS`: the keys of the rows to measure, separated by commas. Empty means all.
    keys: Vec<String>,
    /// `COMPARE_WITH`: a former result.
    pub compare_with: Option<Value>,
}

impl Settings {
    /// Reads the settings; `rows` are all rows.
    pub fn read(rows: &[Row]) -> Result<Self> {
        let text = |name| env::var(name).unwrap_or_default();
        let former = text("COMPARE_WITH");
        Ok(Self {
            is_check: !text("CHECK").is_empty(),
            keys: keys(&text("ROWS"), rows)?,
            compare_with: (!former.is_empty())
                .then(|| read(&PathBuf::from(former)))
                .transpose()?,
        })
    }

    /// Whether to measure the row with this key.
    pub fn wants(&self, key: &str) -> bool {
        if self.is_check {
            return IN_BUDGET.contains(&key);
        }
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }
}

fn read(file: &PathBuf) -> Result<Value> {
    let bytes =
        std::fs::read(file).with_context(|| format!("COMPARE_WITH: reading {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| {
        format!(
            "COMPARE_WITH: {} is no result of `make cost`",
            file.display()
        )
    })
}

/// The keys in `text`. Each must be that of a row.
fn keys(text: &str, rows: &[Row]) -> Result<Vec<String>> {
    let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys: Vec<String> = keys.map(str::to_owned).collect();
    for key in &keys {
        ensure!(
            rows.iter().any(|row| row.key == *key),
            "ROWS: unknown row {key}; the rows are {}",
            Vec::from_iter(rows.iter().map(|row| row.key)).join(", ")
        );
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    #[test]
    fn an_unknown_row_is_reported_with_the_known_ones() {
        let rows = rows::all();
        let keys = |text| keys(text, rows.get(..2).unwrap_or_default());
        assert_eq!(keys(" none, empty").unwrap(), ["none", "empty"]);
        assert_eq!(
            keys("none,nothing").unwrap_err().to_string(),
            "ROWS: unknown row nothing; the rows are none, empty"
        );
    }

    #[test]
    fn the_rows_of_the_budget_exist() {
        let settings = Settings {
            is_check: true,
            ..Settings::default()
        };
        let chosen = rows::all()
            .into_iter()
            .filter(|row| settings.wants(row.key));
        assert_eq!(Vec::from_iter(chosen.map(|row| row.key)), IN_BUDGET);
    }
}
