//! Case files, run on the core.

use std::path::Path;

use halftone::draw::Random;
use halftone_cases::{CaseFile, Config, Mismatch};

use crate::files;
use crate::outcome::{Failure, Finding};
use crate::source::{self, Configuration};

/// A case file and its results.
#[derive(Debug)]
pub struct Suite {
    /// The file, as the command line names it or as it was found in a folder.
    pub file: String,
    /// The results of its cases, or the reasons for which it cannot be run.
    pub result: Result<Vec<Run>, Vec<Finding>>,
}

/// The result of a case.
#[derive(Debug)]
pub struct Run {
    /// The case's name.
    pub name: String,
    /// The number of requests.
    pub requests: u32,
    /// The differences from the expectation.
    pub mismatches: Vec<Mismatch>,
}

impl Run {
    /// Whether there are no differences.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Suite {
    /// The number of cases that failed. A file that cannot be run counts as one.
    pub fn failures(&self) -> usize {
        self.result
            .as_ref()
            .map_or(1, |runs| runs.iter().filter(|run| !run.passed()).count())
    }
}

/// The case files that `named` means: files, and all case files in folders.
///
/// # Errors
///
/// A folder cannot be read, or has no case files.
pub fn files(named: &[String]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for name in named {
        if !Path::new(name).is_dir() {
            found.push(name.clone());
            continue;
        }
        let before = found.len();
        for file in files::below(name)? {
            if is_case_file(&source::text(&file)?) {
                found.push(file);
            }
        }
        if found.len() == before {
            return Err(Failure::Usage(format!(
                "{name}: the folder has no case file; a case file has the field cases, and config or configFile"
            )));
        }
    }
    Ok(found)
}

/// Whether a file is meant to be a case file. It need not be valid.
fn is_case_file(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("cases:")) || text.contains("\"cases\":")
}

/// Runs a case file.
///
/// # Errors
///
/// The case file, or the configuration file that it names, cannot be opened.
pub fn suite(file: &str, seed: u64) -> Result<Suite, Failure> {
    let result = match loaded(file) {
        Ok((cases, configuration)) => Ok(runs(&cases, &configuration, seed)),
        Err(Failure::Refused(findings)) => Err(findings),
        Err(failure) => return Err(failure),
    };
    Ok(Suite {
        file: file.into(),
        result,
    })
}

fn loaded(file: &str) -> Result<(CaseFile, Configuration), Failure> {
    let text = source::text(file)?;
    let cases = CaseFile::parse(&text)
        .map_err(|error| Failure::refused(file, format!("is not a valid case file: {error}")))?;
    let configuration = match cases.config() {
        Config::Inline(value) => {
            let releases = halftone::config::load_value(value).map_err(|violations| {
                Failure::Refused(source::findings(file, None, "config", &violations))
            })?;
            Configuration {
                file: file.into(),
                value: value.clone(),
                releases,
                plugin: None,
            }
        }
        Config::File(name) => {
            let folder = Path::new(file).parent().unwrap_or(Path::new(""));
            Configuration::read(&folder.join(name).to_string_lossy(), None)?
        }
    };
    Ok((cases, configuration))
}

fn runs(file: &CaseFile, configuration: &Configuration, seed: u64) -> Vec<Run> {
    let mut random = Random::new(seed);
    let environment = file.environment();
    let mut run = |case: &halftone_cases::Case| {
        let labels = case.request.labels();
        let in_workload = if !environment.is_empty() {
            Some(configuration.releases_in(&labels, &environment))
        } else {
            (!labels.is_empty()).then(|| configuration.releases_for(&labels))
        };
        let releases = in_workload.as_ref().unwrap_or(&configuration.releases);
        let observed = case.requests().map(|request| {
            halftone_cases::decide(releases, &request, case.draw(random.next_u64()))
        });
        let judged = case.judge(observed);
        Run {
            name: case.name.clone(),
            requests: case.sample.unwrap_or(1),
            mismatches: judged.map_or_else(|all| all.iter().cloned().collect(), |()| Vec::new()),
        }
    };
    file.cases.iter().map(&mut run).collect()
}
