//! The releases whose state is printed.

use std::sync::Arc;

use halftone::release::{Release, Releases};
use halftone_console::release::{self, Release as Written};
use serde_json::Value;

use crate::cluster::{Cluster, PluginName};
use crate::outcome::Failure;
use crate::source::{self, Source};
use crate::verbs::act::Choice;

/// Where the releases are.
pub struct Subjects<'a> {
    place: Place<'a>,
    release: Option<&'a str>,
}

enum Place<'a> {
    File(&'a str),
    Cluster(Cluster, &'a PluginName),
}

/// A release.
pub struct Subject {
    /// As the console reads it. Its document is the file or the plugin.
    pub written: Written,
    /// As it runs.
    pub release: Arc<Release>,
}

impl<'a> Subjects<'a> {
    /// The releases of a file, or of the plugin of a cluster.
    ///
    /// # Errors
    ///
    /// The cluster cannot be used.
    pub fn new(file: Option<&'a str>, choice: &'a Choice) -> Result<Self, Failure> {
        let place = match &choice.plugin {
            Some(plugin) => Place::Cluster(choice.cluster()?, plugin),
            None => Place::File(file.unwrap_or(source::STDIN)),
        };
        Ok(Self {
            place,
            release: choice.release.as_deref(),
        })
    }

    /// Reads the releases.
    ///
    /// # Errors
    ///
    /// They cannot be read, they have violations, or none of them is the chosen one.
    pub fn read(&self) -> Result<Vec<Subject>, Failure> {
        let (name, mut found) = match &self.place {
            Place::File(file) => ((*file).to_owned(), in_file(file)?),
            Place::Cluster(cluster, plugin) => {
                let plugin = cluster.read(plugin)?;
                let compiled = halftone::config::load_value(&plugin.config);
                let compiled = compiled.map_err(|violations| {
                    Failure::Refused(source::findings(&plugin.name, None, "", &violations))
                })?;
                let found = subjects(&plugin.name, &plugin.config, &compiled);
                (plugin.name, found)
            }
        };
        let Some(wanted) = self.release else {
            return Ok(found);
        };
        let names: Vec<String> = found.iter().map(|one| one.written.name.clone()).collect();
        found.retain(|one| one.written.name == wanted);
        if found.is_empty() {
            let wrong = format!("has no release {wanted}; it has {}", names.join(", "));
            return Err(Failure::refused(&name, wrong));
        }
        Ok(found)
    }
}

fn in_file(file: &str) -> Result<Vec<Subject>, Failure> {
    let source = Source::read(file)?;
    let mut found = Vec::new();
    let mut has_configuration = false;
    for resource in &source.resources {
        let Some((_, value)) = resource.configuration() else {
            continue;
        };
        has_configuration = true;
        let compiled = source.compile(resource).transpose();
        let compiled = compiled.map_err(Failure::Refused)?.unwrap_or_default();
        let name = match resource.plugin() {
            Some(_) => resource.to_string(),
            None => file.into(),
        };
        found.extend(subjects(&name, value, &compiled));
    }
    if !has_configuration {
        let wrong = "contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension";
        return Err(Failure::refused(file, wrong.into()));
    }
    Ok(found)
}

fn subjects(document: &str, value: &Value, compiled: &Releases) -> Vec<Subject> {
    let written = release::releases(document, value).into_iter();
    let subject = |written: Written| {
        let mut all = compiled.all().iter();
        let release = all.find(|one| *one.name == written.name)?.clone();
        Some(Subject { written, release })
    };
    written.filter_map(subject).collect()
}
