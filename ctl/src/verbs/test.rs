//! `test`: runs case files.

mod json;
mod junit;
mod run;
mod text;

use std::io::Write;

use clap::ValueEnum;

use crate::outcome::{Failure, Verdict};

/// The arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Case files, and folders of case files
    #[arg(value_name = "CASES", required = true)]
    pub files: Vec<String>,
    /// The seed of the random numbers that decide where no session does
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// The format of a report on tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For pipelines: JUnit XML
    Junit,
}

/// Runs every case and prints the report. The same files and seed always give the same report.
///
/// # Errors
///
/// A file that the command line names cannot be read, or the report cannot be written.
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
