//! Releases as they run: compiled, immutable, shared by every request.

mod decide;
mod decision;
mod draws;
mod hosts;
mod lookup;
mod matching;
mod session;
mod split;
mod string_match;
mod ticket;
mod version;

use std::sync::Arc;

pub use decision::{Copies, Decision, Outcome, Reason};
pub use draws::{Draws, Percentage, salt};
pub use hosts::{HostPattern, Hosts};
pub use lookup::{FixedHasher, Lookup};
pub use matching::{Condition, Match, any_matches};
pub use session::{Session, SessionCookie, SessionId, SessionKey};
pub use split::{Arm, Split};
pub use string_match::StringMatch;
pub use ticket::Ticket;
pub use version::Version;

use crate::mirror::Mirror;
use crate::request::RequestHead;

/// The grayscale release of one service.
#[derive(Clone, Debug)]
pub struct Release {
    /// A DNS label, unique in the configuration. It salts the sessions and labels the metrics.
    pub name: Box<str>,
    /// Every version that the release names, each at its own [`Version::index`].
    pub versions: Vec<Arc<Version>>,
    /// How it chooses between them.
    pub strategy: Strategy,
    /// How its requests are told apart by user; without one, each is drawn by itself.
    pub session: Option<Session>,
    /// How the choice is made to count.
    pub route: Route,
    /// Who gets copies of its requests.
    pub mirrors: Vec<Arc<Mirror>>,
}

/// How a release chooses a version.
#[derive(Clone, Debug)]
pub enum Strategy {
    /// One version has all the traffic, whole; a switch moves all of it.
    BlueGreen {
        /// All that `preview` does not claim.
        active: Outcome,
        /// Who reaches the other version before the switch.
        preview: Option<Preview>,
    },
    /// A version has a part of the traffic: by content, by session, by weight.
    Canary {
        /// Takes all traffic while it is set; rules and split rest.
        take_over: Option<Outcome>,
        /// In order; the first that matches decides.
        rules: Vec<Rule>,
        /// What no rule claimed.
        split: Option<Split>,
        /// What is left without a split.
        principal: Outcome,
    },
}

/// Who reaches the version that is not active.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Any of them.
    pub matches: Vec<Match>,
    /// Where they go.
    pub outcome: Outcome,
}

/// A rule of a canary.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique in the release.
    pub name: Box<str>,
    /// Any of them.
    pub matches: Vec<Match>,
    /// Where they go.
    pub target: Target,
}

/// Where a rule sends what it matches.
#[derive(Clone, Debug)]
pub enum Target {
    /// All of it to one version.
    Version(Outcome),
    /// By weight.
    Split(Split),
}

/// How the proxy learns of the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A header of this name is set to the version, for a route to match.
    Header(Box<str>),
    /// `:authority` is rewritten to the version's own.
    Authority,
}

impl Release {
    /// Every end that a decision can come to, each at its own [`Outcome::index`].
    #[must_use]
    pub fn outcomes(&self) -> Vec<&Outcome> {
        match &self.strategy {
            Strategy::BlueGreen {
                active,
                preview: None,
            } => vec![active],
            Strategy::BlueGreen {
                active,
                preview: Some(preview),
            } => {
                vec![active, &preview.outcome]
            }
            Strategy::Canary {
                take_over,
                rules,
                split,
                principal,
            } => {
                let mut outcomes = vec![principal];
                outcomes.extend(take_over);
                for rule in rules {
                    match &rule.target {
                        Target::Version(outcome) => outcomes.push(outcome),
                        Target::Split(split) => outcomes.extend(split.arms().map(Arm::drawn)),
                    }
                }
                for arm in split.iter().flat_map(Split::arms) {
                    outcomes.extend([arm.drawn(), arm.held()]);
                }
                outcomes
            }
        }
    }

    /// Whether a decision can depend on the address that the request came from. Where it cannot,
    /// nobody need ask for it.
    #[must_use]
    pub fn reads_source_address(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(Session::reads_source_address)
    }
}

/// All releases of one plugin configuration.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    releases: Vec<Arc<Release>>,
    hosts: Hosts<usize>,
    routing_headers: RoutingHeaders,
    /// How many bytes all copies of requests may hold together, in each worker.
    pub mirror_budget: usize,
    /// A request that carries this header gets its decision back.
    pub explain: Option<Box<str>>,
    /// Whether decisions are written where access logs can print them.
    pub access_log: bool,
}

impl Releases {
    /// Adds `release`, which claims `hosts`: each an exact host, `*.suffix` or `*`.
    pub fn insert<'h>(&mut self, release: Release, hosts: impl IntoIterator<Item = &'h str>) {
        for host in hosts {
            self.hosts.insert(host, self.releases.len());
        }
        if let Route::Header(name) = &release.route {
            self.routing_headers.insert(name);
        }
        self.releases.push(Arc::new(release));
    }

    /// The release that claims the host of the request, whose port and case do not matter, and its
    /// place among [`Releases::all`].
    #[must_use]
    pub fn claiming(&self, head: &RequestHead<'_>) -> Option<(usize, &Release)> {
        let index = *self.hosts.find(head.authority())?;
        Some((index, self.releases.get(index)?))
    }

    /// What claims the host of the request.
    #[must_use]
    pub fn pattern(&self, head: &RequestHead<'_>) -> Option<HostPattern<'_>> {
        self.hosts.claim(head.authority()).map(|claim| claim.0)
    }

    /// In the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Arc<Release>] {
        &self.releases
    }

    /// Whether a release routes by the header `name`. What a client sends under it is never obeyed.
    #[must_use]
    pub fn is_routing_header(&self, name: &[u8]) -> bool {
        self.routing_headers.contain(name)
    }
}

/// The names of the headers that releases route by. Every header of every request is looked up
/// here, and hardly any is found: its length tells most of them apart.
#[derive(Clone, Debug, Default)]
struct RoutingHeaders {
    names: Lookup<()>,
    /// Bit `n`: there is a name of `n` bytes, modulo 64.
    lengths: u64,
}

impl RoutingHeaders {
    fn insert(&mut self, name: &str) {
        self.lengths |= Self::bit(name.as_bytes());
        self.names.insert(name.as_bytes(), ());
    }

    fn contain(&self, name: &[u8]) -> bool {
        self.lengths & Self::bit(name) != 0 && self.names.contains_key(name)
    }

    fn bit(name: &[u8]) -> u64 {
        1 << (name.len() % 64)
    }
}
