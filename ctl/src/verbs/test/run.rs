//! Runs case files on the core.

use std::path::Path;

use halftone::draw::Random;
use halftone::release::Releases;
use halftone_cases::{CaseFile, Config, Mismatch};

use crate::files;
use crate::outcome::{Failure, Finding};
use crate::source::{self, Configuration};

/// A case file, run.
#[derive(Debug)]
pub struct Suite {
    /// As it was named, or as it was found in a folder that was.
    pub file: String,
    /// What became of it.
    pub result: Result<Vec<Run>, Vec<Finding>>,
}

/// A case, run.
#[derive(Debug)]
pub struct Run {
    /// The case's name.
    pub name: String,
    /// How many requests were put.
    pub requests: u32,
    /// What was not as expected.
    pub mismatches: Vec<Mismatch>,
}

impl Run {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Suite {
    /// How many of its cases failed; of a file that cannot be run, one.
    pub fn failures(&self) -> usize {
        self.result
            .as_ref()
            .map_or(1, |runs| runs.iter().filter(|run| !run.passed()).count())
    }
}

/// The case files that `named` come to: a folder is all case files in it.
///
/// # Errors
///
/// When a folder cannot be read, or has none.
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
                "{name}: no case file stands in it; a case file has config or configFile, and cases"
            )));
        }
    }
    Ok(found)
}

/// Of a folder's files, those that are meant to be case files, right or wrong, in YAML or JSON.
fn is_case_file(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("cases:")) || text.contains("\"cases\":")
}

/// Runs a case file.
///
/// # Errors
///
/// When it, or the configuration that it names, cannot be opened.
pub fn suite(file: &str, seed: u64) -> Result<Suite, Failure> {
    let result = match loaded(file) {
        Ok((cases, releases)) => Ok(runs(&cases, &releases, seed)),
        Err(Failure::Refused(findings)) => Err(findings),
        Err(failure) => return Err(failure),
    };
    Ok(Suite {
        file: file.into(),
        result,
    })
}

fn loaded(file: &str) -> Result<(CaseFile, Releases), Failure> {
    let text = source::text(file)?;
    let cases = CaseFile::parse(&text)
        .map_err(|error| Failure::refused(file, format!("is no case file: {error}")))?;
    let releases = match cases.config() {
        Config::Inline(value) => halftone::config::load_value(value).map_err(|violations| {
            Failure::Refused(source::findings(file, None, "config", &violations))
        })?,
        Config::File(name) => {
            let folder = Path::new(file).parent().unwrap_or(Path::new(""));
            Configuration::read(&folder.join(name).to_string_lossy(), None)?.releases
        }
    };
    Ok((cases, releases))
}

fn runs(file: &CaseFile, releases: &Releases, seed: u64) -> Vec<Run> {
    let mut chance = Random::new(seed);
    let mut run = |case: &halftone_cases::Case| {
        let observed = case
            .requests()
            .map(|request| halftone_cases::decide(releases, &request, chance.next_u64()));
        let judged = case.judge(observed);
        Run {
            name: case.name.clone(),
            requests: case.sample.unwrap_or(1),
            mismatches: judged.map_or_else(|all| all.iter().cloned().collect(), |()| Vec::new()),
        }
    };
    file.cases.iter().map(&mut run).collect()
}
