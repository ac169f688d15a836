//! `import`: the grayscale releases of other tools, as releases of Halftone.
//!
//! Nothing is guessed silently: the report has a line for each part of what was read.
//!
//! # Layout
//!
//! - `document` is a document that was read, and the result of importing it. `report` has the lines of the report.
//! - `virtual_service` imports a VirtualService: `routes` reads its routes, `matches` their conditions, `mirrors` their
//!   mirrors. `versions` names the versions, and `blocks` writes the routes that obey Halftone's decision.
//! - `argo` imports a Rollout of Argo with its VirtualService and its AnalysisTemplates.
//! - `flagger` imports a Canary of Flagger. `ramp` makes ramps of steps.
//! - `higress` imports the plugin traffic-tag of Higress.
//! - `http_route` imports an HTTPRoute of the Gateway API, and `gateway_match` reads its matches.
//! - `kubesphere` imports a Strategy of KubeSphere.
//! - `written` writes the resources.

mod argo;
mod blocks;
pub(super) mod document;
mod flagger;
mod gateway_match;
mod higress;
mod http_route;
mod kubesphere;
pub(super) mod matches;
pub(super) mod mirrors;
mod ramp;
pub(super) mod report;
mod routes;
mod versions;
mod virtual_service;
pub(super) mod written;

use std::io::Write;
use std::path::PathBuf;

use halftone_resources::TargetRef;

use super::render::flags;
use crate::cli::Format;
use crate::clock;
use crate::outcome::{Failure, Verdict};
use crate::source;
use document::{Document, Imported};
use ramp::Start;
use report::{Line, Outcome};
pub use virtual_service::HEADER;

/// The arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files with the resources of today, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// The principal [default: the version with the largest weight]
    #[arg(long, value_name = "VERSION")]
    pub principal: Option<String>,
    /// When a ramp starts, such as 2026-12-01T09:00:00Z [default: it is held at 0 %]
    #[arg(long, value_name = "TIME", value_parser = start)]
    pub start: Option<String>,
    /// The namespace of the plugin [default: that of the resource]
    #[arg(long, value_parser = flags::namespace)]
    pub namespace: Option<String>,
    /// A label of the workloads that run the plugin. Repeat the flag for more labels
    #[arg(long = "selector", value_name = "KEY=VALUE")]
    pub selectors: Vec<flags::Label>,
    /// The target of the plugin: Gateway/public, Service/reviews …
    #[arg(long = "target-ref", value_name = "KIND/NAME", value_parser = flags::target, conflicts_with = "selectors")]
    pub target_refs: Vec<TargetRef>,
    /// The URL of the module: an image (oci://…) or a file (https://…, file:///…)
    #[arg(long, value_parser = flags::url)]
    pub url: Option<String>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
    /// Write each kind to a file in DIR: DIR/wasmplugin.yaml
    #[arg(short = 'o', long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}

/// Reads a time, which stays as it is written.
fn start(text: &str) -> Result<String, String> {
    clock::parsed(text).map(|_| text.to_owned())
}

/// Prints the report as comments, and the resources. With a folder, it writes the resources there and prints the
/// report. As JSON: `{"report": [{"file", "resource", "path", "outcome", "message"}…], "resources": […]}`.
///
/// # Errors
///
/// A file cannot be read or written, or contains nothing that can be imported.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let mut documents = Vec::new();
    for file in &args.files {
        let read = halftone_resources::documents(&source::text(file)?);
        let read = read.and_then(|all| all.into_iter().collect::<Result<Vec<_>, _>>());
        let read =
            read.map_err(|error| Failure::Refused(vec![source::unreadable(file, &error)]))?;
        documents.extend(read.into_iter().map(|value| Document::new(file, value)));
    }
    let imported = imported(&documents, args);
    let lines: Vec<&Line> = imported.iter().flat_map(|one| &one.lines).collect();
    let lost = lines
        .iter()
        .filter(|line| line.outcome == Outcome::NotCarriedOver);
    let lost = lost.count();
    written::write(args, &imported, &lines, out)?;
    Ok(Verdict::of(lost))
}

/// The result for each document, in order.
fn imported(documents: &[Document], args: &Args) -> Vec<Imported> {
    let mut imported: Vec<Imported> = documents
        .iter()
        .filter_map(|document| of(document, documents, args))
        .collect();
    if imported.is_empty() {
        let known = "give a VirtualService, an HTTPRoute, a Rollout of Argo, a Canary of Flagger, a Strategy of KubeSphere or a traffic-tag of Higress";
        imported.extend(documents.first().map(|first| {
            Imported::refused(
                first,
                "",
                format!("there is no release that can be imported; {known}"),
            )
        }));
    }
    imported
}

/// The result for a document. None: it belongs to another one, or to no release.
fn of(document: &Document, all: &[Document], args: &Args) -> Option<Imported> {
    let principal = args.principal.as_deref();
    let istio = "networking.istio.io";
    if argo::is_rollout(document) {
        Some(argo::import(document, all, &Start(args.start.clone())))
    } else if document.is(istio, "VirtualService") && argo::owns(all, document) {
        None
    } else if document.is(istio, "VirtualService") {
        Some(virtual_service::import(document, principal))
    } else if document.is("flagger.app", "Canary") {
        Some(flagger::import(document, &Start(args.start.clone())))
    } else if document.is("gateway.networking.k8s.io", "HTTPRoute") {
        Some(http_route::import(document, principal))
    } else if higress::is_traffic_tag(document) {
        Some(higress::import(document))
    } else if document.is("servicemesh.kubesphere.io", "Strategy") {
        let has_rules = all.iter().any(|one| one.is(istio, "DestinationRule"));
        Some(kubesphere::import(document, has_rules))
    } else if document.is(istio, "DestinationRule") {
        let message = "stays as it is; its subsets are the versions";
        Some(Imported {
            lines: vec![document.line("", Outcome::CarriedOver, message)],
            resources: vec![document.applicable()],
            plugin: None,
        })
    } else {
        None
    }
}
