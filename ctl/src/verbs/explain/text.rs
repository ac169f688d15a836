//! The report for people: a tree.

use std::io::{self, Write};

use super::report::{
    ArmReport, CohortReport, ConditionReport, GroupReport, MatchReport, MirrorReport, RampReport,
    Report, RuleReport, SessionReport, SetReport, SplitReport, StrategyReport,
};
use crate::shown::{list, percent, quoted, significant};
use crate::terminal::{FAINT, GOOD, Line, STRONG};
use crate::tree::Node;

/// Draws the tree of `report`. `hosts` are the hosts that the configuration claims.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(report: &Report, hosts: &[String], out: &mut dyn Write) -> io::Result<()> {
    let asked = &report.request;
    let title = format!("{} {} {}", asked.method, asked.host, asked.path);
    let mut root = Node::new(Line::styled(STRONG, title));
    match (&report.release, &report.host) {
        (Some(release), Some(host)) => {
            root.add(format!("host {host} → release {release}"));
        }
        _ => root.add(unclaimed(hosts)),
    }
    if let Some(session) = &report.session {
        root.push(session_node(session, asked.seed));
    }
    root.extend(report.cohort.as_ref().map(cohort_node));
    if let Some(chance) = report.chance {
        root.add(format!("chance {chance:.6} · seed {}", asked.seed));
    }
    if let Some(strategy) = &report.strategy {
        root.push(strategy_node(strategy, report));
    }
    if let Some(set) = &report.set {
        root.add(set_line(set));
    }
    for header in &report.removed {
        root.add(format!(
            "removes the client's {}: {}",
            header.name,
            quoted(&header.value)
        ));
    }
    for header in &report.response {
        root.add(format!("responds with {}: {}", header.name, header.value));
    }
    for mirror in &report.mirrors {
        root.push(mirror_node(mirror));
    }
    if !report.overruled_by.is_empty() {
        let reasons = report.overruled_by.join(" or ");
        root.add(format!(
            "in a proxy, {reasons} can send it to the principal"
        ));
    }
    root.add(end(report));
    root.write(out)
}

/// The list of hosts shows the right name to a user who misspelt it.
fn unclaimed(hosts: &[String]) -> String {
    if hosts.is_empty() {
        "no release claims the host; the configuration has no releases".into()
    } else {
        format!(
            "no release claims the host; the releases claim {}",
            list(hosts)
        )
    }
}

fn session_node(session: &SessionReport, seed: u64) -> Node {
    let number = session.number.unwrap_or_default();
    if let (Some(key), Some(value)) = (&session.key, &session.value) {
        return Node::new(format!("session {number:.6} · {key} {}", quoted(value)));
    }
    let mut node = Node::new(match &session.issued {
        Some(id) => format!("session {number:.6} · issues id {id}, seed {seed}"),
        None => "no session".into(),
    });
    let looked_for = session.looked_for.iter();
    node.extend(looked_for.map(|key| Node::new(format!("✗ {key} · absent"))));
    node
}

fn cohort_node(cohort: &CohortReport) -> Node {
    let conditions = [
        ("holdout", &cohort.holdout),
        ("exclusive", &cohort.exclusive),
    ];
    let conditions = conditions.iter().filter_map(|(field, group)| {
        let group = group.as_ref()?;
        let drawn = group
            .drawn
            .map_or("no session".into(), |drawn| format!("drew {drawn:.4}"));
        let GroupReport {
            group: name,
            from,
            to,
            takes_part,
            ..
        } = group;
        let line = format!("{field} {name} · from {from} to {to} take part · {drawn}");
        Some((*takes_part, line))
    });
    let conditions: Vec<(bool, String)> = conditions.collect();
    let takes_part = conditions.iter().all(|(takes_part, _)| *takes_part);
    let mut node = Node::new(if takes_part {
        "takes part in the release"
    } else {
        "takes no part in the release"
    });
    node.extend(conditions.into_iter().map(|(takes_part, line)| {
        Node::new(if takes_part {
            Line::styled(GOOD, "✓").and(format!(" {line}"))
        } else {
            format!("✗ {line}").into()
        })
    }));
    node
}

fn strategy_node(strategy: &StrategyReport, report: &Report) -> Node {
    match strategy {
        StrategyReport::BlueGreen { active, preview } => {
            let mut node = Node::new("blue-green");
            let is_previewed = preview
                .as_ref()
                .is_some_and(|one| one.matched == Some(true));
            node.extend(preview.as_ref().map(|preview| rule_node("", preview)));
            node.add(candidate(format!("active {active}"), !is_previewed));
            node
        }
        StrategyReport::Canary {
            take_over,
            rules,
            ramp,
            split,
            principal,
        } => {
            let mut node = Node::new("canary");
            if let Some(version) = take_over {
                node.add(candidate(format!("takeOver {version}"), true));
            }
            node.extend(rules.iter().map(|rule| rule_node("rule ", rule)));
            if let Some(split) = split {
                let by = if report.chance.is_some() {
                    "chance"
                } else {
                    "session"
                };
                let mut race = Node::new(match ramp {
                    Some(ramp) => ramp_line(ramp, by),
                    None => format!("split by {by}"),
                });
                race.extend(arms(split));
                node.push(race);
            }
            let reason = report.decision.as_ref().map(|one| one.reason.as_str());
            if matches!(reason, Some("principal" | "excluded" | "holdout")) {
                node.add(candidate(format!("principal {principal}"), true));
            }
            node
        }
    }
}

