//! `explain`: the decision for a request, and how it comes about.

pub mod build;
pub mod mirrors;
pub mod report;
pub mod text;
pub mod trace;

use std::io::Write;

use halftone::release::Releases;
use report::Report;

use crate::cli::Format;
use crate::outcome::{Failure, Verdict};
use crate::request::{Request, RequestArgs};
use crate::source::Configuration;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The request.
    #[command(flatten)]
    pub request: RequestArgs,
    /// The plugin, if the file holds several: its name, or namespace/name
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// The header by which an earlier plugin of the same proxy routes the request, if one has decided it
    #[arg(long, value_name = "HEADER")]
    pub earlier: Option<String>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Prints the report. A request that no release claims is not an error.
///
/// # Errors
///
/// The configuration cannot be read, or is not valid.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?
        .in_workload(&args.request.source_labels);
    let report = report(&configuration.releases, args);
    match args.output {
        Format::Text => text::write(&report, &configuration.hosts(), out)?,
        Format::Json => crate::json::write(&report, out)?,
    }
    Ok(Verdict::Fine)
}

/// The decision of `releases` for the request of `args`.
#[must_use]
pub fn report(releases: &Releases, args: &Args) -> Report {
    let request = Request::from(&args.request);
    build::explained(
        releases,
        &request,
        args.request.seed,
        args.request.now(),
        args.earlier.as_deref(),
    )
}
