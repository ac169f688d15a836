//! The checker, `explain` and `simulate`, for the console.

use clap::Parser;
use halftone::release::Releases;
use halftone_console::judge::{Asked, Explained, Finding, Judge, Move, Moves};

use crate::change::WhoMoves;
use crate::source;
use crate::verbs::explain;
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
        let report = explain::report(&releases, &arguments(asked)?);
        let mut written = Vec::new();
        explain::text::write(
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

/// The arguments of `explain` for the request. So the page and the command line accept the same.
fn arguments(asked: &Asked) -> Result<explain::Args, String> {
    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: explain::Args,
    }

    let fields = [
        ("host", &asked.host),
        ("method", &asked.method),
        ("path", &asked.path),
        ("source-address", &asked.source_address),
    ];
    let fields = fields
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty());
    let headers = asked.headers.iter().map(|header| ("header", header));
    let flags = fields
        .chain(headers)
        .map(|(name, value)| format!("--{name}={}", value.trim()));
    let line = ["explain".to_owned(), "-".to_owned()]
        .into_iter()
        .chain(flags);
    let line = Line::try_parse_from(line).map_err(|error| {
        let said = error.to_string();
        let first = said.split("\n\n").next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })?;
    Ok(line.args)
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

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
releases:
- name: web
  hosts: [web]
  principal: v1
  canary:
    rules: [ { name: testers, match: [ { headers: { end-user: { exact: jason } } } ], version: v2 } ]
    split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ]
    session: { key: [ { header: x-user-id } ] }
";

    fn asked(host: &str, headers: &[&str]) -> Asked {
        Asked {
            host: host.into(),
            method: "GET".into(),
            path: "/".into(),
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
            source_address: String::new(),
        }
    }

    #[test]
    fn a_finding_says_where_and_what() {
        assert_eq!(Core.check(CONFIG), []);
        for (text, path, message) in [
            (
                CONFIG.replace("weight: 10", "weight: x"),
                "releases[0].canary.split[0].weight",
                "expected a number",
            ),
            ("releases: [".into(), "line 1, column 11", "is not YAML"),
            (String::new(), "", "is empty"),
            (
                "kind: Service\napiVersion: v1".into(),
                "",
                "contains no plugin configuration",
            ),
        ] {
            let findings = Core.check(&text);
            let found = findings.first().unwrap();
            assert_eq!(found.path, path, "{text}");
            assert!(found.message.starts_with(message), "{}", found.message);
        }
    }

    #[test]
    fn a_request_is_explained_as_on_the_command_line() {
        let explained = Core
            .explain(CONFIG, &asked("web", &["end-user: jason"]))
            .unwrap();
        assert!(
            explained
                .text
                .ends_with("release=web version=v2 reason=rule:testers\n"),
            "{}",
            explained.text
        );
        assert_eq!(explained.report.pointer("/decision/version").unwrap(), "v2");
        for (host, header, expected) in [
            (
                "web",
                "no colon",
                "invalid value 'no colon' for '--header <NAME: VALUE>': has no colon; write it as 'name: value'",
            ),
            (
                "a b",
                "a: b",
                "invalid value 'a b' for '--host <HOST>': write a host or host:port, without scheme and path",
            ),
            ("--help", "a: b", ""),
        ] {
            let said = Core
                .explain(CONFIG, &asked(host, &[header]))
                .err()
                .unwrap_or_default();
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn sessions_move_only_to_the_version_that_grows() {
        let after = CONFIG
            .replace("weight: 10", "weight: 30")
            .replace("weight: 90", "weight: 70");
        let moves = Core.moves(CONFIG, &after, "web", 0).unwrap();
        let [one] = moves.moves.try_into().unwrap();
        assert_eq!((&*one.from, &*one.to), ("v1", "v2"));
        // Four standard errors of 10,000 draws of 20 % are 160.
        assert!(one.sessions.abs_diff(2_000) < 160, "{}", one.sessions);
        assert!(moves.sessions);
        assert_eq!(Core.moves(CONFIG, &after, "other", 0), None);
    }
}
