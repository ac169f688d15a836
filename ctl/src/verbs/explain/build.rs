//! The report on one request.

use halftone::draw::{Cohort, Draw, Random, SessionId};
use halftone::effects::{DECISION, Effects, SetHeader, effects};
use halftone::release::{Decision, Reason, Release, Releases};
use halftone::request::RequestHead;

use super::mirrors;
use super::report::{
    Asked, CohortReport, DecisionReport, GroupReport, HeaderReport, MirrorReport, Report,
    SessionReport, SetReport,
};
use super::trace::Recorder;
use crate::request::Request;
use crate::shown;
use crate::terminal::escaped;

/// The decision of `releases` for `request`, how it comes about, and its effects. `seed` makes the
/// random number that decides where no session does. `now` is the time of the request, in milliseconds
/// since 1970-01-01T00:00:00Z.
///
/// `earlier` is the header by which an earlier plugin of the same proxy routes the request, if one
/// has decided it.
#[must_use]
pub fn explained(
    releases: &Releases,
    request: &Request,
    seed: u64,
    now: u64,
    earlier: Option<&str>,
) -> Report {
    let headers = request.headers();
    let head = request.head(&headers);
    let claiming = releases.claiming(&head).map(|release| &**release);
    let draw = Draw {
        chance: Random::new(seed).next_u64(),
        now,
    };
    let mut recorder = Recorder::new(&head, now);
    let effects = effects(
        releases.settings(),
        claiming,
        &head,
        || earlier.map(|header| header.to_ascii_lowercase().into()),
        draw,
        &mut recorder,
    );
    let mut report = Report {
        request: asked(&head, seed),
        host: releases.pattern(&head).map(|pattern| pattern.to_string()),
        release: claiming.map(|release| release.name.to_string()),
        conflict: effects.is_conflict,
        strategy: None,
        session: None,
        cohort: None,
        chance: None,
        set: effects.set.map(|set| set_header(&head, set)),
        removed: removed(&head, &effects),
        response: response(&effects),
        mirrors: Vec::new(),
        overruled_by: Vec::new(),
        decision: None,
    };
    if let Some(decision) = &effects.decision {
        let (mirrors, mirrors_number) = to_mirrors(releases, decision, &head);
        let aside = decision.release.aside.as_deref();
        let cohort = aside.filter(|_| *decision.outcome.reason() != Reason::TakeOver);
        report.cohort = cohort.map(|aside| self::cohort(aside.cohort(), decision, &head));
        let is_asked = recorder.number().or(mirrors_number).is_some();
        if is_asked || report.cohort.is_some() {
            report.session = session(decision.release, &head, decision.issued());
            let held = report.session.as_ref().and_then(|session| session.number);
            report.chance = (held.is_none() && is_asked).then(|| fraction(draw.chance));
        }
        report.mirrors = mirrors;
        report.overruled_by = overruled_by(decision);
        report.strategy = Some(recorder.into_strategy(decision.release));
        report.decision = Some(DecisionReport {
            release: decision.release.name.to_string(),
            version: decision.outcome.version().name().into(),
            reason: decision.outcome.reason().to_string(),
        });
    }
    report
}

fn asked(head: &RequestHead<'_>, seed: u64) -> Asked {
    let mut headers = head.all_headers().iter();
    let target = headers.find(|header| header.0 == b":path");
    Asked {
        host: escaped(head.authority()),
        method: escaped(head.method()),
        path: escaped(target.map_or(head.path(), |header| header.1)),
        seed,
    }
}

/// The mirrors, and the number that one of them asked for.
fn to_mirrors(
    releases: &Releases,
    decision: &Decision<'_>,
    head: &RequestHead<'_>,
) -> (Vec<MirrorReport>, Option<u64>) {
    let mut copies = decision.copies(head);
    let mut number = None;
    let mirrors = decision.release.mirrors.iter().map(|mirror| {
        let (report, asked) =
            mirrors::explained(mirror, releases.settings(), head, copies.as_mut());
        number = number.or(asked);
        report
    });
    let mirrors = mirrors.collect();
    (mirrors, number)
}

/// The reasons that only a proxy can give for the principal: it alone knows how a version answers.
fn overruled_by(decision: &Decision<'_>) -> Vec<String> {
    let release = decision.release;
    let guard = release.guard.as_ref().map(|guarded| &guarded.outcome);
    let fallback = release.fallback.as_ref().map(|fallback| &fallback.outcome);
    let outcomes = guard.into_iter().chain(fallback);
    outcomes
        .filter(|_| release.may_overrule(decision.outcome))
        .map(|outcome| outcome.reason().to_string())
        .collect()
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
        issued: issued.map(escaped),
        number: number.map(fraction),
    })
}

/// The conditions on what the session draws in the groups of the release.
fn cohort(cohort: &Cohort, decision: &Decision<'_>, head: &RequestHead<'_>) -> CohortReport {
    let session = decision.release.session.as_ref();
    let carried = session.and_then(|session| session.key(head));
    let issued = decision.issued().map(SessionId::text);
    let key = match (&carried, &issued) {
        (Some((_, key)), _) => Some(&**key),
        (None, Some(id)) => Some(&id[..]),
        (None, None) => None,
    };
    CohortReport {
        exclusive: cohort.exclusive.as_ref().map(|exclusive| {
            let (from, to) = exclusive.range();
            GroupReport {
                group: exclusive.group().into(),
                from,
                to,
                drawn: key.map(|key| exclusive.draw(key)),
                takes_part: key.is_some_and(|key| exclusive.takes(key)),
            }
        }),
        holdout: cohort.holdout.as_ref().map(|holdout| GroupReport {
            group: holdout.group().into(),
            from: 100.0 * holdout.share(),
            to: 100.0,
            drawn: key.map(|key| holdout.draw(key)),
            takes_part: !key.is_some_and(|key| holdout.takes(key)),
        }),
    }
}

fn set_header(head: &RequestHead<'_>, set: SetHeader<'_>) -> SetReport {
    // Every request has an authority. It is not forged, so it is not reported as replaced.
    let replaced = head.headers(set.name).filter(|_| set.name != ":authority");
    SetReport {
        name: set.name.into(),
        value: set.value.into(),
        replaced: replaced.map(escaped).collect(),
    }
}

fn removed(head: &RequestHead<'_>, effects: &Effects<'_, '_>) -> Vec<HeaderReport> {
    let names = effects.removed.iter();
    let values = names.flat_map(|name| head.headers(name).map(move |value| (name, value)));
    let header = |(name, value): (&&str, &[u8])| HeaderReport {
        name: escaped(name),
        value: escaped(value),
    };
    values.map(header).collect()
}

fn response(effects: &Effects<'_, '_>) -> Vec<HeaderReport> {
    let headers = [
        ("set-cookie", &effects.set_cookie),
        ("set-cookie", &effects.set_invitation),
        (DECISION, &effects.explanation),
    ];
    let header = |(name, value): (&str, &Option<String>)| {
        Some(HeaderReport {
            name: name.into(),
            value: value.clone()?,
        })
    };
    headers.into_iter().filter_map(header).collect()
}

/// The number as a fraction of 2^64.
fn fraction(number: u64) -> f64 {
    const ALL: f64 = (1_u128 << 64) as f64;
    number as f64 / ALL
}
