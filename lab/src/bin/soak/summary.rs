//! What was expected, and what was observed.

use halftone_lab::table;

/// One observation.
#[derive(Debug)]
pub struct Row {
    what: String,
    expected: String,
    observed: String,
    is_expected: bool,
}

impl Row {
    /// Expects this number.
    pub fn equal(what: &str, expected: u64, observed: u64) -> Self {
        Self {
            what: what.to_owned(),
            expected: expected.to_string(),
            observed: observed.to_string(),
            is_expected: expected == observed,
        }
    }

    /// Expects at least this number.
    pub fn at_least(what: &str, least: u64, observed: u64) -> Self {
        Self {
            expected: format!("at least {least}"),
            is_expected: observed >= least,
            ..Self::equal(what, least, observed)
        }
    }

    /// Expects at most this number.
    pub fn at_most(what: &str, most: u64, observed: u64) -> Self {
        Self {
            expected: format!("at most {most}"),
            is_expected: observed <= most,
            ..Self::equal(what, most, observed)
        }
    }

    /// Expects a slope of at most `most`, with a unit.
    pub fn slope(what: &str, most: f64, observed: Option<f64>, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            expected: format!("at most {most:.2} {unit}"),
            observed: observed.map_or("no samples".into(), |slope| format!("{slope:.2} {unit}")),
            is_expected: observed.is_some_and(|slope| slope <= most),
        }
    }

    /// Expects no error.
    pub fn without_error(what: &str, result: &anyhow::Result<()>) -> Self {
        Self {
            what: what.to_owned(),
            expected: "as documented".into(),
            observed: match result {
                Ok(()) => "as documented".into(),
                Err(error) => format!("{error:#}"),
            },
            is_expected: result.is_ok(),
        }
    }
}

/// All observations as a table.
pub fn text(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let ok = if row.is_expected { "ok" } else { "NO" };
        [&row.what, &row.expected, &row.observed, ok].map(str::to_owned)
    });
    table::aligned(["what", "expected", "observed", "ok"], cells)
}

/// Whether all observations are as expected.
pub fn is_expected(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.is_expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_broken_fails_the_run() {
        let failed = anyhow::anyhow!("no verdict");
        for (row, expected) in [
            (Row::equal("", 1, 1), true),
            (Row::equal("", 1, 2), false),
            (Row::at_least("", 1, 1), true),
            (Row::at_least("", 2, 1), false),
            (Row::at_most("", 1, 1), true),
            (Row::at_most("", 1, 2), false),
            (Row::slope("", 1.0, Some(1.0), ""), true),
            (Row::slope("", 1.0, Some(1.1), ""), false),
            (Row::slope("", 1.0, None, ""), false),
            (Row::without_error("", &Ok(())), true),
            (Row::without_error("", &Err(failed)), false),
        ] {
            assert_eq!(is_expected(&[row]), expected);
        }
    }
}
