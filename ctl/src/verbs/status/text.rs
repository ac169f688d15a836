//! The report for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use halftone_console::numbers::Proxy;

use super::report::{MirrorState, RampState, ReleaseState, Report, VersionState};
use crate::shown::{count, percent, thousands};
use crate::terminal::{BAD, FAINT, Line, STRONG};

/// What a value is when there is none.
const NONE: &str = "-";

/// What to do without numbers.
const NO_NUMBERS: &str = "No numbers: write --admin URL, the admin endpoint of an Envoy, such as http://127.0.0.1:15000 after `kubectl port-forward POD 15000`.";

/// Writes the state of each release.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for release in &report.releases {
        release_state(release, report.seconds.is_some(), out)?;
        writeln!(out)?;
    }
    let Some(seconds) = report.seconds else {
        return writeln!(out, "{}", Line::styled(FAINT, NO_NUMBERS));
    };
    let answered = report.proxies.iter().filter(|proxy| proxy.error.is_none());
    let answered = count(answered.count() as u64, "proxy").replace("proxys", "proxies");
    let counted = format!("{answered} at {}, counted for {seconds} s.", report.time);
    writeln!(out, "{}", Line::styled(FAINT, counted))?;
    report.proxies.iter().try_for_each(|one| proxy(one, out))
}

fn proxy(proxy: &Proxy, out: &mut dyn Write) -> io::Result<()> {
    let name = &proxy.name;
    if let Some(error) = &proxy.error {
        let line = Line::styled(BAD, format!("{name}: {error}"));
        writeln!(out, "{line}")?;
    }
    if proxy.rejected > 0 {
        let wrong = "rejects its latest configuration, and serves the last good one; its log has the violations";
        writeln!(out, "{}", Line::styled(BAD, format!("{name}: {wrong}")))?;
    }
    Ok(())
}

fn release_state(release: &ReleaseState, has_numbers: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", title(release))?;
    let mut columns = vec!["version", "configured"];
    if has_numbers {
        columns.extend(["observed", "requests/s", "success", "p50", "p99"]);
    }
    let mut table = vec![columns.iter().map(|one| (*one).to_owned()).collect()];
    table.extend(
        release
            .versions
            .iter()
            .map(|version| row(version, has_numbers)),
    );
    aligned(&table, out)?;
    if let Some(ramp) = &release.ramp {
        fact("ramp", Line::from(ramp_text(ramp)), out)?;
    }
    if let Some(returned) = &release.guard {
        let line = match (returned.as_slice(), has_numbers) {
            (_, false) => Line::from("on"),
            ([], true) => Line::from("on, no version fails"),
            (versions, true) => {
                let to = &release.principal;
                Line::styled(
                    BAD,
                    format!("{} failed: {to} has the traffic", versions.join(", ")),
                )
            }
        };
        fact("guard", line, out)?;
    }
    if let Some(returned) = &release.fallback {
        let line = match (returned.as_slice(), has_numbers) {
            (_, false) => Line::from("on"),
            ([], true) => Line::from("on, every version has an endpoint"),
            (versions, true) => {
                let to = &release.principal;
                let versions = versions.join(", ");
                Line::styled(
                    BAD,
                    format!("{versions} has no endpoint: {to} has the traffic"),
                )
            }
        };
        fact("fallback", line, out)?;
    }
    for mirror in &release.mirrors {
        fact("mirror", Line::from(mirror_text(mirror)), out)?;
    }
    if release.differs == Some(true) {
        let wrong = "the proxies report other configured shares: they serve another configuration";
        fact("differs", Line::styled(BAD, wrong), out)?;
    }
    Ok(())
}

