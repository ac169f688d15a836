//! The report for pipelines: JUnit XML.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::run::{Run, Suite};

/// Writes a test suite for each file. A file that cannot be run is one case with an error.
pub fn write(suites: &[Suite], out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("halftonectl test");
    report.add_test_suites(suites.iter().map(suite));
    report.serialize(&mut *out).map_err(io::Error::other)
}

fn suite(suite: &Suite) -> TestSuite {
    let mut written = TestSuite::new(&*suite.file);
    match &suite.result {
        Ok(runs) => written.add_test_cases(runs.iter().map(|run| case(run, &suite.file))),
        Err(findings) => {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let status = not_passed(NonSuccessKind::Error, "cannot be run", &lines);
            written.add_test_case(TestCase::new(&*suite.file, status))
        }
    };
    written
}

fn case(run: &Run, file: &str) -> TestCase {
    let status = if run.passed() {
        TestCaseStatus::success()
    } else {
        let lines: Vec<String> = run.mismatches.iter().map(ToString::to_string).collect();
        let first = lines.first().map_or("", String::as_str);
        not_passed(NonSuccessKind::Failure, first, &lines)
    };
    let mut case = TestCase::new(&*run.name, status);
    case.set_classname(file);
    case
}

fn not_passed(kind: NonSuccessKind, message: &str, lines: &[String]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_message(message)
        .set_description(lines.join("\n"));
    status
}
