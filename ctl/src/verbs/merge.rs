//! `merge`: the releases of many files, each of another owner, as one plugin.
//!
//! The files must pass `check` by themselves. Releases are written by name, so the order of the files does not matter.
//! A finding has the position of what must change, and names the other file.

mod differences;

use std::collections::BTreeMap;
use std::io::Write;

use halftone::release::Releases;
use halftone_resources::{Plugin, TargetRef};
use serde_json::{Map, Value};

use super::check::accepted::{Accepted, Served};
use super::check::given::{self, Given, Located, PlacedFinding};
use super::check::{self, groups, plugins};
use super::render::{self, Kind, Label, Owners, flags};
use crate::outcome::{Failure, Finding, Verdict};
use crate::source::{self, Configuration};

/// The arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "The fields of the WasmPlugins and TrafficExtensions in the files (namespace, selector, url …) are the defaults of the flags. Files that differ in one need the flag."
)]
pub struct Args {
    /// Files and folders of files, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// The kind of plugin to print
    #[arg(long, value_enum)]
    pub kind: PluginKind,
    /// The name of the plugin [default: that in all files, or else halftone]
    #[arg(long, value_parser = flags::object_name)]
    pub name: Option<String>,
    /// The namespace of the plugin [default: default]
    #[arg(long, value_parser = flags::namespace)]
    pub namespace: Option<String>,
    /// A label of the workloads that run the plugin. Repeat the flag for more labels
    #[arg(long = "selector", value_name = "KEY=VALUE")]
    pub selectors: Vec<Label>,
    /// The target of the plugin: Gateway/public, Service/reviews …
    #[arg(long = "target-ref", value_name = "KIND/NAME", value_parser = flags::target, conflicts_with = "selectors")]
    pub target_refs: Vec<TargetRef>,
    /// The URL of the module: an image (oci://…) or a file (https://…, file:///…)
    #[arg(long, value_parser = flags::url)]
    pub url: Option<String>,
    /// The SHA-256 digest of the image or the file
    #[arg(long, value_name = "HEX", value_parser = flags::sha256)]
    pub sha256: Option<String>,
}

/// The kind of plugin that `merge` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PluginKind {
    /// Istio's WasmPlugin
    #[value(name = "wasmplugin")]
    WasmPlugin,
    /// Istio's TrafficExtension
    #[value(name = "trafficextension")]
    TrafficExtension,
}

/// Prints the plugin.
///
/// # Errors
///
/// A file cannot be read or is not valid, two files conflict, or the output cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let mut given = given::read(&args.files);
    if !given.failures.is_empty() {
        return Err(Failure::Several(given.failures));
    }
    let mut findings = std::mem::take(&mut given.findings);
    let configurations = check::accepted(&given, &mut findings);
    if findings.is_empty() && given.configurations().next().is_none() {
        findings.push(check::no_configuration(&args.files));
    }
    findings.extend(plugins::check(&configurations));
    findings.extend(groups::check(&configurations));
    findings.extend(differences::check(&configurations, args));
    let mut releases: Vec<Served<'_>> =
        configurations.iter().flat_map(Accepted::releases).collect();
    releases.sort_by(|one, other| one.release.name.cmp(&other.release.name));
    findings.extend(claimed_twice(&releases));
    let settings = settings(&configurations, &mut findings);
    refuse(&given, findings)?;

    let written = configurations.iter().find_map(Accepted::plugin);
    let plugin = written.map(|plugin| unnamed(plugin, &configurations));
    let value = value(&releases, &settings);
    let compiled = compile(&value, plugin.as_ref(), args, &releases);
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(findings) => return refuse(&given, findings).map(|()| Verdict::Findings),
    };
    let owner = |release: &Served<'_>| {
        (
            release.release.name.to_string(),
            release.placed.file.clone(),
        )
    };
    let owners = Owners {
        releases: releases.iter().map(owner).collect(),
        settings: settings
            .iter()
            .map(|(name, (_, file))| ((*name).to_owned(), (*file).to_owned()))
            .collect(),
    };
    let configuration = Configuration {
        file: args.files.first().cloned().unwrap_or_default(),
        value,
        releases: compiled,
        plugin,
    };
    let text = render::merged(&configuration, &flags_of(args), &owners)?;
    out.write_all(text.as_bytes())?;
    Ok(Verdict::Fine)
}

/// The flags of `render` for the same plugin.
fn flags_of(args: &Args) -> render::Args {
    let kind = match args.kind {
        PluginKind::WasmPlugin => Kind::WasmPlugin,
        PluginKind::TrafficExtension => Kind::TrafficExtension,
    };
    render::Args {
        name: args.name.clone(),
        namespace: args.namespace.clone(),
        selectors: args.selectors.clone(),
        target_refs: args.target_refs.clone(),
        url: args.url.clone(),
        sha256: args.sha256.clone(),
        ..render::Args::of("", kind)
    }
}

