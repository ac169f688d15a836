//! Expected and observed values in a table.

use std::fmt;

/// The most standard errors between an observed and an expected share. By chance, one in 16,000 exceeds it.
const STANDARD_ERRORS: f64 = 4.0;

/// One observation.
#[derive(Debug)]
pub struct Row {
    what: String,
    expected: String,
    observed: String,
    /// Whether the observation is as expected.
    pub ok: bool,
}

impl Row {
    /// Expects this text.
    pub fn text(what: &str, expected: &str, observed: &str) -> Self {
        Self {
            what: what.to_owned(),
            expected: expected.to_owned(),
            observed: observed.to_owned(),
            ok: expected == observed,
        }
    }

    /// Expects this number.
    pub fn count(what: &str, expected: u64, observed: u64) -> Self {
        Self::text(what, &thousands(expected), &thousands(observed))
    }

    /// Expects 0.
    pub fn none(what: &str, observed: u64) -> Self {
        Self::count(what, 0, observed)
    }

    /// Expects at least 1.
    pub fn some(what: &str, observed: u64) -> Self {
        Self {
            ok: observed > 0,
            ..Self::text(what, "more than 0", &thousands(observed))
        }
    }

    /// Expects a time of at most `most`, in milliseconds.
    pub fn milliseconds(what: &str, most: f64, observed: f64) -> Self {
        Self {
            what: what.to_owned(),
            expected: format!("at most {most} ms"),
            observed: format!("{observed:.1} ms"),
            ok: observed <= most,
        }
    }

    /// Expects `some` to be `percent` of `all`, within [`STANDARD_ERRORS`].
    pub fn share(what: &str, percent: f64, some: u64, all: u64) -> Self {
        let tolerance = STANDARD_ERRORS * (percent * (100.0 - percent) / all.max(1) as f64).sqrt();
        let observed = 100.0 * some as f64 / all.max(1) as f64;
        Self {
            what: what.to_owned(),
            expected: format!("{percent} % ± {tolerance:.2}"),
            observed: format!("{observed:.2} % ({})", thousands(some)),
            ok: (observed - percent).abs() <= tolerance,
        }
    }

    /// Expects `some` to be between two percentages of `all`, within [`STANDARD_ERRORS`]: the share changes while it is
    /// observed.
    pub fn between(what: &str, (least, most): (f64, f64), some: u64, all: u64) -> Self {
        let error = |percent: f64| {
            STANDARD_ERRORS * (percent * (100.0 - percent) / all.max(1) as f64).sqrt()
        };
        let (least, most) = (
            (least - error(least)).max(0.0),
            (most + error(most)).min(100.0),
        );
        let observed = 100.0 * some as f64 / all.max(1) as f64;
        Self {
            what: what.to_owned(),
            expected: format!("{least:.2} to {most:.2} %"),
            observed: format!("{observed:.2} % ({})", thousands(some)),
            ok: (least..=most).contains(&observed),
        }
    }

    fn cells(&self) -> [&str; 4] {
        let ok = if self.ok { "ok" } else { "NO" };
        [&self.what, &self.expected, &self.observed, ok]
    }
}

/// One line, for the list of unexpected observations.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            expected,
            observed,
            ..
        } = self;
        write!(f, "{what}: expected {expected}, observed {observed}")
    }
}

/// The observations of a scene.
#[derive(Debug)]
pub struct Table(pub Vec<Row>);

/// A table with a head. Columns are as wide as their widest cells.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "expected", "observed", "ok"];
        let mut widths = head.map(str::len);
        for row in &self.0 {
            for (width, cell) in widths.iter_mut().zip(row.cells()) {
                *width = cell.chars().count().max(*width);
            }
        }
        let rules = widths.map(|width| "-".repeat(width));
        let lines = [head, rules.each_ref().map(String::as_str)];
        for cells in lines.into_iter().chain(self.0.iter().map(Row::cells)) {
            let padded = cells.iter().zip(widths);
            let line: String = padded
                .map(|(cell, width)| format!("  {cell:width$}"))
                .collect();
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The number with commas between groups of three digits: `20,000`.
pub fn thousands(number: u64) -> String {
    let rest = number % 1000;
    match number / 1000 {
        0 => rest.to_string(),
        above => format!("{},{rest:03}", thousands(above)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cells() {
        let table = Table(vec![
            Row::text("end-user: jason", "v2", "v1"),
            Row::share("share of v2", 10.0, 2_040, 20_000),
            Row::none("requests that failed", 0),
        ]);
        assert_eq!(
            table.to_string(),
            [
                "  what                  expected     observed         ok",
                "  --------------------  -----------  ---------------  --",
                "  end-user: jason       v2           v1               NO",
                "  share of v2           10 % ± 0.85  10.20 % (2,040)  ok",
                "  requests that failed  0            0                ok",
                "",
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_share_may_be_four_standard_errors_off() {
        let ok = |some| Row::share("", 50.0, some, 10_000).ok;
        assert_eq!(
            [4_799, 4_800, 5_200, 5_201].map(ok),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_time_may_be_equal_to_the_most() {
        let ok = |observed| Row::milliseconds("", 50.0, observed).ok;
        assert_eq!(
            [-1.0, 50.0, 50.1, f64::NAN].map(ok),
            [true, true, false, false]
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_056].map(thousands),
            ["0", "999", "1,000", "1,234,056"]
        );
    }
}
