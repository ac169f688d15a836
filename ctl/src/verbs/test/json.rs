//! The report for programs.

use std::io::{self, Write};

use halftone_cases::Mismatch;
use serde::Serialize;

use super::run::{Run, Suite};
use crate::json;
use crate::outcome::Finding;

/// The report: `{"passed": 1, "failed": 1, "files": [{"file": …, "cases": [{"name": …, "requests": 1,
/// "passed": false, "mismatches": [{"what": "version", "expected": "v2", "got": "v1"}]}]}]}`. A file that
/// cannot be run counts as one failed case, and has `findings` instead of `cases`.
#[derive(Serialize)]
struct Report<'r> {
    passed: usize,
    failed: usize,
    files: Vec<File<'r>>,
}

#[derive(Serialize)]
struct File<'r> {
    file: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<Vec<Case<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<&'r [Finding]>,
}

#[derive(Serialize)]
struct Case<'r> {
    name: &'r str,
    requests: u32,
    passed: bool,
    mismatches: Vec<MismatchReport>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum MismatchReport {
    Value {
        what: &'static str,
        expected: String,
        got: String,
    },
    Share {
        what: &'static str,
        version: String,
        expected: f64,
        within: f64,
        got: f64,
    },
}

/// Writes one JSON object.
pub fn write(suites: &[Suite], out: &mut dyn Write) -> io::Result<()> {
    let failed: usize = suites.iter().map(Suite::failures).sum();
    let cases: usize = suites
        .iter()
        .map(|suite| suite.result.as_ref().map_or(1, Vec::len))
        .sum();
    let report = Report {
        passed: cases - failed,
        failed,
        files: suites.iter().map(file).collect(),
    };
    json::write(&report, out)
}

fn file(suite: &Suite) -> File<'_> {
    let runs = suite.result.as_ref();
    File {
        file: &suite.file,
        cases: runs.ok().map(|runs| runs.iter().map(case).collect()),
        findings: runs.err().map(Vec::as_slice),
    }
}

fn case(run: &Run) -> Case<'_> {
    Case {
        name: &run.name,
        requests: run.requests,
        passed: run.passed(),
        mismatches: run
            .mismatches
            .iter()
            .cloned()
            .map(mismatch_report)
            .collect(),
    }
}

fn mismatch_report(mismatch: Mismatch) -> MismatchReport {
    match mismatch {
        Mismatch::Value {
            what,
            expected,
            got,
        } => MismatchReport::Value {
            what,
            expected,
            got,
        },
        Mismatch::Share {
            version,
            expected,
            within,
            got,
        } => MismatchReport::Share {
            what: "share",
            version,
            expected,
            within,
            got,
        },
    }
}
