//! The reports for people and for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use halftone_resources::Resource;
use serde::Serialize;

use super::accepted::Accepted;
use super::given::{Given, Located};
use crate::shown::count;
use crate::terminal::{Line, STRONG, escaped};

/// The number of files and resources that were checked.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    files: usize,
    configurations: usize,
    releases: usize,
    virtual_services: usize,
    destination_rules: usize,
}

impl Checked {
    /// Counts. Only releases of valid configurations count.
    pub fn of(given: &Given, accepted: &[Accepted<'_>]) -> Self {
        let those = |is: fn(&Resource) -> bool| {
            let resources = given.resources.iter().map(|placed| &placed.resource);
            resources.filter(|resource| is(resource)).count()
        };
        Self {
            files: given.files,
            configurations: given.configurations().count(),
            releases: accepted.iter().map(|one| one.releases().count()).sum(),
            virtual_services: those(|one| one.virtual_service().is_some()),
            destination_rules: those(|one| one.destination_rule().is_some()),
        }
    }
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What is wrong.
    pub findings: Vec<Located>,
    /// What is probably wrong.
    pub warnings: Vec<Located>,
    /// Ramps that ended, without warnings.
    pub notes: Vec<Located>,
    /// What was checked.
    pub checked: Checked,
}

/// Writes the report for people: a line for each finding, warning and note, and a line that counts. If a file could not
/// be opened, the report calls nothing fine.
pub fn text(report: &Report, all_read: bool, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        writeln!(out, "{}", line(finding, ""))?;
    }
    for warning in &report.warnings {
        writeln!(out, "{}", line(warning, "warning: "))?;
    }
    for note in &report.notes {
        writeln!(out, "{}", line(note, "note: "))?;
    }
    let checked = &report.checked;
    let warnings = match report.warnings.len() as u64 {
        0 => String::new(),
        number => format!(", {}", count(number, "warning")),
    };
    if report.findings.is_empty() {
        if checked.files == 0 {
            return Ok(());
        }
        let files = count(checked.files as u64, "file");
        let verdict = if all_read { ": fine" } else { "" };
        return writeln!(out, "{files}: {}{verdict}{warnings}.", subjects(checked));
    }
    let names = report.findings.iter().map(|one| one.finding.file.as_str());
    let files = count(names.collect::<BTreeSet<_>>().len() as u64, "file");
    let findings = count(report.findings.len() as u64, "finding");
    writeln!(out, "{findings} in {files}{warnings}.")
}

/// `file:line:column: kind: resource: path: message`.
fn line(located: &Located, kind: &str) -> Line {
    let Located { finding, at, .. } = located;
    let line = finding.to_string();
    let start = format!("{}: ", escaped(&finding.file));
    let rest = line.strip_prefix(&start).unwrap_or(&line);
    Line::styled(STRONG, &finding.file).and(format!(":{at}: {kind}{rest}"))
}

/// `1 release, 2 VirtualServices`.
fn subjects(checked: &Checked) -> String {
    let related = [
        (checked.virtual_services, "VirtualService"),
        (checked.destination_rules, "DestinationRule"),
    ];
    let mut subjects = vec![count(checked.releases as u64, "release")];
    let related = related.iter().filter(|(number, _)| *number > 0);
    subjects.extend(related.map(|(number, name)| count(*number as u64, name)));
    subjects.join(", ")
}
