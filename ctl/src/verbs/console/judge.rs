//! The checker, `explain` and `simulate`, for the console.

use halftone::release::Releases;
use halftone_console::judge::{Asked, Explained, Finding, Judge, Move, Moves};

use crate::change::WhoMoves;
use crate::request::{Request, RequestArgs};
use crate::source;
use crate::verbs::explain::{build, text};
use crate::verbs::simulate::report::MoveReport;

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

    fn moves(&self, before: &str, after: &str, release: &str, now: u64) -> Option<Moves> {
        let before = halftone_resources::configuration(before).ok()?;
        let after = halftone_resources::configuration(after).ok()?;
        let who = WhoMoves::between(&before, &after, release, now)?;
        let mut moves: Vec<Move> = who.moves.into_iter().map(moved).collect();
        moves.sort_by_key(|one| std::cmp::Reverse(one.sessions));
        Some(Moves {
            of: who.sessions,
            sessions: who.by_session,
            moves,
        })
    }
}

fn moved(one: MoveReport) -> Move {
    Move {
        from: one.from,
        to: one.to,
        sessions: one.sessions,
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
