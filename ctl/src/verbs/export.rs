//! `export`: what a release does at this moment, as plain weights of a VirtualService.
//!
//! # Layout
//!
//! - `blocks` reads the routes that obey Halftone. `conditions` writes matches of Istio.
//! - `release` writes the routes of a release.

mod blocks;
mod conditions;
mod release;

use std::io::Write;

use clap::ValueEnum;
use halftone_resources::{Resource, service};
use serde_json::{Value, json};

use super::import::document::Document;
use super::import::report::{Line, Outcome};
use super::import::written::resource_text;
use super::render;
use crate::cli::Format;
use crate::clock;
use crate::json;
use crate::outcome::{Failure, Verdict};
use crate::source::{self, Configuration, Source};
use release::Release;

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Istio's VirtualService, with weights
    #[value(name = "virtualservice")]
    VirtualService,
}

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Files with the VirtualServices that obey it [default: those that render writes]
    #[arg(value_name = "VIRTUALSERVICE")]
    pub services: Vec<String>,
    /// The documents to print
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// The plugin, if the file holds several: its name, or namespace/name
    #[arg(long)]
    pub plugin: Option<String>,
    /// The time, such as 2026-12-01T09:00:00Z. The default is now; only ramps depend on it
    #[arg(long, value_name = "TIME", value_parser = clock::parsed)]
    pub at: Option<u64>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Prints the report as comments, and the VirtualServices. As JSON: `{"report": [{"file", "resource", "path", "outcome",
/// "message"}…], "resources": […]}`.
///
/// # Errors
///
/// A file cannot be read, or the configuration is not valid.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    let namespace = configuration
        .plugin
        .as_ref()
        .map(|plugin| plugin.meta.namespace.clone());
    let documents = documents(args, &configuration)?;
    let now = args.at.unwrap_or_else(clock::now);
    let (mut lines, mut resources): (Vec<Line>, Vec<Value>) = (Vec::new(), Vec::new());
    let all = configuration.releases.all();
    let written = configuration
        .value
        .get("releases")
        .and_then(Value::as_array);
    for (index, (release, written)) in all.iter().zip(written.into_iter().flatten()).enumerate() {
        let mut release = Release::new(&configuration, index, release, written, now);
        let services: Vec<&Document> = documents
            .iter()
            .filter(|document| release.owns(document, namespace.as_deref()))
            .collect();
        if services.is_empty() {
            let message = "no VirtualService routes by its decisions; give the file that has one";
            release.lost("", message);
        }
        resources.extend(services.into_iter().map(|service| release.export(service)));
        lines.append(&mut release.lines);
    }
    match args.output {
        Format::Json => json::write(&json!({"report": lines, "resources": resources}), out)?,
        Format::Text => {
            for line in &lines {
                writeln!(out, "# {line}")?;
            }
            for (index, resource) in resources.iter().enumerate() {
                let between = if index == 0 { "" } else { "---\n" };
                write!(out, "{between}{}", resource_text(resource)?)?;
            }
        }
    }
    let lost = lines
        .iter()
        .filter(|line| line.outcome == Outcome::NotCarriedOver);
    Ok(Verdict::of(lost.count()))
}

/// The VirtualServices of the call, or those in the configuration's own file, or those that `render` writes.
fn documents(args: &Args, configuration: &Configuration) -> Result<Vec<Document>, Failure> {
    let mut texts = Vec::new();
    for file in &args.services {
        texts.push((file.clone(), source::text(file)?));
    }
    if args.services.is_empty() && args.file != source::STDIN {
        let own = Source::read(&args.file)?;
        if own
            .resources
            .iter()
            .any(|one| matches!(one, Resource::VirtualService(_)))
        {
            texts.push((args.file.clone(), source::text(&args.file)?));
        }
    }
    let releases = configuration
        .value
        .get("releases")
        .and_then(Value::as_array);
    let by_authority = |release: &Value| release.pointer("/route/authority").is_some();
    let by_header = releases.is_some_and(|all| !all.iter().all(by_authority));
    if texts.is_empty() && by_header {
        texts.push((args.file.clone(), render::virtual_services(configuration)?));
    }
    let mut documents = Vec::new();
    for (file, text) in texts {
        let read = halftone_resources::documents(&text);
        let read = read.and_then(|all| all.into_iter().collect::<Result<Vec<_>, _>>());
        let read =
            read.map_err(|error| Failure::Refused(vec![source::unreadable(&file, &error)]))?;
        let read = read.into_iter().map(|value| Document::new(&file, value));
        documents.extend(read.filter(|document| document.kind == "VirtualService"));
    }
    Ok(documents)
}

/// Whether `document` has a host that is one of `claimed`, in the namespace of a proxy.
fn has_host(document: &Document, claimed: &[String], namespace: Option<&str>) -> bool {
    let hosts = document.spec("hosts").and_then(Value::as_array);
    let mut hosts = hosts.into_iter().flatten().filter_map(Value::as_str);
    hosts.any(|host| {
        let full = document.qualified(host);
        claimed
            .iter()
            .any(|one| one == host || service::is_name_of(one, namespace, &full))
    })
}
