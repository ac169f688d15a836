//! `check`: findings on configurations, and on the resources that belong to them.
//!
//! Violations of a configuration are those that the filter reports. The routes, subsets and plugins of
//! the same call are compared with the configurations. A pipeline must be able to stop on a finding, so
//! `check` reports only what is certain. It never reports that a resource is missing from the call, and it
//! ignores what the files cannot show.
//!
//! # Layout
//!
//! - `given` reads the files of the call.
//! - `accepted` is a configuration without violations.
//! - `routes` compares VirtualServices with releases. `routing` computes where a version goes.
//! - `subsets` compares versions, routes and mirrors with DestinationRules.
//! - `plugins` checks each plugin of the mesh, and `conflicts` each pair.
//! - `groups` compares the ranges of exclusive releases.
//! - `ramps` notes ramps that ended. `warnings` finds what is valid and probably wrong, and `renames` compares with an
//!   older configuration.
//! - `report` and `sarif` print.

pub(super) mod accepted;
mod conflicts;
pub(super) mod given;
pub(super) mod groups;
pub(super) mod plugins;
mod ramps;
mod renames;
mod report;
mod routes;
mod routing;
mod sarif;
mod subsets;
mod warnings;

use std::io::Write;

use halftone_resources::{DestinationRule, Resource, VirtualService};

use crate::clock;
use crate::json;
use crate::outcome::{Failure, Verdict};
use crate::source;
use accepted::Accepted;
use given::{Given, Placed, PlacedFinding};
use report::{Checked, Report};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders of files, or - for standard input
    ///
    /// In a folder, all files that end in .yaml, .yml or .json are read, at any depth. Case files, resources of other
    /// kinds and documents without releases are ignored there.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
    /// Print warnings too: what is valid and probably wrong
    ///
    /// They do not change the exit status.
    #[arg(long)]
    pub warn: bool,
    /// Report warnings as findings
    #[arg(long)]
    pub strict: bool,
    /// The configuration that serves now: warn of releases with a new name. Implies --warn
    #[arg(long, value_name = "OLD")]
    pub against: Option<String>,
}

/// The format of the report of `check`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people and editors
    #[default]
    Text,
    /// For programs
    Json,
    /// For code hosts: SARIF 2.1.0
    Sarif,
}

/// Prints every finding and every note. As JSON: `{"findings": [{"check", "file", "resource", "path", "message",
/// "line", "column"}…], "warnings": [the same…], "notes": [the same…], "checked": {"files", "configurations", "releases", "virtualServices",
/// "destinationRules"}}`, where `resource` and `path` can be absent, and `checked` has numbers.
///
/// # Errors
///
/// A file cannot be opened (the findings on all other files are printed first), the older configuration cannot be read,
/// or the report cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let mut given = given::read(&args.files);
    let mut findings = std::mem::take(&mut given.findings);
    let configurations = accepted(&given, &mut findings);
    findings.extend(cross_checks(&given.resources, &configurations));
    if findings.is_empty() && given.failures.is_empty() && given.configurations().next().is_none() {
        findings.push(no_configuration(&args.files));
    }

    let mut notes = ramps::ended(&configurations, clock::now());
    let mut warnings = Vec::new();
    if args.warn || args.strict || args.against.is_some() {
        warnings = warnings::check(&configurations);
        let services = given::all(&given.resources, Resource::virtual_service);
        let rules = given::all(&given.resources, Resource::destination_rule);
        warnings.extend(routes::last(&configurations, &services, &rules));
        warnings.append(&mut notes);
    }
    if let Some(old) = &args.against {
        warnings.extend(renames::check(old, &configurations)?);
    }
    if args.strict {
        findings.append(&mut warnings);
    }
    let checked = Checked::of(&given, &configurations);
    let report = Report {
        findings: given.locate(findings),
        warnings: given.locate(warnings),
        notes: given.locate(notes),
        checked,
    };
    match args.output {
        Format::Text => report::text(&report, given.failures.is_empty(), out)?,
        Format::Json => json::write(&report, out)?,
        Format::Sarif => json::write(&sarif::log(&report), out)?,
    }
    if given.failures.is_empty() {
        Ok(Verdict::of(report.findings.len()))
    } else {
        Err(Failure::Several(given.failures))
    }
}

/// The configurations without violations. The violations of the others are added to `findings`.
pub(super) fn accepted<'g>(
    given: &'g Given,
    findings: &mut Vec<PlacedFinding>,
) -> Vec<Accepted<'g>> {
    let mut accepted = Vec::new();
    for placed in given.configurations() {
        match source::compile(&placed.file, &placed.resource) {
            Some(Err(violations)) => {
                findings.extend(violations.into_iter().map(|one| placed.locate(one)));
            }
            Some(Ok(releases)) => accepted.extend(Accepted::new(placed, releases)),
            None => accepted.extend(Accepted::new(
                placed,
                halftone::release::Releases::default(),
            )),
        }
    }
    accepted
}

fn cross_checks(resources: &[Placed], configurations: &[Accepted<'_>]) -> Vec<PlacedFinding> {
    let services = given::all(resources, Resource::virtual_service);
    let rules = given::all(resources, Resource::destination_rule);
    let mut findings = Vec::new();
    let mut add = |check, found: Vec<PlacedFinding>| {
        findings.extend(found.into_iter().map(|one| one.of(check)));
    };
    add("routes", routes::check(configurations, &services, &rules));
    add("subsets", subsets::check(configurations, &services, &rules));
    add("plugin", plugins::check(configurations));
    add("claimed-twice", conflicts::check(configurations));
    add("group", groups::check(configurations));
    findings
}

/// A VirtualService and its place.
type PlacedService<'g> = (&'g Placed, &'g VirtualService);
/// A DestinationRule and its place.
type PlacedRule<'g> = (&'g Placed, &'g DestinationRule);

/// The finding on a call whose files contain no configuration.
pub(super) fn no_configuration(files: &[String]) -> PlacedFinding {
    let give = "give a plugin configuration, or a WasmPlugin or TrafficExtension that contains one";
    let message = match files.len() {
        1 => format!("contains no plugin configuration; {give}"),
        many => format!("none of the {many} files contains a plugin configuration; {give}"),
    };
    PlacedFinding::about_all(files.first().cloned().unwrap_or_default(), message)
}
