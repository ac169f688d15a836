//! The report on one request.

use halftone::draw::{Draw, Random, SessionId, Ticket};
use halftone::release::{Decision, Release, Releases, Route};
use halftone::request::RequestHead;

use super::mirrors;
use super::report::{Asked, DecisionReport, HeaderReport, Report, SessionReport, SetReport};
use super::walk::Walk;
use crate::request::Request;
use crate::shown;

/// The response header that tells a client its decision.
const DECISION: &str = "x-halftone-decision";

/// What `releases` decide for `request`, and how. Where no session does, the random number that is
/// made of `seed` decides.
#[must_use]
pub fn explained(releases: &Releases, request: &Request, seed: u64) -> Report {
    let headers = request.headers();
    let head = request.head(&headers);
    let mut report = Report {
        request: asked(&head, seed),
        host: releases.pattern(&head).map(|pattern| pattern.to_string()),
        release: None,
        strategy: None,
        session: None,
        chance: None,
        set: None,
        removed: Vec::new(),
        response: Vec::new(),
        mirrors: Vec::new(),
        decision: None,
    };
    if let Some(release) = releases.claiming(&head) {
        let chance = Random::new(seed).next_u64();
        decide(releases, release, &head, chance, &mut report);
    }
    let set = report.set.as_ref().map(|set| set.name.as_str());
    report.removed = head
        .all_headers()
        .iter()
        .filter(|(name, _)| {
            releases.settings().is_routing_header(name) && set.map(str::as_bytes) != Some(name)
        })
        .map(|(name, value)| HeaderReport {
            name: shown::escaped(name),
            value: shown::escaped(value),
        })
        .collect();
    report
}

fn asked(head: &RequestHead<'_>, seed: u64) -> Asked {
    let target = head
        .all_headers()
        .iter()
        .find(|header| header.0 == b":path");
    Asked {
        host: shown::escaped(head.authority()),
        method: shown::escaped(head.method()),
        path: shown::escaped(target.map_or(head.path(), |header| header.1)),
        seed,
    }
}

fn decide(
    releases: &Releases,
    release: &Release,
    head: &RequestHead<'_>,
    chance: u64,
    report: &mut Report,
) {
    let mut walk = Walk::new(
        head,
        Ticket::new(release.session.as_ref(), Draw { chance, now: 0 }),
    );
    let (_, strategy) = walk.strategy(release);
    let mut to_mirrors = walk.to_mirrors();
    report.mirrors = release
        .mirrors
        .iter()
        .map(|mirror| mirrors::explained(mirror, releases, &mut to_mirrors))
        .collect();
    let decision = release.decide(head, Draw { chance, now: 0 }, &mut ());

    report.release = Some(release.name.to_string());
    report.strategy = Some(strategy);
    if walk.is_drawn || to_mirrors.is_drawn {
        report.session = session(release, head, walk.issued());
        let is_held = report
            .session
            .as_ref()
            .is_some_and(|one| one.number.is_some());
        report.chance = (!is_held).then(|| fraction(chance));
    }
    report.set = set(head, &decision);
    report.response = response(releases, head, &decision);
    let outcome = decision.outcome;
    report.decision = Some(DecisionReport {
        release: release.name.to_string(),
        version: outcome.version().name().into(),
        reason: outcome.reason().to_string(),
    });
}

fn session(
    release: &Release,
    head: &RequestHead<'_>,
    issued: Option<SessionId>,
) -> Option<SessionReport> {
    let session = release.session.as_ref()?;
    let carried = session.key(head);
    let issued = issued.map(SessionId::text);
    let number = match (&carried, &issued) {
        (Some((_, value)), _) => Some(session.number(value)),
        (None, Some(id)) => Some(session.number(id)),
        (None, None) => None,
    };
    let value = carried
        .as_ref()
        .map(|(key, value)| shown::key_value(key, value));
    Some(SessionReport {
        looked_for: session.keys().iter().map(ToString::to_string).collect(),
        key: carried.map(|(key, _)| key.to_string()),
        value,
        issued: issued.map(|id| shown::escaped(&id)),
        number: number.map(fraction),
    })
}

fn set(head: &RequestHead<'_>, decision: &Decision<'_>) -> Option<SetReport> {
    let version = decision.outcome.version();
    Some(match &decision.release.route {
        Route::Header(name) => SetReport {
            name: name.to_string(),
            value: version.name().into(),
            replaced: head.headers(name).map(shown::escaped).collect(),
        },
        Route::Authority => SetReport {
            name: ":authority".into(),
            value: version.authority()?.into(),
            replaced: Vec::new(),
        },
    })
}

fn response(
    releases: &Releases,
    head: &RequestHead<'_>,
    decision: &Decision<'_>,
) -> Vec<HeaderReport> {
    let is_asked = |header: &str| head.headers(header).next().is_some();
    let explain = releases
        .settings()
        .explain
        .as_deref()
        .filter(|header| is_asked(header));
    let explanation = explain.map(|_| (DECISION, decision.outcome.explanation().to_owned()));
    let cookie = decision.set_cookie().map(|cookie| ("set-cookie", cookie));
    let headers = cookie.into_iter().chain(explanation);
    headers
        .map(|(name, value)| HeaderReport {
            name: name.into(),
            value,
        })
        .collect()
}

/// The number as a part of 2^64.
fn fraction(number: u64) -> f64 {
    const ALL: f64 = (1_u128 << 64) as f64;
    number as f64 / ALL
}
