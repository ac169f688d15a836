//! The report for people.

use std::io::{self, Write};

use anstyle::Style;
use halftone_cases::Mismatch;

use super::run::{Run, Suite};
use crate::shown::count;
use crate::terminal::{BAD, GOOD, Line, escaped};

/// Writes a line for each case. Lines below a failed case say what was expected and what was found.
pub fn write(suites: &[Suite], out: &mut dyn Write) -> io::Result<()> {
    for suite in suites {
        writeln!(out, "{}", escaped(&suite.file))?;
        match &suite.result {
            Ok(runs) => runs.iter().try_for_each(|run| case(run, out))?,
            Err(findings) => {
                for finding in findings {
                    writeln!(out, "{}", result(BAD, "failed", &finding.to_string()))?;
                }
            }
        }
        writeln!(out)?;
    }
    let failed: usize = suites.iter().map(Suite::failures).sum();
    let cases: usize = suites
        .iter()
        .map(|suite| suite.result.as_ref().map_or(1, Vec::len))
        .sum();
    let (style, word) = if failed == 0 {
        (GOOD, "passed")
    } else {
        (BAD, "failed")
    };
    let passed = cases - failed;
    writeln!(
        out,
        "{style}{word}{style:#}: {} in {}, {passed} passed, {failed} failed.",
        count(cases as u64, "case"),
        count(suites.len() as u64, "file"),
    )
}

fn case(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let sample = match run.requests {
        1 => String::new(),
        requests => format!(" ({})", count(requests.into(), "request")),
    };
    let title = format!("{}{sample}", run.name);
    if run.passed() {
        return writeln!(out, "{}", result(GOOD, "passed", &title));
    }
    writeln!(out, "{}", result(BAD, "failed", &title))?;
    for mismatch in &run.mismatches {
        let (what, expected, got) = match mismatch {
            Mismatch::Value {
                what,
                expected,
                got,
            } => ((*what).to_owned(), expected.clone(), got.clone()),
            Mismatch::Share {
                version,
                expected,
                within,
                got,
            } => (
                format!("share of {version}"),
                format!("{expected} within {within}"),
                format!("{got:.4}"),
            ),
        };
        let what = escaped(&what);
        let (expected, got) = (escaped(&expected), escaped(&got));
        writeln!(out, "            {what}: expected {expected}")?;
        writeln!(
            out,
            "            {:width$}  got      {got}",
            "",
            width = what.chars().count()
        )?;
    }
    Ok(())
}

fn result(style: Style, word: &str, title: &str) -> Line {
    Line::from("  ")
        .and_styled(style, word)
        .and(format!("  {title}"))
}
