//! `explain`: the decision for a request, and how it came about.

pub mod build;
pub mod mirrors;
pub mod report;
pub mod text;
pub mod walk;

use std::io::Write;

use crate::cli::Format;
use crate::outcome::{Failure, Verdict};
use crate::request::{Request, RequestArgs};
use crate::source::Configuration;

/// What to explain.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The request.
    #[command(flatten)]
    pub request: RequestArgs,
    /// The plugin, where the file holds several: its name, or namespace/name
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Reports. A request that no release claims is explained as well.
///
/// # Errors
///
/// When there is nothing to report on.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    let request = Request::from(&args.request);
    let report = build::explained(&configuration.releases, &request, args.request.seed);
    match args.output {
        Format::Text => text::write(&report, &configuration.hosts(), out)?,
        Format::Json => crate::json::write(&report, out)?,
    }
    Ok(Verdict::Fine)
}
