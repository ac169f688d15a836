//! `simulate`: the expected and the observed share of each version.

pub mod curve;
pub mod moves;
pub mod report;
pub mod sample;
pub mod text;

use std::io::Write;

use halftone::release::Release;

use crate::cli::Format;
use crate::outcome::{Failure, Finding, Verdict};
use crate::request::{Request, RequestArgs};
use crate::source::Configuration;
use curve::CurveReport;
use report::{MovesReport, Report};
use sample::Sample;

/// The arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The request that is repeated.
    #[command(flatten)]
    pub request: RequestArgs,
    /// The number of requests
    #[arg(long, value_name = "N", required_unless_present = "ramp", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// The number of sessions that send the requests in turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sessions: Option<u32>,
    /// The next configuration: print which sessions move to another version
    #[arg(long, value_name = "OTHER-FILE")]
    pub then: Option<String>,
    /// Draw the curve of the release's ramp, in place of requests
    #[arg(long, conflicts_with_all = ["requests", "sessions", "then"])]
    pub ramp: bool,
    /// The plugin, if a file holds several: its name, or namespace/name
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Prints the report. A share that differs by more than chance explains is a finding.
///
/// # Errors
///
/// A configuration cannot be read or is not valid, no release claims the host, or the arguments
/// contradict each other.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    check(args)?;
    let labels = &args.request.source_labels;
    let configuration =
        Configuration::read(&args.file, args.plugin.as_deref())?.in_workload(labels);
    let request = Request::from(&args.request);
    let release = claiming(&configuration, &request)?;
    if args.ramp {
        return draw_curve(args, release, out);
    }
    let sample = Sample::new(args, &request, release).map_err(Failure::Usage)?;
    let mut report = Report::new(args, &sample);
    if let Some(file) = &args.then {
        let then = Configuration::read(file, args.plugin.as_deref())?.in_workload(labels);
        let after = claiming(&then, &request)?;
        report.then = Some(MovesReport::new(file, &sample, after));
    }
    match args.output {
        Format::Text => text::write(&report, out)?,
        Format::Json => crate::json::write(&report, out)?,
    }
    Ok(Verdict::of(report.findings()))
}

fn draw_curve(args: &Args, release: &Release, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let Some(ramp) = release.ramp() else {
        return Err(Failure::Usage(format!(
            "--ramp: release {} follows no ramp; omit --ramp, or add canary.ramp to the release",
            release.name
        )));
    };
    let report = CurveReport::new(release, ramp, args.request.now());
    match args.output {
        Format::Text => report.write(out)?,
        Format::Json => crate::json::write(&report, out)?,
    }
    Ok(Verdict::Fine)
}

fn check(args: &Args) -> Result<(), Failure> {
    let wrong = match (&args.then, args.sessions) {
        (Some(_), None) => "--then needs sessions; give their number with --sessions",
        (Some(then), _) if then == "-" && args.file == "-" => {
            "--then: FILE is standard input already; give a file name"
        }
        _ => return Ok(()),
    };
    Err(Failure::Usage(wrong.into()))
}

fn claiming<'c>(
    configuration: &'c Configuration,
    request: &Request,
) -> Result<&'c Release, Failure> {
    let headers = request.headers();
    let head = request.head(&headers);
    if let Some(release) = configuration.releases.claiming(&head) {
        return Ok(release);
    }
    let host = crate::terminal::escaped(head.authority());
    let claimed = match configuration.hosts().as_slice() {
        [] => "the configuration has no releases".into(),
        hosts => format!("the releases claim {}", crate::shown::list(hosts)),
    };
    Err(Failure::Refused(vec![Finding {
        file: configuration.file.clone(),
        resource: None,
        path: String::new(),
        message: format!("no release claims {host}; {claimed}"),
    }]))
}
