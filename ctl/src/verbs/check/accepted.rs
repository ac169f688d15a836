//! A configuration without violations: its releases as compiled, and as written.

use halftone::config::{PluginConfig, ReleaseConfig};
use halftone::release::{Reason, Release, Releases, Route};
use halftone_resources::Plugin;
use serde::Deserialize;
use serde_json::Value;

use super::given::{Placed, PlacedFinding};
use crate::source;

/// A configuration and its place.
pub struct Accepted<'g> {
    /// The place.
    pub placed: &'g Placed,
    releases: Releases,
    written: PluginConfig,
}

/// A release of such a configuration.
#[derive(Clone, Copy)]
pub struct Served<'c> {
    /// The place.
    pub placed: &'c Placed,
    /// The compiled release.
    pub release: &'c Release,
    /// The release as written.
    pub written: &'c ReleaseConfig,
    index: usize,
}

/// A host that a release claims.
pub struct Claimed {
    /// The field that it is from.
    pub field: &'static str,
    /// The host, in its canonical spelling.
    pub host: String,
}

impl<'g> Accepted<'g> {
    /// The configuration in `placed`, compiled to `releases`. None: it cannot be read, which the compiler
    /// has reported.
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

    /// The plugin that contains it, if there is one.
    pub fn plugin(&self) -> Option<&'g Plugin> {
        self.placed.resource.plugin()
    }

    /// The releases.
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
    /// The release in the file.
    pub fn value(&self) -> Option<&'c Value> {
        let (_, config) = self.placed.resource.configuration()?;
        config.get("releases")?.get(self.index)
    }

    /// The hosts that it claims, those of its services included.
    pub fn hosts(&self) -> impl Iterator<Item = Claimed> + use<'c> {
        let listed = self.written.hosts.as_ref().map_or(0, Vec::len);
        let proxy = source::proxy_of(self.placed.resource.plugin());
        let claimed = source::claimed(self.written, proxy).into_iter().enumerate();
        claimed.map(move |(place, host)| Claimed {
            field: if place < listed { "hosts" } else { "services" },
            host,
        })
    }

    /// The services whose waypoint runs its plugin.
    pub fn targets(&self) -> Vec<String> {
        let plugin = self.placed.resource.plugin();
        plugin.map(Plugin::services).unwrap_or_default()
    }

    /// The hosts that routes can have for its requests: those that it claims. The host `*` in the waypoint of a service
    /// is this service.
    pub fn routed(&self) -> Vec<String> {
        let targets = self.targets();
        let mut routed = Vec::new();
        for claimed in self.hosts() {
            match claimed.host.as_str() {
                "*" if !targets.is_empty() => routed.extend(targets.iter().cloned()),
                _ => routed.push(claimed.host),
            }
        }
        routed
    }

    /// The namespace of the services that hosts without a dot name. None: it is unknown, and they can
    /// name services of any namespace.
    pub fn namespace(&self) -> Option<&'c str> {
        source::proxy_of(self.placed.resource.plugin()).namespace
    }

    /// The header that it routes by. None: it routes by authority.
    pub fn routing_header(&self) -> Option<&'c str> {
        match &self.release.route {
            Route::Header(name) => Some(name),
            Route::Authority => None,
        }
    }

    /// The versions that requests can get, in the order of the configuration. The principal is missing
    /// if something else claims every request.
    pub fn versions(&self) -> Vec<&'c str> {
        let canary = self.written.canary.as_ref();
        let split_takes_all =
            canary.is_some_and(|canary| canary.split.is_some() || canary.ramp.is_some());
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

    /// A finding at `path` of the release.
    pub fn finding(&self, path: &str, message: String) -> PlacedFinding {
        let place = self.placed.resource.configuration();
        let place = place.map(|(place, _)| place).unwrap_or_default();
        let release = source::within(place, &format!("releases[{}]", self.index));
        let path = match path {
            "" => release,
            path => format!("{release}.{path}"),
        };
        self.placed.finding(path, message)
    }
}
