//! `test`: runs case files.

mod json;
mod junit;
mod run;
mod text;

use std::io::Write;

use clap::ValueEnum;

use crate::outcome::{Failure, Verdict};

/// What to test.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Case files, or folders in which every case file is run
    #[arg(value_name = "CASES", required = true)]
    pub files: Vec<String>,
    /// Begins the random numbers that decide where no session does
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// How a report of tests is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For pipelines: JUnit's XML
    Junit,
}

/// Runs every case and reports. The same files and seed always give the same report.
///
/// # Errors
///
/// When a file that was named cannot be read, or the report cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let files = run::files(&args.files)?;
    let suites: Vec<run::Suite> = files
        .iter()
        .map(|file| run::suite(file, args.seed))
        .collect::<Result<_, _>>()?;
    match args.output {
        Format::Text => text::write(&suites, out)?,
        Format::Json => json::write(&suites, out)?,
        Format::Junit => junit::write(&suites, out)?,
    }
    Ok(Verdict::of(suites.iter().map(run::Suite::failures).sum()))
}
