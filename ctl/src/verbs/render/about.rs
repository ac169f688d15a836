//! The subject of `render`: the configuration, its plugin, and the services of its releases.

use halftone::config::{PluginConfig, Proxy};
use halftone::release::{Release, Route};
use halftone_resources::PluginKind;
use serde::Deserialize;
use serde_json::Value;

use super::names::unique;
use super::plugin::Rendered;
use super::services::{self, Services};
use super::yaml::{Object, literal};
use super::{Args, Kind};
use crate::outcome::{Failure, Finding};
use crate::source::{Configuration, claimed};

/// The comment on a service that is guessed from the name of the release.
pub const GUESS: &str = "Choose: no host of the release names a service, so this is the name of the release. Set the \
                         service with --service.";

/// The comment on a plugin that is merged from several files.
const MERGED: &str =
    "Written by halftonectl merge. Change the files that it names, and run it again.";

/// The subject of `render`.
pub struct About<'c> {
    configuration: &'c Configuration,
    /// The command line.
    pub args: &'c Args,
    /// The plugin.
    pub plugin: Rendered<'c>,
    /// The releases, in the order of the configuration.
    pub releases: Vec<Subject<'c>>,
    /// Whether a release claims services, so that the namespace of the proxy matters.
    pub has_services: bool,
}

/// A release and its services.
pub struct Subject<'c> {
    /// The index in the configuration.
    pub index: usize,
    /// The compiled release.
    pub release: &'c Release,
    /// The version of requests that nothing else claims.
    pub principal: String,
    /// The hosts that it claims, those of its services included, in their canonical spelling.
    pub hosts: Vec<String>,
    /// The services that the hosts name.
    pub services: Services,
}

