//! `render`: the resources for a configuration.

mod about;
mod destination_rule;
mod envoy;
mod envoy_filter;
mod envoy_gateway;
pub(super) mod flags;
mod http_route;
mod kind;
mod live;
mod names;
mod plugin;
mod services;
mod traffic_extension;
mod upstreams;
mod virtual_service;
mod wasm_filter;
mod wasm_plugin;
pub(super) mod yaml;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use halftone_resources::{TargetRef, file};

use crate::outcome::{Failure, Verdict};
use crate::source::Configuration;
use about::About;
pub use flags::{Address, Label, OfService, Upstream};
pub use kind::Kind;
pub use plugin::Owners;
use yaml::Object;

/// The default port of a service.
const DEFAULT_PORT: u16 = 80;

/// The default port on which a rendered Envoy listens.
const LISTEN: u16 = 10_000;

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
    /// The address of a version or a mirror, for envoy, envoygateway and httproute: v2=HOST:PORT, SERVICE/v2=HOST:PORT, and
    /// v2=http2://HOST:PORT for gRPC
    #[arg(long = "upstream", value_name = "VERSION=HOST:PORT")]
    pub upstreams: Vec<Upstream>,
    /// Name the clusters of mirrors as Envoy Gateway does with spec.mergeBackends of the EnvoyProxy, for envoygateway
    #[arg(long)]
    pub merge_backends: bool,
    /// The address on which Envoy listens, for envoy: a port, or ADDRESS:PORT
    #[arg(long, value_name = "ADDRESS", default_value = "10000", value_parser = flags::listen)]
    pub listen: SocketAddr,
    /// The address of Envoy's admin interface, for envoy: a port, or ADDRESS:PORT [default: 127.0.0.1:9901]
    #[arg(long, value_name = "ADDRESS", value_parser = flags::admin)]
    pub admin: Option<SocketAddr>,
    /// Write files to DIR from which Envoy reads releases, routes and clusters again when they change, for envoy
    #[arg(long, value_name = "DIR", conflicts_with = "output_dir")]
    pub live: Option<PathBuf>,
    /// Write each kind to a file in DIR: DIR/wasmplugin.yaml
    #[arg(short = 'o', long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}

impl Args {
    /// The arguments that render one kind of `file`, without flags.
    #[must_use]
    pub fn of(file: &str, kind: Kind) -> Self {
        Self {
            file: file.into(),
            kinds: vec![kind],
            plugin: None,
            name: None,
            namespace: None,
            selectors: Vec::new(),
            target_refs: Vec::new(),
            url: None,
            sha256: None,
            services: Vec::new(),
            port: None,
            gateways: Vec::new(),
            upstreams: Vec::new(),
            merge_backends: false,
            listen: SocketAddr::from(([0, 0, 0, 0], LISTEN)),
            admin: None,
            live: None,
            output_dir: None,
        }
    }
}

/// The VirtualServices of a configuration, as YAML. A release that routes by the authority has none.
///
/// # Errors
///
/// The configuration does not allow one of them.
pub fn virtual_services(configuration: &Configuration) -> Result<String, Failure> {
    let args = Args::of(&configuration.file, Kind::VirtualService);
    render(configuration, &args)
}

/// Prints the documents, or writes them to files.
///
/// # Errors
///
/// The configuration is not valid, does not allow one of the documents, or a file cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    if let Some(folder) = &args.live {
        live::write(&configuration, args, folder, out)?;
    } else if let Some(folder) = &args.output_dir {
        let files: Vec<(String, String)> = by_kind(&configuration, args)?
            .into_iter()
            .map(|(kind, documents)| (format!("{}.yaml", kind.name()), documents.join("---\n")))
            .collect();
        write(&args.file, folder, &files, out)?;
    } else {
        out.write_all(render(&configuration, args)?.as_bytes())?;
    }
    Ok(Verdict::Fine)
}

