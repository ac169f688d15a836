//! `check`: everything that is wrong with configurations and the resources beside them.
//!
//! Violations of a configuration are told as the filter tells them. What stands beside it in the same
//! call is held against it: routes, subsets, and the plugin itself. A pipeline shall be able to stop
//! on a finding, so one is told only where it is certain: what is not given is not missed, and what
//! cannot be told from the files is left alone.
//!
//! # Layout
//!
//! - `given` is what the call names, read.
//! - `accepted` is a configuration without violations, as the other subjects ask about it.
//! - `services` tells which service a host means.
//! - `routes` holds VirtualServices against releases, by what `routing` says they do with a version.
//! - `subsets` holds versions, routes and mirrors against DestinationRules.
//! - `plugins` looks at one plugin in the mesh, `conflicts` at two.
//! - `report` prints.

mod accepted;
mod conflicts;
mod given;
mod plugins;
mod report;
mod routes;
mod routing;
mod services;
mod subsets;

use std::io::Write;

use halftone_resources::{DestinationRule, Resource, VirtualService};

use crate::cli::Format;
use crate::outcome::{Failure, Finding, Verdict};
use crate::source;
use accepted::Accepted;
use given::{Given, Placed, Told};
use report::Checked;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files, and folders of files; `-` is standard input
    ///
    /// Of a folder all that ends in .yaml, .yml or .json, at any depth. Case files and resources of other kinds are
    /// left out there, and so are documents without releases.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Reports every finding. As JSON: `{"findings": [{"file", "resource", "path", "message"}…],
/// "checked": {"files", "configurations", "releases", "virtualServices", "destinationRules"}}`, where
/// `resource` and `path` are absent if there is none, and `checked` has numbers.
///
/// # Errors
///
/// When a file cannot be opened, after all others were reported on; or when the report cannot be
/// written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let mut given = given::read(&args.files);
    let mut told = std::mem::take(&mut given.told);
    let configurations = accepted(&given, &mut told);
    told.extend(cross_checks(&given.resources, &configurations));
    if told.is_empty() && given.failures.is_empty() && given.configurations().next().is_none() {
        told.push(no_configuration(&args.files));
    }
    told.sort_by_key(|one| one.place);

    let checked = Checked::of(&given, &configurations);
    let findings: Vec<Finding> = told.into_iter().map(|one| one.finding).collect();
    match args.output {
        Format::Text => report::text(&findings, &checked, given.failures.is_empty(), out)?,
        Format::Json => report::json(&findings, &checked, out)?,
    }
    if given.failures.is_empty() {
        Ok(Verdict::of(findings.len()))
    } else {
        Err(Failure::Several(given.failures))
    }
}

/// The configurations that are fine by themselves; what is wrong with the others is told.
fn accepted<'g>(given: &'g Given, told: &mut Vec<Told>) -> Vec<Accepted<'g>> {
    let mut accepted = Vec::new();
    for placed in given.configurations() {
        match source::compile(&placed.file, &placed.resource) {
            Some(Err(findings)) => {
                told.extend(findings.into_iter().map(|finding| placed.told(finding)));
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

fn cross_checks(resources: &[Placed], configurations: &[Accepted<'_>]) -> Vec<Told> {
    let services = given::all(resources, Resource::virtual_service);
    let rules = given::all(resources, Resource::destination_rule);
    let mut told = Vec::new();
    told.extend(routes::check(configurations, &services, &rules));
    told.extend(subsets::check(configurations, &services, &rules));
    told.extend(plugins::check(configurations));
    told.extend(conflicts::check(configurations));
    told
}

/// A VirtualService, and where it stands.
type PlacedService<'g> = (&'g Placed, &'g VirtualService);
/// A DestinationRule, and where it stands.
type PlacedRule<'g> = (&'g Placed, &'g DestinationRule);

fn no_configuration(files: &[String]) -> Told {
    let give = "give one, or a WasmPlugin or TrafficExtension with one";
    let message = match files.len() {
        1 => format!("holds no plugin configuration; {give}"),
        many => format!("and the others, {many} in all, hold no plugin configuration; {give}"),
    };
    Told::about_all(files.first().cloned().unwrap_or_default(), message)
}