/// `Err` with the findings and their positions, if there are any.
fn refuse(given: &Given, findings: Vec<PlacedFinding>) -> Result<(), Failure> {
    if findings.is_empty() {
        return Ok(());
    }
    let placed = |located: Located| Finding {
        file: format!(
            "{}:{}:{}",
            located.finding.file, located.at.line, located.at.column
        ),
        ..located.finding
    };
    let findings = given.locate(findings).into_iter().map(placed);
    Err(Failure::Refused(findings.collect()))
}

/// The findings on releases that have a name or a host of an earlier one.
fn claimed_twice(releases: &[Served<'_>]) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    let mut names: BTreeMap<&str, &Served<'_>> = BTreeMap::new();
    let mut hosts: BTreeMap<String, &Served<'_>> = BTreeMap::new();
    for release in releases {
        let name = &*release.release.name;
        // The compiler compares the releases of one configuration.
        let is_other = |other: &Served<'_>| other.placed.place != release.placed.place;
        if let Some(other) = names.get(name).filter(|other| is_other(other)) {
            let message = format!(
                "`{name}` is also the name of a release in {}; rename one of them, and write session.salt: {name} there so that no session moves",
                other.placed.file
            );
            findings.push(release.finding("name", message));
        }
        names.entry(name).or_insert(release);
        // The names of a service mostly conflict together.
        let mut has_service_conflict = false;
        for claimed in release.hosts() {
            let is_service = claimed.field == "services";
            let other = hosts.get(&claimed.host).filter(|other| is_other(other));
            if let Some(other) = other.filter(|_| !(is_service && has_service_conflict)) {
                let message = format!(
                    "release {} in {} claims `{}` too; remove the host from one of them",
                    other.release.name, other.placed.file, claimed.host
                );
                findings.push(release.finding(claimed.field, message));
                has_service_conflict |= is_service;
            }
            hosts.entry(claimed.host).or_insert(release);
        }
    }
    findings
}

/// The settings beside the releases, each with the first file that has it. Files that differ are added to `findings`.
fn settings<'g>(
    configurations: &[Accepted<'g>],
    findings: &mut Vec<PlacedFinding>,
) -> BTreeMap<&'g str, (&'g Value, &'g str)> {
    let mut settings: BTreeMap<&str, (&Value, &str)> = BTreeMap::new();
    for placed in configurations.iter().map(|one| one.placed) {
        let Some((place, config)) = placed.resource.configuration() else {
            continue;
        };
        let fields = config.as_object().into_iter().flatten();
        for (name, value) in fields.filter(|(name, value)| *name != "releases" && !value.is_null())
        {
            let (known, file) = *settings.entry(name).or_insert((value, &placed.file));
            if known != value {
                let message = format!(
                    "is {value}, and {known} in {file}; one plugin has one value, so write it in one file only"
                );
                findings.push(placed.finding(source::within(place, name), message));
            }
        }
    }
    settings
}

/// The configuration of these releases and settings.
fn value(releases: &[Served<'_>], settings: &BTreeMap<&str, (&Value, &str)>) -> Value {
    let releases = releases.iter().filter_map(Served::value).cloned().collect();
    let mut fields = Map::new();
    fields.insert("releases".into(), Value::Array(releases));
    for (name, (value, _)) in settings {
        fields.insert((*name).into(), (*value).clone());
    }
    Value::Object(fields)
}

/// The compiled configuration, or its violations at the releases that have them.
fn compile(
    value: &Value,
    plugin: Option<&Plugin>,
    args: &Args,
    releases: &[Served<'_>],
) -> Result<Releases, Vec<PlacedFinding>> {
    let plugin = plugin.cloned().map(|mut plugin| {
        if let Some(namespace) = &args.namespace {
            plugin.meta.namespace.clone_from(namespace);
        }
        plugin
    });
    let proxy = source::proxy_of(plugin.as_ref());
    halftone::config::load_value_for(value, proxy).map_err(|violations| {
        let at = |path: &str| {
            let (index, rest) = path.strip_prefix("releases[")?.split_once(']')?;
            let release = releases.get(index.parse::<usize>().ok()?)?;
            Some((release, rest.trim_start_matches('.').to_owned()))
        };
        let finding = |path: &str, message: String| match at(path) {
            Some((release, rest)) => release.finding(&rest, message),
            None => PlacedFinding::about_all(
                args.files.first().cloned().unwrap_or_default(),
                format!("the merged plugin: {path}: {message}"),
            ),
        };
        violations
            .iter()
            .map(|violation| finding(&violation.path, violation.message.clone()))
            .collect()
    })
}

/// The plugin, without its name if other files have another one, and without its configuration.
fn unnamed(plugin: &Plugin, configurations: &[Accepted<'_>]) -> Plugin {
    let mut others = configurations.iter().filter_map(Accepted::plugin);
    let mut plugin = plugin.clone();
    if others.any(|other| other.meta.name != plugin.meta.name) {
        plugin.meta.name.clear();
    }
    plugin.config = None;
    plugin
}
