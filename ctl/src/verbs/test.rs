//! `test`: runs case files.

use std::io::Write;

use crate::cli::Format;
use crate::outcome::{Failure, Verdict};

/// What to test.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The case files
    #[arg(value_name = "CASES", required = true)]
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
    Err(Failure::Usage("test is not there yet".into()))
}
