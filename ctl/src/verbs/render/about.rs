//! What is rendered: the configuration, the plugin that holds it, the services that it is about.

use halftone::config::PluginConfig;
use halftone::release::{Release, Route};
use halftone_resources::PluginKind;
use serde::Deserialize;
use serde_json::Value;

use super::names::unique;
use super::plugin::Rendered;
use super::services::{self, Services};
use super::yaml::Object;
use super::{Args, Kind};
use crate::outcome::{Failure, Finding};
use crate::source::Configuration;

/// Why a service stands there that nobody has named.
pub const GUESS: &str = "Choose: no host of the release is a service's name, so the release's own stands for it. \
                         --service says which it is.";

/// All that is known about what is rendered.
pub struct About<'c> {
    configuration: &'c Configuration,
    /// The flags.
    pub args: &'c Args,
    /// The plugin.
    pub plugin: Rendered<'c>,
    /// In the order of the configuration.
    pub releases: Vec<Subject<'c>>,
}

/// A release, and the services that it is of.
pub struct Subject<'c> {
    /// Its place in the configuration.
    pub index: usize,
    /// As it runs.
    pub release: &'c Release,
    /// The version that gets what nothing else claims.
    pub principal: String,
    /// The hosts that it claims, in lower case.
    pub hosts: Vec<String>,
    /// What they name.
    pub services: Services,
}

impl<'c> About<'c> {
    /// Puts it together.
    pub fn new(configuration: &'c Configuration, args: &'c Args) -> Result<Self, Failure> {
        let plugin = Rendered::new(configuration, args);
        let written = match &configuration.value {
            Value::Null => PluginConfig::default(),
            // It was accepted, so it can be read.
            value => PluginConfig::deserialize(value)
                .map_err(|error| Failure::Usage(format!("{}: {error}", configuration.file)))?,
        };
        let all = configuration.releases.all();
        let flags = services::Flags::new(&args.services, all)?;
        let releases = all.iter().zip(written.releases.unwrap_or_default());
        let releases = releases.enumerate().map(|(index, (release, written))| {
            let hosts = written.hosts.unwrap_or_default();
            let hosts: Vec<String> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
            Subject {
                index,
                release,
                principal: written.principal.unwrap_or_default(),
                services: flags.services(&release.name, &hosts, &plugin.namespace),
                hosts,
            }
        });
        Ok(Self {
            configuration,
            args,
            releases: releases.collect(),
            plugin,
        })
    }

    /// Whether the configuration wants decisions in the access log.
    pub fn is_access_logged(&self) -> bool {
        self.configuration.releases.settings().access_log
    }

    /// The head of a resource.
    pub fn resource(&self, api_version: &str, kind: &str, name: &str) -> Object {
        let metadata = Object::new()
            .field("name", name)
            .field("namespace", &self.plugin.namespace);
        Object::new()
            .field("apiVersion", api_version)
            .field("kind", kind)
            .object("metadata", metadata)
    }

    /// A finding on the configuration, at `path` of it.
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

    /// What keeps routes from being written for `subjects`: hosts of which nobody can say whose they
    /// are, and services of two releases.
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
            for place in &subject.services.strays {
                let host = subject
                    .hosts
                    .get(*place)
                    .map(String::as_str)
                    .unwrap_or_default();
                findings.push(self.finding(
                    &format!("releases[{index}].hosts[{place}]"),
                    format!(
                        "`{host}` may be any of {}; say which service the release is of with --service {name}=HOST",
                        services.join(", ")
                    ),
                ));
            }
            for service in services {
                match seen.iter().find(|(other, _)| *other == service) {
                    Some((_, first)) => findings.push(self.finding(
                        &format!("releases[{index}].hosts"),
                        format!(
                            "{service} is the service of releases[{}] too; make one release of them, or say whose it is with --service",
                            first.index
                        ),
                    )),
                    None => seen.push((service, subject)),
                }
            }
        }
        findings
    }

    /// The releases that route by a header, and its name: those that `kind` is for.
    ///
    /// # Errors
    ///
    /// When there is none.
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

    /// Says above `routes` which releases are not in them.
    pub fn unrouted(&self, mut routes: Vec<Object>) -> Vec<Object> {
        let by_authority = |subject: &&Subject<'_>| subject.release.route == Route::Authority;
        let names = self.releases.iter().filter(by_authority);
        let names: Vec<&str> = names.map(|subject| &*subject.release.name).collect();
        if !names.is_empty() && !routes.is_empty() {
            let comment = format!(
                "Not here: {}, which routes by authority. A sidecar needs no routes for that; a gateway needs one for \
                 each authority.",
                names.join(", ")
            );
            let first = routes.remove(0);
            routes.insert(0, Object::new().comment(&comment).then(first));
        }
        routes
    }

    /// There is nothing that `kind` could say, for this reason.
    pub fn nothing(&self, kind: Kind, why: &str) -> Failure {
        let why = if self.releases.is_empty() {
            "there is no release"
        } else {
            why
        };
        let message = format!(
            "{why}, so --kind {} has nothing to say; leave it away",
            kind.name()
        );
        Failure::Refused(vec![self.finding("releases", message)])
    }
}

impl Subject<'_> {
    /// The names of its versions, the principal's first.
    pub fn versions(&self) -> Vec<&str> {
        let versions = self.release.versions.iter();
        versions.map(|version| version.name()).collect()
    }

    /// Says that its service is a guess, if it is.
    pub fn guess(&self, object: Object) -> Object {
        if self.services.is_guess {
            object.comment(GUESS)
        } else {
            object
        }
    }
}

/// The name of the resource for each service of each of `subjects`: the release's, where it has one.
pub fn names(subjects: &[&Subject<'_>]) -> Vec<String> {
    unique(subjects.iter().flat_map(|subject| {
        let services = subject.services.all.iter();
        services.map(|service| (&*subject.release.name, &*service.host))
    }))
}
