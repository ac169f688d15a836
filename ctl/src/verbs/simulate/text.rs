//! The report for people: a table with a bar for each share, and the sessions that move.

use std::io::{self, Write};

use super::report::{MovesReport, Report, ShareReport};
use crate::shown::{bar, count, percent, quoted, thousands};
use crate::terminal::{BAD, GOOD, Line, STRONG, escaped};

/// Writes the report.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", Line::styled(STRONG, title(report)))?;
    table("version", &report.versions, out)?;
    table("reason", &report.reasons, out)?;
    match &report.then {
        Some(then) => moves(then, out),
        None => Ok(()),
    }
}

fn title(report: &Report) -> String {
    let from = match (report.sessions, &report.key) {
        (Some(_), Some(key)) if report.value.is_some() => {
            let value = report.value.as_deref().unwrap_or_default();
            format!(" from one session, {key} {}", quoted(value))
        }
        (Some(sessions), Some(key)) => format!(" from {} by {key}", count(sessions, "session")),
        _ => ", each drawn by itself".into(),
    };
    format!(
        "release {} · {}{from} · seed {}",
        report.release,
        count(report.requests, "request"),
        report.seed
    )
}

fn table(head: &str, shares: &[ShareReport], out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 4]> = shares.iter().map(row).collect();
    let heads = [head, "expected", "observed", "requests"].map(String::from);
    let all = || std::iter::once(&heads).chain(&rows);
    let width = |column: fn(&[String; 4]) -> &String| {
        let widths = all().map(|row| column(row).chars().count());
        widths.max().unwrap_or_default()
    };
    let (name, expected) = (width(|row| &row[0]), width(|row| &row[1]));
    let (observed, requests) = (width(|row| &row[2]), width(|row| &row[3]));
    let line = |[a, b, c, d]: &[String; 4]| {
        format!("  {a:name$}  {b:expected$}  {c:>observed$}  {d:>requests$}")
    };
    writeln!(out, "\n{}", line(&heads))?;
    for (row, share) in rows.iter().zip(shares) {
        let mut line = Line::from(line(row));
        let bar = bar(share.observed);
        if !bar.is_empty() {
            line = line.and("  ").and_styled(GOOD, bar);
        }
        if !share.ok {
            line = line
                .and("  ")
                .and_styled(BAD, "differs by more than chance explains");
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn row(share: &ShareReport) -> [String; 4] {
    let expected = format!("{:>8}", percent(share.expected));
    let expected = if share.within > 0.0 {
        format!("{expected} ± {:.2}", 100.0 * share.within)
    } else {
        expected
    };
    [
        escaped(&share.name),
        expected,
        percent(share.observed),
        thousands(share.requests),
    ]
}

fn moves(then: &MovesReport, out: &mut dyn Write) -> io::Result<()> {
    let share = |sessions: u64| percent(sessions as f64 / then.sessions.max(1) as f64);
    let title = Line::styled(STRONG, format!("then {}", then.file));
    writeln!(out, "\n{title}\n")?;
    let mut rows: Vec<[String; 3]> = then
        .moves
        .iter()
        .map(|one| {
            let way = escaped(format!("{} → {}", one.from, one.to));
            [way, thousands(one.sessions), percent(one.share)]
        })
        .collect();
    rows.push(["stay".into(), thousands(then.stay), share(then.stay)]);
    let width = |text: &dyn Fn(&[String; 3]) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let way = width(&|row| row[0].chars().count());
    let sessions = width(&|row| row[1].len());
    for [a, b, c] in &rows {
        writeln!(out, "  {a:way$}  {b:>sessions$}  {c:>8}")?;
    }
    writeln!(out, "\n{}", Line::from(law(then)))
}

fn law(then: &MovesReport) -> String {
    let law = &then.law;
    if law.sessions == 0 {
        return "No session is decided by a split both before and after, so the law of sessions covers none.".into();
    }
    let ways: Vec<String> = law
        .allowed
        .iter()
        .map(|way| format!("{} → {}", way.from, way.to))
        .collect();
    let allowed = match ways.as_slice() {
        [] => "no session may move".into(),
        ways => format!("sessions may move only {}", ways.join(", ")),
    };
    let kept = match law.broken {
        0 => format!("none of {} moved in another way", thousands(law.sessions)),
        broken => format!(
            "{} of {} moved in another way",
            thousands(broken),
            thousands(law.sessions)
        ),
    };
    format!("By the weights of both splits, {allowed}: {kept}.")
}