fn title(release: &ReleaseState) -> Line {
    let strategy = match release.strategy {
        "blueGreen" => "blue-green",
        "none" => "one version",
        other => other,
    };
    let mut facts = vec![
        strategy.to_owned(),
        format!("principal {}", release.principal),
    ];
    facts.extend(release.active.iter().map(|one| format!("active {one}")));
    facts.extend(
        release
            .take_over
            .iter()
            .map(|one| format!("{one} takes over")),
    );
    if release.session {
        facts.push("by session".into());
    }
    Line::styled(STRONG, format!("release {}", release.name))
        .and(format!(" · {}", facts.join(" · ")))
        .and_styled(FAINT, format!(" · {}", release.source))
}

fn row(version: &VersionState, has_numbers: bool) -> Vec<String> {
    let mut row = vec![version.name.clone(), percent(version.configured)];
    if has_numbers {
        let shown = |value: Option<f64>, form: fn(f64) -> String| value.map_or(NONE.into(), form);
        row.extend([
            shown(version.observed, percent),
            shown(version.rate, |rate| format!("{rate:.1}")),
            shown(version.success, percent),
            shown(version.p50, milliseconds),
            shown(version.p99, milliseconds),
        ]);
    }
    row
}

fn milliseconds(time: f64) -> String {
    format!("{time:.1} ms")
}

/// Writes rows: the first column at the left, the others at the right.
fn aligned(table: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let width = |column: usize| {
        let cells = table.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    for row in table {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            match column {
                0 => line += &format!("  {cell:width$}"),
                _ => line += &format!("  {cell:>width$}"),
            }
        }
        writeln!(out, "{}", Line::from(line))?;
    }
    Ok(())
}

fn fact(name: &str, line: Line, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}{line}", Line::from(format!("  {name:8}  ")))
}

fn ramp_text(ramp: &RampState) -> String {
    let now = format!("{} at {:.2} %", ramp.version, ramp.percentage);
    match &ramp.next {
        Some(next) => format!("{now}, {} % at {}", next.percentage, next.time),
        None if ramp.held => format!("{now}, held"),
        None => format!("{now}, ended"),
    }
}

fn mirror_text(mirror: &MirrorState) -> String {
    let counts = |all: &BTreeMap<String, u64>| {
        let all = all.iter().filter(|(_, count)| **count > 0);
        let all = all.map(|(name, count)| format!("{name} {}", thousands(*count)));
        all.collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("copies", counts(&mirror.counts.outcomes)),
        ("answers", counts(&mirror.counts.results)),
    ];
    let parts = parts.iter().filter(|(_, counts)| !counts.is_empty());
    let parts = parts.map(|(name, counts)| format!(" · {name}: {counts}"));
    format!(
        "{} → {}{}",
        mirror.name,
        mirror.to,
        parts.collect::<String>()
    )
}

/// Writes a line for each version, and one for each proxy that does not answer.
pub fn lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for release in &report.releases {
        for version in &release.versions {
            writeln!(out, "{}", Line::from(line(&report.time, release, version)))?;
        }
    }
    for proxy in &report.proxies {
        if let Some(error) = &proxy.error {
            let line = format!("time={} proxy={} error={error:?}", report.time, proxy.name);
            writeln!(out, "{}", Line::from(line))?;
        }
    }
    Ok(())
}

fn line(time: &str, release: &ReleaseState, version: &VersionState) -> String {
    let mut line = format!(
        "time={time} release={} version={} configured={:.4}",
        release.name, version.name, version.configured
    );
    let values = [
        ("observed", version.observed, 4),
        ("rate", version.rate, 1),
        ("success", version.success, 4),
        ("p50", version.p50, 1),
        ("p99", version.p99, 1),
    ];
    for (name, value, decimals) in values {
        if let Some(value) = value {
            line += &format!(" {name}={value:.decimals$}");
        }
    }
    let has =
        |all: &Option<Vec<String>>| all.as_ref().is_some_and(|all| all.contains(&version.name));
    if has(&release.guard) {
        line += " lost=guard";
    } else if has(&release.fallback) {
        line += " lost=fallback";
    }
    line
}