fn ramp_line(ramp: &RampReport, by: &str) -> String {
    let (version, percentage) = (&ramp.version, percent(ramp.percentage / 100.0));
    if ramp.held {
        format!("ramp of {version}, held at {percentage}, by {by}")
    } else {
        format!("ramp of {version}, {percentage} at {}, by {by}", ramp.at)
    }
}

/// A line that is green if it decides, and faint otherwise.
fn candidate(line: String, decides: bool) -> Line {
    Line::styled(if decides { GOOD } else { FAINT }, line)
}

fn rule_node(kind: &str, rule: &RuleReport) -> Node {
    let to = rule.version.as_deref().unwrap_or("split");
    let line = format!("{kind}{} → {to}", rule.name);
    let mut node = Node::new(match rule.matched {
        Some(true) => Line::styled(GOOD, format!("{line}: matches")),
        Some(false) => format!("{line}: does not match").into(),
        None => Line::styled(FAINT, format!("{line}: not tested")),
    });
    node.extend(match_nodes(&rule.matches));
    node.extend(rule.split.iter().flat_map(arms));
    node
}

/// The conditions of the only match, or a node for each of several matches.
fn match_nodes(matches: &[MatchReport]) -> Vec<Node> {
    if let [one] = matches {
        return one.conditions.iter().map(condition_node).collect();
    }
    let several = matches.iter().enumerate();
    several
        .map(|(index, one)| {
            let mut node = Node::new(format!("match[{index}]"));
            node.extend(one.conditions.iter().map(condition_node));
            node
        })
        .collect()
}

fn condition_node(condition: &ConditionReport) -> Node {
    let values: Vec<String> = condition.values.iter().map(|value| quoted(value)).collect();
    let got = match (condition.drawn, condition.holds) {
        (Some(drawn), _) => format!("drew {drawn:.4}"),
        (None, None) => "not drawn".into(),
        (None, Some(_)) if values.is_empty() => "absent".into(),
        (None, Some(_)) => values.join(", "),
    };
    let line = format!("{} · {got}", condition.condition);
    Node::new(match condition.holds {
        Some(true) => Line::styled(GOOD, "✓").and(format!(" {line}")),
        Some(false) => format!("✗ {line}").into(),
        None => Line::styled(FAINT, format!("- {line}")),
    })
}

fn arms(split: &SplitReport) -> Vec<Node> {
    let width = |text: fn(&ArmReport) -> String| {
        let widths = split.versions.iter().map(|arm| text(arm).len());
        widths.max().unwrap_or_default()
    };
    let name = width(|arm| arm.version.clone());
    let weight = width(weight_of);
    let share = width(|arm| percent(arm.share));
    let time = width(|arm| significant(arm.time));
    let line = |arm: &ArmReport| {
        let line = format!(
            "{:name$}  weight {:>weight$}  {:>share$}  time {:>time$}",
            arm.version,
            weight_of(arm),
            percent(arm.share),
            significant(arm.time),
        );
        Node::new(if arm.won {
            Line::styled(GOOD, format!("{line}  wins"))
        } else {
            Line::styled(FAINT, line)
        })
    };
    split.versions.iter().map(line).collect()
}

/// The weight as configured. That of a ramp has few digits.
fn weight_of(arm: &ArmReport) -> String {
    let (whole, short) = (arm.weight.to_string(), significant(arm.weight));
    if whole.len() > 10 { short } else { whole }
}

fn set_line(set: &SetReport) -> String {
    let sent: Vec<String> = set.replaced.iter().map(|value| quoted(value)).collect();
    let sent = match sent.as_slice() {
        [] => String::new(),
        sent => format!(", the client sent {}", sent.join(", ")),
    };
    format!("sets {}: {}{sent}", set.name, set.value)
}

fn mirror_node(mirror: &MirrorReport) -> Node {
    let line = Line::from(format!("mirror {} → {}: ", mirror.name, mirror.cluster));
    let mut node = Node::new(if mirror.selected && mirror.hindered.is_none() {
        line.and_styled(GOOD, "gets a copy")
    } else {
        line.and("gets no copy")
    });
    node.push(condition_node(&mirror.method));
    node.extend(match_nodes(&mirror.matches));
    node.extend(mirror.percentage.as_ref().map(condition_node));
    let hindered = mirror.hindered.iter();
    node.extend(hindered.map(|why| Node::new(format!("✗ {why}"))));
    node
}

fn end(report: &Report) -> Line {
    match &report.decision {
        Some(decision) => Line::styled(
            GOOD,
            format!(
                "release={} version={} reason={}",
                decision.release, decision.version, decision.reason
            ),
        ),
        None if report.conflict => {
            "no decision: an earlier plugin has decided the request; let one plugin claim the host"
                .into()
        }
        None => "no decision: the request passes without routing headers".into(),
    }
}
