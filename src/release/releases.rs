//! All releases of one plugin configuration, found by host.

use std::sync::Arc;

use super::hosts::{HostPattern, Hosts};
use super::{Release, Route};
use crate::invitation::Keys;
use crate::lookup::Names;
use crate::request::{RequestHead, length_bit};

/// All releases of one plugin configuration.
///
/// `H` is the handle by which a release is reached: an `Arc<Release>`, or what a shell keeps beside
/// it (see [`Releases::map`]).
#[derive(Clone, Debug)]
pub struct Releases<H = Arc<Release>> {
    all: Vec<H>,
    /// One table for all configurations whose releases claim the same hosts.
    hosts: Arc<Hosts<usize>>,
    settings: Settings,
}

/// What applies to all releases of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The bytes that all copies of requests in one worker may hold together.
    pub mirror_budget: usize,
    /// The keys that sign and verify invitations.
    pub signing: Arc<Keys>,
    /// The request header that asks for the decision.
    pub explain: Option<Box<str>>,
    /// Whether decisions are written where access logs can print them.
    pub access_log: bool,
    /// Whether no responses are counted, except those that a guard needs.
    pub omits_responses: bool,
    routing_headers: RoutingHeaders,
}

impl<H> Default for Releases<H> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            hosts: Arc::default(),
            settings: Settings::default(),
        }
    }
}

impl Releases {
    /// No releases yet, with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Adds `release`, which claims `hosts`: each an exact host, `*.suffix` or `*`.
    pub fn insert(
        &mut self,
        mut release: Release,
        hosts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> &Arc<Release> {
        release.hosts = hosts.into_iter().map(|host| host.as_ref().into()).collect();
        self.add(Arc::new(release))
    }

    /// Adds a release of another configuration, which claims the same hosts here.
    pub fn add(&mut self, release: Arc<Release>) -> &Arc<Release> {
        let hosts = Arc::make_mut(&mut self.hosts);
        for host in &release.hosts {
            hosts.insert(host, self.all.len());
        }
        if let Route::Header(name) = &release.route {
            self.settings.routing_headers.insert(name);
        }
        self.all.push_mut(release)
    }
}

impl<H> Releases<H> {
    /// The same releases, each behind the handle that `handle` makes of it.
    pub fn map<T>(self, handle: impl FnMut(H) -> T) -> Releases<T> {
        Releases {
            all: self.all.into_iter().map(handle).collect(),
            hosts: self.hosts,
            settings: self.settings,
        }
    }

    /// Keeps the table of hosts of `other` in place of its own, if they are equal. Configurations that
    /// serve at the same time need one.
    pub fn share_hosts<T>(&mut self, other: &Releases<T>) {
        if self.hosts == other.hosts {
            self.hosts = Arc::clone(&other.hosts);
        }
    }

    /// The release that claims the host of the request: see [`Hosts::find`].
    #[must_use]
    pub fn claiming(&self, head: &RequestHead<'_>) -> Option<&H> {
        self.all.get(*self.hosts.find(head.authority())?)
    }

    /// Whether a release claims the host of `authority`.
    #[must_use]
    pub fn claim(&self, authority: &[u8]) -> bool {
        self.hosts.find(authority).is_some()
    }

    /// The pattern that claims the host of the request.
    #[must_use]
    pub fn pattern(&self, head: &RequestHead<'_>) -> Option<HostPattern<'_>> {
        self.hosts.claim(head.authority()).map(|claim| claim.0)
    }

    /// All releases, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[H] {
        &self.all
    }

    /// What applies to all of them.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Settings {
    /// Whether a release routes by the header `name`. Halftone never obeys what a client sends
    /// under such a name.
    #[must_use]
    pub fn is_routing_header(&self, name: &[u8]) -> bool {
        self.routing_headers.contain(name)
    }

    /// Whether a release can route by a header of a request, as far as the lengths of their names tell:
    /// see [`RequestHead::name_lengths`].
    #[must_use]
    pub fn can_route_by(&self, lengths: u64) -> bool {
        self.routing_headers.lengths & lengths != 0
    }
}

/// The names of the headers that releases route by. Every header of every request is looked up
/// here. Hardly any is found, and the length excludes most of them.
#[derive(Clone, Debug, Default)]
struct RoutingHeaders {
    names: Names,
    /// See [`length_bit`].
    lengths: u64,
}

impl RoutingHeaders {
    fn insert(&mut self, name: &str) {
        self.lengths |= length_bit(name.as_bytes());
        self.names.insert(name.as_bytes().into());
    }

    fn contain(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name) != 0 && self.names.contains(name)
    }
}
