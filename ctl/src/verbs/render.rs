//! `render`: the resources for a configuration.

use std::io::Write;

use crate::cli::Format;
use crate::outcome::{Failure, Verdict};

/// What to render.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: String,
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
    Err(Failure::Usage("render is not there yet".into()))
}
