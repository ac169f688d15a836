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

/// The port of a service where nobody has said another.
const DEFAULT_PORT: u16 = 80;

/// What to render.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "What a WasmPlugin or TrafficExtension says of itself (name, namespace, selector, url …) holds where no flag says otherwise.\nIn what is printed, comments stand where there is something to choose."
)]
pub struct Args {
    /// The configuration; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// What to print, in this order
    #[arg(
        long = "kind",
        value_name = "KIND",
        value_enum,
        required = true,
        value_delimiter = ','
    )]
    pub kinds: Vec<Kind>,
    /// Which of several plugins in the file, as name or namespace/name
    #[arg(long)]
    pub plugin: Option<String>,
    /// The plugin's name [default: the release's]
    #[arg(long, value_parser = flags::object_name)]
    pub name: Option<String>,
    /// The namespace of all that is printed [default: default]
    #[arg(long, value_parser = flags::namespace)]
    pub namespace: Option<String>,
    /// Labels of the workloads that the plugin is for
    #[arg(long = "selector", value_name = "KEY=VALUE")]
    pub selectors: Vec<Label>,
    /// What the plugin or the HTTPRoute is attached to: Gateway/public, Service/reviews …
    #[arg(long = "target-ref", value_name = "KIND/NAME", value_parser = flags::target, conflicts_with = "selectors")]
    pub target_refs: Vec<TargetRef>,
    /// The module: an image (oci://…), or a file (https://…, file:///…)
    #[arg(long, value_parser = flags::url)]
    pub url: Option<String>,
    /// The digest of the image, or of the file
    #[arg(long, value_name = "HEX", value_parser = flags::sha256)]
    pub sha256: Option<String>,
    /// The service that a release is of [default: the one that its hosts name, else the release's name]
    #[arg(long = "service", value_name = "[RELEASE=]HOST")]
    pub services: Vec<OfService>,
    /// The service's port; virtualservice needs it where there are several [default: 80]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// A Gateway that the VirtualService is for, or mesh
    #[arg(long = "gateway", value_name = "[NAMESPACE/]NAME", value_parser = flags::gateway)]
    pub gateways: Vec<String>,
    /// Where a version or a mirror is; for envoy and httproute
    #[arg(long = "upstream", value_name = "VERSION=HOST:PORT")]
    pub upstreams: Vec<Upstream>,
    /// Where Envoy listens; for envoy
    #[arg(long, value_name = "PORT", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub listen: u16,
}

/// Renders.
///
/// # Errors
///
/// When the configuration is refused, or what is asked for cannot be made of it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    out.write_all(render(&configuration, args)?.as_bytes())?;
    Ok(Verdict::Fine)
}

/// The documents that `args` asks for, as one YAML file. The same configuration and arguments give
/// the same text.
///
/// # Errors
///
/// When what is asked for cannot be made of the configuration.
pub fn render(configuration: &Configuration, args: &Args) -> Result<String, Failure> {
    kind::check(args)?;
    let about = About::new(configuration, args)?;
    let mut documents = Vec::new();
    for (place, kind) in args.kinds.iter().enumerate() {
        if args.kinds.iter().take(place).any(|before| before == kind) {
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
