//! The costs of all rows that were measured, as a table and as JSON.

use halftone_lab::table;
use serde_json::{Value, json};

use crate::goals;
use crate::rows::{Cost, Memory};

/// The key of the row without a filter.
const NONE: &str = "none";

/// The costs of all rows.
#[derive(Debug, Default)]
pub struct Costs(pub Vec<Cost>);

impl Costs {
    /// A table. `before` is a former result, whose numbers it has beside the new ones.
    pub fn to_text(&self, before: Option<&Value>) -> String {
        let rows = self.0.iter().map(|cost| {
            let key = cost.row.key;
            let added = self.added(key);
            let added_before = before.and_then(|before| added_in(before, key));
            let memory = |of: fn(Memory) -> u64| cost.memory.map(of).map(mebibytes);
            [
                key.to_owned(),
                cost.row.name.to_owned(),
                thousands(cost.instructions as f64),
                added.map(thousands).unwrap_or_default(),
                added_before.map(thousands).unwrap_or_default(),
                format!("{:.1}", 100.0 * cost.spread),
                memory(|memory| memory.first).unwrap_or_default(),
                memory(|memory| memory.further).unwrap_or_default(),
            ]
        });
        let head = [
            "row",
            "what",
            "k instr./request",
            "added",
            "before",
            "spread %",
            "private MiB",
            "further worker",
        ];
        table::aligned(head, rows)
    }

    /// What each row adds, as bars of a character for each 4,000 instructions.
    pub fn to_chart(&self) -> String {
        let added = self.0.iter().filter_map(|cost| {
            let row = cost.row;
            Some((row.name, self.added(row.key)?))
        });
        chart(&Vec::from_iter(added))
    }

    /// The same numbers, and the goals.
    pub fn to_json(&self) -> Value {
        let rows: Value = self
            .0
            .iter()
            .map(|cost| {
                json!({
                    "key": cost.row.key,
                    "instructions": cost.instructions,
                    "added_instructions": self.added(cost.row.key),
                    "spread": cost.spread,
                    "private_bytes": cost.memory.map(|memory| memory.first),
                    "private_bytes_of_a_further_worker": cost.memory.map(|memory| memory.further),
                })
            })
            .collect();
        json!({"rows": rows, "goals": goals::to_json(self)})
    }

    /// The row with this key, if it was measured.
    pub fn of(&self, key: &str) -> Option<&Cost> {
        self.0.iter().find(|cost| cost.row.key == key)
    }

    /// The instructions of a request in the row `key` beyond those in the row `base`.
    pub fn between(&self, base: &str, key: &str) -> Option<f64> {
        let instructions = |key| Some(self.of(key)?.instructions as f64);
        Some(instructions(key)? - instructions(base)?)
    }

    /// The instructions of a request beyond those without a filter.
    pub fn added(&self, key: &str) -> Option<f64> {
        (key != NONE).then(|| self.between(NONE, key))?
    }
}

fn chart(rows: &[(&str, f64)]) -> String {
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or_default();
    let line = |(name, added): &(&str, f64)| {
        let bar = "█".repeat((added / 4e3).round().max(0.0) as usize);
        format!("{name:width$}  {bar} {}\n", thousands(*added))
    };
    rows.iter().map(line).collect()
}

/// The added instructions of a row in a former result.
fn added_in(result: &Value, key: &str) -> Option<f64> {
    let rows = result.get("rows")?.as_array()?;
    let row = rows
        .iter()
        .find(|row| row.get("key").is_some_and(|one| one == key))?;
    row.get("added_instructions")?.as_f64()
}

/// Thousands of instructions.
pub fn thousands(instructions: f64) -> String {
    format!("{:.1}", instructions / 1e3)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_character_for_each_4000_instructions() {
        let rows = [("one", 4_000.0), ("three", 12_345.0), ("none", -100.0)];
        assert_eq!(
            chart(&rows),
            "one    █ 4.0\nthree  ███ 12.3\nnone    -0.1\n"
        );
    }

    #[test]
    fn a_row_is_found_in_a_former_result() {
        let result = json!({"rows": [
            {"key": "none", "added_instructions": null},
            {"key": "header", "added_instructions": 64_000.0},
        ]});
        assert_eq!(added_in(&result, "header"), Some(64_000.0));
        assert_eq!(added_in(&result, "none"), None);
        assert_eq!(added_in(&result, "split"), None);
    }
}
