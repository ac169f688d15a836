//! The checker, `explain` and `simulate`, for the console.

use halftone::draw::{Draw, Random};
use halftone::release::{Release, Releases};
use halftone_console::judge::{Asked, Explained, Finding, Judge, Move, Moves};

use crate::cli::Format;
use crate::request::{Request, RequestArgs};
use crate::source;
use crate::verbs::explain::{build, text};
use crate::verbs::simulate::moves::MovesReport;
use crate::verbs::simulate::sample::Sample;
use crate::verbs::simulate::{self};

/// The number of sessions that a change is tried on.
const SESSIONS: u32 = 10_000;

/// Judges by the core.
#[derive(Clone, Copy, Debug)]
pub struct Core;

impl Judge for Core {
    fn check(&self, text: &str) -> Vec<Finding> {
        compiled(text).map_or_else(|findings| findings, |_| Vec::new())
    }

    fn explain(&self, text: &str, asked: &Asked) -> Result<Explained, String> {
        let (releases, hosts) = compiled(text).map_err(|findings| said(&findings))?;
        let args = RequestArgs::of(asked)?;
        let request = Request::from(&args);
        let report = build::explained(&releases, &request, args.seed, None);
        let mut written = Vec::new();
        text::write(
            &report,
            &hosts,
            &mut anstream::StripStream::new(&mut written),
        )
        .map_err(|error| error.to_string())?;
        Ok(Explained {
            text: String::from_utf8_lossy(&written).into_owned(),
            report: serde_json::to_value(&report).map_err(|error| error.to_string())?,
        })
    }

    fn moves(&self, before: &str, after: &str, release: &str) -> Option<Moves> {
        let (before, _) = compiled(before).ok()?;
        let (after, _) = compiled(after).ok()?;
        let named = |releases: &Releases| {
            let mut all = releases.all().iter();
            all.find(|one| &*one.name == release).cloned()
        };
        let (before, after) = (named(&before)?, named(&after)?);
        let args = simulate::Args {
            file: String::new(),
            request: RequestArgs::get(&host(&before)),
            requests: SESSIONS.into(),
            sessions: Some(SESSIONS),
            then: None,
            plugin: None,
            output: Format::Json,
        };
        let request = Request::from(&args.request);
        let (sessions, mut moves) = match Sample::new(&args, &request, &before) {
            Ok(sample) => {
                let report = MovesReport::new("", &sample, &after);
                let moves = report.moves.into_iter().map(|one| Move {
                    from: one.from,
                    to: one.to,
                    sessions: one.sessions,
                });
                (true, moves.collect())
            }
            Err(_) => (false, drawn(&request, &before, &after)),
        };
        moves.sort_by_key(|one: &Move| std::cmp::Reverse(one.sessions));
        Some(Moves {
            of: SESSIONS.into(),
            sessions,
            moves,
        })
    }
}

/// The releases of `text` and the hosts that they claim, or all that is wrong.
fn compiled(text: &str) -> Result<(Releases, Vec<String>), Vec<Finding>> {
    let finding = |path: String, message: String| vec![Finding { path, message }];
    let resources =
        halftone_resources::read(text).map_err(|error| finding(error.path(), error.message()))?;
    let mut found = resources
        .iter()
        .filter(|resource| resource.plugin().is_some() || resource.configuration().is_some());
    let (Some(resource), None) = (found.next(), found.next()) else {
        let wrong = halftone_resources::configuration(text);
        let wrong = wrong.err().map(|error| error.to_string());
        return Err(finding(String::new(), wrong.unwrap_or_default()));
    };
    let Some(releases) = source::compile("", resource) else {
        return Ok((Releases::default(), Vec::new()));
    };
    let releases = releases.map_err(|findings| {
        let findings = findings.into_iter().map(|finding| Finding {
            path: finding.path,
            message: finding.message,
        });
        findings.collect::<Vec<_>>()
    })?;
    let hosts = releases
        .all()
        .iter()
        .flat_map(|release| release.hosts.iter());
    let hosts = hosts.map(|host| host.to_string()).collect();
    Ok((releases, hosts))
}

fn said(findings: &[Finding]) -> String {
    let lines = findings.iter().take(3);
    let lines = lines.map(|finding| format!("{}: {}", finding.path, finding.message));
    lines.collect::<Vec<_>>().join("\n")
}

/// A host that `release` claims.
fn host(release: &Release) -> String {
    let host = release.hosts.first().map_or("*", |host| &**host);
    host.replace('*', "a")
}

/// The requests that move, each decided by the same random number before and after.
fn drawn(request: &Request, before: &Release, after: &Release) -> Vec<Move> {
    let headers = request.headers();
    let head = request.head(&headers);
    let mut chances = Random::new(1);
    let mut moves: Vec<Move> = Vec::new();
    for _ in 0..SESSIONS {
        let draw = Draw {
            chance: chances.next_u64(),
            now: 0,
        };
        let version = |release: &Release| {
            let decision = release.decide(&head, draw, &mut ());
            decision.outcome.version().name().to_owned()
        };
        let (from, to) = (version(before), version(after));
        if from == to {
            continue;
        }
        match moves
            .iter_mut()
            .find(|one| one.from == from && one.to == to)
        {
            Some(one) => one.sessions += 1,
            None => moves.push(Move {
                from,
                to,
                sessions: 1,
            }),
        }
    }
    moves
}
