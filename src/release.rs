//! Releases as they run: compiled, immutable, shared by all requests.

mod aside;
mod decide;
mod decision;
mod hosts;
mod outcome;
mod overrule;
mod ramp;
mod releases;
mod rules;
mod shares;
mod split;
mod trace;
mod version;

use std::sync::Arc;

pub use aside::Aside;
pub use decision::{Copies, Decision};
pub use hosts::{HostPattern, Hosts, canonical_host};
pub use outcome::{Outcome, Outcomes, Reason};
pub use overrule::{Fallback, Guarded, Probe};
pub use ramp::{Point, Ramp, RampedSplit, Shape};
pub use releases::{Releases, Settings};
pub use rules::Rules;
pub use split::{Arm, Split};
pub use trace::Trace;
pub use version::Version;

use crate::draw::Session;
use crate::matching::Match;
use crate::mirror::Mirror;

/// The grayscale release of one service.
#[derive(Clone, Debug)]
pub struct Release {
    /// A DNS label, unique in the configuration. It salts the sessions and labels the metrics.
    pub name: Box<str>,
    /// The hosts that it claims: each an exact host, `*.suffix` or `*`. [`Releases::insert`] sets them.
    pub hosts: Vec<Box<str>>,
    /// All versions that the release names, in the order of [`Version::index`].
    pub versions: Vec<Arc<Version>>,
    /// All outcomes of its decisions, in the order of [`Outcome::index`].
    pub outcomes: Vec<Arc<Outcome>>,
    /// The reference version.
    pub principal: Arc<Version>,
    /// Takes the traffic from a version that fails. None: nothing does.
    pub guard: Option<Box<Guarded>>,
    /// Sends the requests for a version that has no endpoint to the principal. None: they fail.
    pub fallback: Option<Box<Fallback>>,
    /// The indices of the outcomes that nothing overrules.
    pub unguarded: Vec<usize>,
    /// A hash of its configuration. Two configurations that differ in the order of fields or in spaces
    /// have one hash. 0: nothing of it outlives updates.
    pub identity: u64,
    /// Whether it has metrics of its responses.
    pub counts_responses: bool,
    /// How it chooses a version.
    pub strategy: Strategy,
    /// How it recognises users. None: each request is drawn by itself.
    pub session: Option<Session>,
    /// The sessions that take no part in it. None: all take part.
    pub aside: Option<Box<Aside>>,
    /// How the proxy learns the version.
    pub route: Route,
    /// Whether one of its matches asks for an invitation.
    pub invites: bool,
    /// The mirrors that get copies of its requests.
    pub mirrors: Vec<Arc<Mirror>>,
}

/// How a release chooses a version.
#[derive(Clone, Debug)]
pub enum Strategy {
    /// One version has all the traffic.
    BlueGreen {
        /// The outcome of every request that `preview` does not claim.
        active: Arc<Outcome>,
        /// The requests that reach the other version before the switch.
        preview: Option<Preview>,
    },
    /// A version has a part of the traffic.
    Canary {
        /// The outcome of every request while it is set. Rules and split are ignored then.
        take_over: Option<Arc<Outcome>>,
        /// The first rule that matches decides.
        rules: Rules,
        /// Decides what no rule matches.
        split: Option<Split>,
        /// Decides what no rule matches, in place of `split`.
        ramp: Option<Box<RampedSplit>>,
        /// The outcome of all other requests.
        principal: Arc<Outcome>,
    },
}

/// The requests that reach the version that is not active.
#[derive(Clone, Debug)]
pub struct Preview {
    /// One of them must hold.
    pub matches: Vec<Match>,
    /// The outcome of a request that matches.
    pub outcome: Arc<Outcome>,
}

/// A rule of a canary.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique in the release.
    pub name: Box<str>,
    /// One of them must hold.
    pub matches: Vec<Match>,
    /// The target of a request that matches.
    pub target: Target,
    /// Whether the guard and the fallback may overrule it.
    pub guarded: bool,
}

/// Where a rule sends a request that matches.
#[derive(Clone, Debug)]
pub enum Target {
    /// To one version.
    Version(Arc<Outcome>),
    /// By weight.
    Split(Split),
}

/// How the proxy learns the version that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The filter sets the header of this name to the version. A route matches it.
    Header(Box<str>),
    /// The filter rewrites `:authority` to the authority of the version.
    Authority,
}

impl Route {
    /// The name of the header that the filter sets.
    #[must_use]
    pub fn header(&self) -> &str {
        match self {
            Self::Header(name) => name,
            Self::Authority => ":authority",
        }
    }
}

impl Release {
    /// Whether a decision can depend on the address that the request came from. Reading the address
    /// costs a host call.
    #[must_use]
    pub fn reads_source_address(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(Session::reads_source_address)
    }

    /// Whether a decision can depend on the time. Reading the clock costs a host call.
    #[must_use]
    pub fn reads_clock(&self) -> bool {
        self.invites || self.ramp().is_some()
    }

    /// Whether something depends on the status of a response.
    #[must_use]
    pub fn reads_status(&self) -> bool {
        self.counts_responses || self.fallback.is_some()
    }

    /// The split that follows the clock. None: no decision depends on the time.
    #[must_use]
    pub fn ramp(&self) -> Option<&RampedSplit> {
        match &self.strategy {
            Strategy::Canary {
                take_over: None,
                ramp,
                ..
            } => ramp.as_deref(),
            _ => None,
        }
    }
}