/// The documents of `args`, as one YAML file. The same configuration and arguments give the same text.
///
/// # Errors
///
/// The configuration does not allow one of the documents.
pub fn render(configuration: &Configuration, args: &Args) -> Result<String, Failure> {
    let kinds = by_kind(configuration, args)?.into_iter();
    let documents: Vec<String> = kinds.flat_map(|(_, documents)| documents).collect();
    Ok(documents.join("---\n"))
}

/// The plugin of `configuration` with the files of its releases, as YAML. `args` has one kind, of a plugin.
///
/// # Errors
///
/// A value cannot be written as YAML.
pub(super) fn merged(
    configuration: &Configuration,
    args: &Args,
    owners: &Owners,
) -> Result<String, Failure> {
    let mut about = About::new(configuration, args)?;
    about.plugin.owners = Some(owners);
    let object = if args.kinds.contains(&Kind::TrafficExtension) {
        traffic_extension::render(&about)
    } else {
        wasm_plugin::render(&about)
    };
    object.finish()
}

/// The documents of each kind, in the order of `args`. Each kind has some.
fn by_kind(
    configuration: &Configuration,
    args: &Args,
) -> Result<Vec<(Kind, Vec<String>)>, Failure> {
    kind::check(args)?;
    let about = About::new(configuration, args)?;
    let mut all: Vec<(Kind, Vec<String>)> = Vec::new();
    let mut add = |kind: Kind, objects: Vec<Object>| -> Result<(), Failure> {
        if !objects.is_empty() && all.iter().all(|(known, _)| *known != kind) {
            let documents = objects.into_iter().map(Object::finish);
            all.push((kind, documents.collect::<Result<_, _>>()?));
        }
        Ok(())
    };
    for kind in args.kinds.iter().copied() {
        let objects = match kind {
            Kind::Istio => {
                // The order in which to apply them: a version has its route before a request is sent to it.
                add(
                    Kind::DestinationRule,
                    destination_rule::render_if_any(&about)?,
                )?;
                add(
                    Kind::VirtualService,
                    virtual_service::render_if_any(&about)?,
                )?;
                if about.is_traffic_extension() {
                    let plugin = traffic_extension::render(&about);
                    add(Kind::TrafficExtension, vec![plugin])?;
                } else {
                    add(Kind::WasmPlugin, vec![wasm_plugin::render(&about)])?;
                }
                continue;
            }
            Kind::WasmPlugin => vec![wasm_plugin::render(&about)],
            Kind::TrafficExtension => vec![traffic_extension::render(&about)],
            Kind::VirtualService => virtual_service::render(&about)?,
            Kind::DestinationRule => destination_rule::render(&about)?,
            Kind::EnvoyFilter => vec![envoy_filter::render(&about)?],
            Kind::Envoy => vec![envoy::render(&about)?],
            Kind::EnvoyGateway => vec![envoy_gateway::render(&about)?],
            Kind::HttpRoute => http_route::render(&about)?,
        };
        add(kind, objects)?;
    }
    Ok(all)
}

/// Writes `files`, each a name and a text, to `folder` in this order, and says which changed. Returns whether each did.
///
/// # Errors
///
/// A file cannot be written, or is the one that was `read`.
pub(super) fn write(
    read: &str,
    folder: &Path,
    files: &[(String, String)],
    out: &mut dyn Write,
) -> Result<Vec<bool>, Failure> {
    let read = fs::canonicalize(read).ok();
    let written = files.iter().map(|(name, text)| (folder.join(name), text));
    for (file, _) in written.clone() {
        if read.is_some() && fs::canonicalize(&file).ok() == read {
            return Err(Failure::Usage(format!(
                "{}: is the file that is read; write to another folder",
                file.display()
            )));
        }
    }
    let failure = |file: &Path, error| Failure::Unwritten {
        file: file.display().to_string(),
        error,
    };
    fs::create_dir_all(folder).map_err(|error| failure(folder, error))?;
    let mut changes = Vec::new();
    for (file, text) in written {
        let is_new = file::replace(&file, text).map_err(|error| failure(&file, error))?;
        let change = if is_new { "written" } else { "unchanged" };
        writeln!(out, "{}: {change}", file.display())?;
        changes.push(is_new);
    }
    Ok(changes)
}
