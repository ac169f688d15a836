//! For people.

use std::io::{self, Write};

use halftone_cases::Mismatch;

use super::run::{Run, Suite};
use crate::shown::count;
use crate::style::{BAD, GOOD};

/// A line for each case, and under one that failed what was expected and what came.
pub fn write(suites: &[Suite], out: &mut dyn Write) -> io::Result<()> {
    for suite in suites {
        writeln!(out, "{}", suite.file)?;
        match &suite.result {
            Ok(runs) => runs.iter().try_for_each(|run| case(run, out))?,
            Err(findings) => {
                for finding in findings {
                    writeln!(out, "  {BAD}failed{BAD:#}  {finding}")?;
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
    if run.passed() {
        return writeln!(out, "  {GOOD}passed{GOOD:#}  {}{sample}", run.name);
    }
    writeln!(out, "  {BAD}failed{BAD:#}  {}{sample}", run.name)?;
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
