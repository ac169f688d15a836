//! A configuration without violations: its releases as they run, and as they were written.

use halftone::config::{PluginConfig, ReleaseConfig};
use halftone::release::{Reason, Release, Releases, Route};
use halftone_resources::Plugin;
use serde::Deserialize;

use super::given::{Placed, Told};
use crate::source;

/// Istio's root namespace, unless a mesh is told another: what stands there is for all namespaces.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// A configuration, and where it stands.
pub struct Accepted<'g> {
    /// Where it stands.
    pub placed: &'g Placed,
    releases: Releases,
    written: PluginConfig,
}

/// A release of such a configuration.
#[derive(Clone, Copy)]
pub struct Served<'c> {
    /// Where it stands.
    pub placed: &'c Placed,
    /// As it runs.
    pub release: &'c Release,
    /// As it was written.
    pub written: &'c ReleaseConfig,
    index: usize,
}

impl<'g> Accepted<'g> {
    /// The configuration in `placed`, which came to `releases`.
    pub fn new(placed: &'g Placed, releases: Releases) -> Option<Self> {
        let written = match placed.resource.configuration() {
            Some((_, value)) if !value.is_null() => PluginConfig::deserialize(value).ok()?,
            _ => PluginConfig::default(),
        };
        Some(Self {
            placed,
            releases,
            written,
        })
    }

    /// The plugin that it stands in, if it is one.
    pub fn plugin(&self) -> Option<&'g Plugin> {
        self.placed.resource.plugin()
    }

    /// Its releases.
    pub fn releases(&self) -> impl Iterator<Item = Served<'_>> {
        let written = self.written.releases.iter().flatten();
        let both = self.releases.all().iter().zip(written).enumerate();
        both.map(|(index, (release, written))| Served {
            placed: self.placed,
            release,
            written,
            index,
        })
    }
}

impl<'c> Served<'c> {
    /// The hosts that it claims, as they were written.
    pub fn hosts(&self) -> impl Iterator<Item = &'c str> + use<'c> {
        self.written.hosts.iter().flatten().map(String::as_str)
    }

    /// The namespace whose services its hosts without a dot name. None: it cannot be told, and they
    /// may name those of any.
    pub fn namespace(&self) -> Option<&'c str> {
        let namespace = self.placed.resource.plugin()?.meta.namespace.as_str();
        (namespace != ROOT_NAMESPACE).then_some(namespace)
    }

    /// The header that it routes by, if it does.
    pub fn routing_header(&self) -> Option<&'c str> {
        match &self.release.route {
            Route::Header(name) => Some(name),
            Route::Authority => None,
        }
    }

    /// The versions that requests can come to, in the order of the configuration. The principal is
    /// none of them where something else claims all.
    pub fn versions(&self) -> Vec<&'c str> {
        let canary = self.written.canary.as_ref();
        let split_takes_all = canary.is_some_and(|canary| canary.split.is_some());
        let outcomes = &self.release.outcomes;
        let can_be_chosen = |version: &str| {
            outcomes.iter().any(|outcome| {
                let is_left_over = *outcome.reason() == Reason::Principal;
                outcome.version().name() == version && !(is_left_over && split_takes_all)
            })
        };
        let names = self.release.versions.iter().map(|version| version.name());
        names
            .filter(|name| Some(*name) != self.principal() || can_be_chosen(name))
            .collect()
    }

    /// The reference version.
    pub fn principal(&self) -> Option<&'c str> {
        self.written.principal.as_deref()
    }

    /// Says `message` of what stands at `path` of the release.
    pub fn say(&self, path: &str, message: String) -> Told {
        let place = self.placed.resource.configuration();
        let place = place.map(|(place, _)| place).unwrap_or_default();
        let release = source::within(place, &format!("releases[{}]", self.index));
        let path = match path {
            "" => release,
            path => format!("{release}.{path}"),
        };
        self.placed.say(path, message)
    }
}