impl<'c> About<'c> {
    /// The subject that a configuration and the command line describe.
    pub fn new(configuration: &'c Configuration, args: &'c Args) -> Result<Self, Failure> {
        let plugin = Rendered::new(configuration, args);
        let written = match &configuration.value {
            Value::Null => PluginConfig::default(),
            // A valid configuration can be read.
            value => PluginConfig::deserialize(value)
                .map_err(|error| Failure::Usage(format!("{}: {error}", configuration.file)))?,
        };
        let mut has_services = false;
        let all = configuration.releases.all();
        let flags = services::Flags::new(&args.services, all)?;
        let targets = plugin.services();
        let releases = all.iter().zip(written.releases.unwrap_or_default());
        let releases = releases.enumerate().map(|(index, (release, written))| {
            has_services |= written.services.is_some();
            let proxy = Proxy {
                namespace: Some(&plugin.namespace),
                ..Proxy::default()
            };
            let mut hosts: Vec<String> = Vec::new();
            for host in claimed(&written, proxy) {
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
            Subject {
                index,
                release,
                principal: written.principal.unwrap_or_default(),
                services: flags.services(&release.name, &hosts, &plugin.namespace, &targets),
                hosts,
            }
        });
        let releases = releases.collect();
        Ok(Self {
            configuration,
            args,
            releases,
            has_services,
            plugin,
        })
    }

    /// Whether the configuration writes decisions to the access log.
    pub fn is_access_logged(&self) -> bool {
        self.configuration.releases.settings().access_log
    }

    /// Whether the file has a TrafficExtension.
    pub fn is_traffic_extension(&self) -> bool {
        let plugin = self.plugin.written;
        plugin.is_some_and(|plugin| plugin.kind == PluginKind::TrafficExtension)
    }

    /// The fields of a resource before its `spec`.
    pub fn resource(&self, api_version: &str, kind: &str, name: &str) -> Object {
        let metadata = Object::new()
            .field("name", name)
            .field("namespace", &self.plugin.namespace);
        let Some(owners) = self.plugin.owners else {
            return Object::new()
                .field("apiVersion", api_version)
                .field("kind", kind)
                .object("metadata", metadata);
        };
        let files = owners.releases.iter();
        let files: String = files
            .map(|(release, file)| format!("{release}: {file}\n"))
            .collect();
        let annotations = Object::new().field("halftone/releases", literal(&files));
        let metadata = metadata.object("annotations", annotations);
        Object::new()
            .comment(MERGED)
            .field("apiVersion", api_version)
            .field("kind", kind)
            .object("metadata", metadata)
    }

    /// A finding at `path` of the configuration.
    pub fn finding(&self, path: &str, message: impl Into<String>) -> Finding {
        let plugin = self.configuration.plugin.as_ref();
        let resource = plugin.map(|plugin| {
            let kind = match plugin.kind {
                PluginKind::WasmPlugin => "WasmPlugin",
                PluginKind::TrafficExtension => "TrafficExtension",
            };
            format!("{kind} {}/{}", plugin.meta.namespace, plugin.meta.name)
        });
        let place = plugin.map(|plugin| plugin.config_path());
        let path = [place.unwrap_or_default(), path].map(str::to_owned);
        Finding {
            file: self.configuration.file.clone(),
            resource,
            path: path
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("."),
            message: message.into(),
        }
    }

    /// The findings that prevent routes for `subjects`: hosts that could belong to several services, and
    /// services of two releases.
    pub fn unroutable(&self, subjects: &[&Subject<'_>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen: Vec<(&str, &Subject<'_>)> = Vec::new();
        for subject in subjects {
            let (index, name) = (subject.index, &subject.release.name);
            let services: Vec<&str> = subject
                .services
                .all
                .iter()
                .map(|service| &*service.host)
                .collect();
            for stray in &subject.services.strays {
                let host = subject
                    .hosts
                    .get(*stray)
                    .map(String::as_str)
                    .unwrap_or_default();
                findings.push(self.finding(
                    &format!("releases[{index}].hosts[{stray}]"),
                    format!(
                        "`{host}` could be any of {}; choose the service of the release with --service {name}=HOST",
                        services.join(", ")
                    ),
                ));
            }
            for service in services {
                match seen.iter().find(|(other, _)| *other == service) {
                    Some((_, first)) => findings.push(self.finding(
                        &format!("releases[{index}].hosts"),
                        format!(
                            "{service} is the service of releases[{}] too; merge the two releases, or give each its service with --service",
                            first.index
                        ),
                    )),
                    None => seen.push((service, subject)),
                }
            }
        }
        findings
    }

    /// The releases that route by a header, and the name of the header. Only these concern `kind`.
    ///
    /// # Errors
    ///
    /// No release routes by a header.
    pub fn routed_by_header(&self, kind: Kind) -> Result<Vec<(&Subject<'c>, &str)>, Failure> {
        let by_header = |subject: &'_ Subject<'c>| match &subject.release.route {
            Route::Header(name) => Some(name),
            Route::Authority => None,
        };
        let routed: Vec<_> = self
            .releases
            .iter()
            .filter_map(|subject| Some((subject, &**by_header(subject)?)))
            .collect();
        if routed.is_empty() {
            return Err(self.nothing(kind, "no release routes by a header"));
        }
        Ok(routed)
    }

    /// Adds a comment to `routes` with the releases that have none.
    pub fn unrouted(&self, mut routes: Vec<Object>) -> Vec<Object> {
        let by_authority = |subject: &&Subject<'_>| subject.release.route == Route::Authority;
        let names = self.releases.iter().filter(by_authority);
        let names: Vec<&str> = names.map(|subject| &*subject.release.name).collect();
        if !names.is_empty() && !routes.is_empty() {
            let comment = format!(
                "Not included: {}, which routes by authority. A sidecar needs no routes for that; a gateway needs one \
                 for each authority.",
                names.join(", ")
            );
            let first = routes.remove(0);
            routes.insert(0, Object::new().comment(&comment).then(first));
        }
        routes
    }

    /// The failure of a `kind` that would be empty, with the reason.
    pub fn nothing(&self, kind: Kind, why: &str) -> Failure {
        let why = if self.releases.is_empty() {
            "there is no release"
        } else {
            why
        };
        let message = format!("{why}, so --kind {} would be empty; omit it", kind.name());
        Failure::Refused(vec![self.finding("releases", message)])
    }
}

impl Subject<'_> {
    /// The names of its versions, the principal first.
    pub fn versions(&self) -> Vec<&str> {
        let versions = self.release.versions.iter();
        versions.map(|version| version.name()).collect()
    }

    /// Adds a comment if the service is a guess.
    pub fn guess(&self, object: Object) -> Object {
        if self.services.is_guess {
            object.comment(GUESS)
        } else {
            object
        }
    }
}

/// The name of the resource for each service of `subjects`: the name of the release if it has only one.
pub fn names(subjects: &[&Subject<'_>]) -> Vec<String> {
    unique(subjects.iter().flat_map(|subject| {
        let services = subject.services.all.iter();
        services.map(|service| (&*subject.release.name, &*service.host))
    }))
}
