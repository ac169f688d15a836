//! `check`: everything that is wrong with configurations and the resources beside them.

use std::io::Write;

use crate::cli::Format;
use crate::outcome::{Failure, Verdict};

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Reports.
///
/// # Errors
///
/// When there is nothing to report on.
pub fn run(_args: &Args, _out: &mut dyn Write) -> Result<Verdict, Failure> {
    Err(Failure::Usage("check is not there yet".into()))
}
