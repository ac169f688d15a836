//! `render`: the resources for a configuration.

mod about;
mod destination_rule;
mod envoy;
mod envoy_filter;
mod envoy_gateway;
mod flags;
mod http_route;
mod kind;
mod names;
mod plugin;
mod services;
mod traffic_extension;
mod upstreams;
mod virtual_service;
mod wasm_filter;
mod wasm_plugin;
mod yaml;

use std::io::Write;

use halftone_resources::TargetRef;

use crate::outcome::{Failure, Verdict};
use crate::source::Configuration;
use about::About;
pub use flags::{Address, Label, OfService, Upstream};
pub use kind::Kind;

/// The default port of a service.
const DEFAULT_PORT: u16 = 80;

/// The arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "The fields of a WasmPlugin or TrafficExtension in FILE (name, namespace, selector, url …) are the defaults of the flags.\nComments in the output that begin with \"Choose:\" mark the values that you must choose."
)]
pub struct Args {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The documents to print, in this order
    #[arg(
        long = "kind",
        value_name = "KIND",
        value_enum,
        required = true,
        value_delimiter = ','
    )]
    pub kinds: Vec<Kind>,
    /// The plugin, if the file holds several: its name, or namespace/name
    #[arg(long)]
    pub plugin: Option<String>,
    /// The name of the plugin [default: the name of the release]
    #[arg(long, value_parser = flags::object_name)]
    pub name: Option<String>,
    /// The namespace of all resources [default: default]
    #[arg(long, value_parser = flags::namespace)]
    pub namespace: Option<String>,
    /// A label of the workloads that run the plugin. Repeat the flag for more labels
    #[arg(long = "selector", value_name = "KEY=VALUE")]
    pub selectors: Vec<Label>,
    /// The target of the plugin or the HTTPRoute: Gateway/public, Service/reviews …
    #[arg(long = "target-ref", value_name = "KIND/NAME", value_parser = flags::target, conflicts_with = "selectors")]
    pub target_refs: Vec<TargetRef>,
    /// The URL of the module: an image (oci://…) or a file (https://…, file:///…)
    #[arg(long, value_parser = flags::url)]
    pub url: Option<String>,
    /// The SHA-256 digest of the image or the file
    #[arg(long, value_name = "HEX", value_parser = flags::sha256)]
    pub sha256: Option<String>,
    /// The service of a release [default: the service that its hosts name, or else the name of the release]
    #[arg(long = "service", value_name = "[RELEASE=]HOST")]
    pub services: Vec<OfService>,
    /// The port of the service. virtualservice needs it if the service has several [default: 80]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// A Gateway that uses the VirtualService, or mesh
    #[arg(long = "gateway", value_name = "[NAMESPACE/]NAME", value_parser = flags::gateway)]
    pub gateways: Vec<String>,
    /// The address of a version or a mirror, for envoy and httproute
    #[arg(long = "upstream", value_name = "VERSION=HOST:PORT")]
    pub upstreams: Vec<Upstream>,
    /// The port on which Envoy listens, for envoy
    #[arg(long, value_name = "PORT", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub listen: u16,
}

/// Prints the documents.
///
/// # Errors
///
/// The configuration is not valid, or does not allow one of the documents.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    out.write_all(render(&configuration, args)?.as_bytes())?;
    Ok(Verdict::Fine)
}

/// The documents of `args`, as one YAML file. The same configuration and arguments give the same text.
///
/// # Errors
///
/// The configuration does not allow one of the documents.
pub fn render(configuration: &Configuration, args: &Args) -> Result<String, Failure> {
    kind::check(args)?;
    let about = About::new(configuration, args)?;
    let mut documents = Vec::new();
    for (index, kind) in args.kinds.iter().enumerate() {
        if args.kinds.iter().take(index).any(|before| before == kind) {
            continue;
        }
        let objects = match kind {
            Kind::WasmPlugin => vec![wasm_plugin::render(&about)],
            Kind::TrafficExtension => vec![traffic_extension::render(&about)],
            Kind::VirtualService => virtual_service::render(&about)?,
            Kind::DestinationRule => destination_rule::render(&about)?,
            Kind::EnvoyFilter => vec![envoy_filter::render(&about)?],
            Kind::Envoy => vec![envoy::render(&about)?],
            Kind::EnvoyGateway => vec![envoy_gateway::render(&about)?],
            Kind::HttpRoute => http_route::render(&about)?,
        };
        for object in objects {
            documents.push(object.finish()?);
        }
    }
    Ok(documents.join("---\n"))
}
