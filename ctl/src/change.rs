//! The sessions that move to another version with a change of a configuration.

use std::fmt;

use halftone::config::{PluginConfig, Proxy};
use halftone::release::{Release, Releases};
use halftone_resources::action::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::Request;
use crate::shown::{list, thousands};
use crate::source::claimed;
use crate::verbs::simulate::report::{MoveReport, MovesReport};
use crate::verbs::simulate::sample::Sample;

/// The number of sessions that are counted.
const SESSIONS: u32 = 10_000;

/// The sessions of a release that move to another version, of 10,000 that send one plain request each. Rules that need
/// a header, a cookie or a path take no part. It prints one sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WhoMoves {
    /// Whether the release has a session before or after. Without one, each request is drawn by itself.
    pub by_session: bool,
    /// The number of sessions, or of requests.
    pub sessions: u64,
    /// The number of those that stay on their version.
    pub stay: u64,
    /// Those that move, by versions.
    pub moves: Vec<MoveReport>,
}

impl WhoMoves {
    /// Who moves with `change` at `now`, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn with(change: &Outcome, now: u64) -> Option<Self> {
        Self::between(&change.before, &change.after, &change.release, now)
    }

    /// Who moves in the release of this name, from one configuration to another. None: the release is not in both, or a
    /// configuration is not valid.
    #[must_use]
    pub fn between(before: &Value, after: &Value, release: &str, now: u64) -> Option<Self> {
        let request = Request::get(&host(before, release)?);
        let (before, after) = (compiled(before)?, compiled(after)?);
        let before = named(&before, release)?;
        let after = named(&after, release)?;
        let by_session = before.session.is_some() || after.session.is_some();
        // The keys of both are the same, unless the change is to the session itself.
        let sample = Sample::once(SESSIONS, &request, before, now);
        let moves = MovesReport::new("", &sample, after);
        Some(Self {
            by_session,
            sessions: moves.sessions,
            stay: moves.stay,
            moves: moves.moves,
        })
    }
}

/// The share of the sessions that change version from one release to another, 0 to 1. Each sends a request to `host`.
/// None: no session does, or the first release has no session.
#[must_use]
pub fn moving(before: &Release, after: &Release, host: &str, now: u64) -> Option<f64> {
    before.session.as_ref()?;
    let request = Request::get(&host.replacen('*', "any", 1));
    let sample = Sample::once(SESSIONS, &request, before, now);
    let moves = MovesReport::new("", &sample, after);
    let moving = moves.sessions - moves.stay;
    (moving > 0).then(|| moving as f64 / moves.sessions.max(1) as f64)
}

fn compiled(config: &Value) -> Option<Releases> {
    halftone::config::load_value(config).ok()
}

fn named<'r>(releases: &'r Releases, name: &str) -> Option<&'r Release> {
    let mut all = releases.all().iter();
    let found = all.find(|release| &*release.name == name)?;
    Some(found)
}

/// A host that the release claims.
fn host(config: &Value, name: &str) -> Option<String> {
    let config = PluginConfig::deserialize(config).ok()?;
    let mut releases = config.releases.iter().flatten();
    let release = releases.find(|release| release.name.as_deref() == Some(name))?;
    let claimed = claimed(release, Proxy::default());
    claimed.first().map(|host| host.replacen('*', "any", 1))
}

impl fmt::Display for WhoMoves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = thousands(self.sessions);
        let (all, plural) = if self.by_session {
            (format!("{all} sessions"), "move")
        } else {
            (format!("{all} requests"), "go")
        };
        match self.moves.as_slice() {
            [] => write!(f, "None of {all} {plural} to another version."),
            [one] if self.stay == 0 => {
                write!(f, "All of {all} {plural} {} → {}.", one.from, one.to)
            }
            [one] => write!(
                f,
                "About {} of {all} {plural} {} → {}, none back.",
                thousands(one.sessions),
                one.from,
                one.to
            ),
            several => {
                let ways = several
                    .iter()
                    .map(|one| format!("{} {} → {}", thousands(one.sessions), one.from, one.to));
                let moving = thousands(self.sessions - self.stay);
                let ways = list(&ways.collect::<Vec<_>>());
                write!(f, "About {moving} of {all} {plural}: {ways}.")
            }
        }
    }
}
