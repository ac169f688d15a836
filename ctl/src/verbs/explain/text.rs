//! The report for people: a tree.

use std::io::{self, Write};

use super::report::{
    ArmReport, ConditionReport, MatchReport, MirrorReport, Report, RuleReport, SessionReport,
    SplitReport, StrategyReport,
};
use crate::shown::{list, percent, quoted, significant};
use crate::style::{FAINT, GOOD, STRONG};
use crate::tree::Node;

/// Draws the tree of `report`; `hosts` are those that the configuration's releases claim.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(report: &Report, hosts: &[String], out: &mut dyn Write) -> io::Result<()> {
    let asked = &report.request;
    let mut root = Node::new(format!(
        "{STRONG}{} {} {}{STRONG:#}",
        asked.method, asked.host, asked.path
    ));
    match (&report.release, &report.host) {
        (Some(release), Some(host)) => {
            root.add(format!("host {host} → release {release}"));
        }
        _ => root.add(unclaimed(hosts)),
    }
    if let Some(session) = &report.session {
        root.push(session_node(session, asked.seed));
    }
    if let Some(chance) = report.chance {
        root.add(format!("chance {chance:.6} · seed {}", asked.seed));
    }
    if let Some(strategy) = &report.strategy {
        root.push(strategy_node(strategy, report));
    }
    if let Some(set) = &report.set {
        let replaced: Vec<String> = set.replaced.iter().map(|value| quoted(value)).collect();
        let replaced = match replaced.as_slice() {
            [] => String::new(),
            values => format!(", over the client's {}", values.join(", ")),
        };
        root.add(format!("sets {}: {}{replaced}", set.name, set.value));
    }
    for header in &report.removed {
        root.add(format!(
            "removes the client's {}: {}",
            header.name,
            quoted(&header.value)
        ));
    }
    for header in &report.response {
        root.add(format!("responds {}: {}", header.name, header.value));
    }
    for mirror in &report.mirrors {
        root.push(mirror_node(mirror));
    }
    root.add(match &report.decision {
        Some(decision) => format!(
            "{GOOD}release={} version={} reason={}{GOOD:#}",
            decision.release, decision.version, decision.reason
        ),
        None => "nothing is decided: the request passes, without routing headers".into(),
    });
    root.write(out)
}

/// The hosts that are claimed tell a misspelt one.
fn unclaimed(hosts: &[String]) -> String {
    if hosts.is_empty() {
        "host → no release: the configuration has none".into()
    } else {
        format!("host → no release; claimed are {}", list(hosts))
    }
}

fn session_node(session: &SessionReport, seed: u64) -> Node {
    let number = session.number.unwrap_or_default();
    if let (Some(key), Some(value)) = (&session.key, &session.value) {
        return Node::new(format!("session {number:.6} · {key} {}", quoted(value)));
    }
    let mut node = Node::new(match &session.issued {
        Some(id) => format!("session {number:.6} · id {id} is issued, seed {seed}"),
        None => "session · none".into(),
    });
    let looked_for = session.looked_for.iter();
    node.extend(looked_for.map(|key| Node::new(format!("✗ {key} · absent"))));
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
            node.add(decides(&format!("active {active}"), !is_previewed));
            node
        }
        StrategyReport::Canary {
            take_over,
            rules,
            split,
            principal,
        } => {
            let mut node = Node::new("canary");
            if let Some(version) = take_over {
                node.add(decides(&format!("takeOver {version}"), true));
            }
            node.extend(rules.iter().map(|rule| rule_node("rule ", rule)));
            if let Some(split) = split {
                let by = if report.chance.is_some() {
                    "chance"
                } else {
                    "session"
                };
                let mut race = Node::new(format!("split by {by}"));
                race.extend(arms(split));
                node.push(race);
            }
            let reason = report.decision.as_ref().map(|one| one.reason.as_str());
            if reason == Some("principal") {
                node.add(decides(&format!("principal {principal}"), true));
            }
            node
        }
    }
}

/// A line that decides, or does not.
fn decides(line: &str, decides: bool) -> String {
    if decides {
        format!("{GOOD}{line}{GOOD:#}")
    } else {
        format!("{FAINT}{line}{FAINT:#}")
    }
}

fn rule_node(kind: &str, rule: &RuleReport) -> Node {
    let to = match &rule.version {
        Some(version) => format!(" → {version}"),
        None => " → split".into(),
    };
    let line = format!("{kind}{}{to}", rule.name);
    let line = match rule.matched {
        Some(true) => format!("{GOOD}{line}: matches{GOOD:#}"),
        Some(false) => format!("{line}: does not match"),
        None => format!("{FAINT}{line}: not looked at{FAINT:#}"),
    };
    let mut node = Node::new(line);
    node.extend(match_nodes(&rule.matches));
    node.extend(rule.split.iter().flat_map(arms));
    node
}

/// The conditions of one match stand by themselves; several matches have a line each.
fn match_nodes(matches: &[MatchReport]) -> Vec<Node> {
    if let [one] = matches {
        return one.conditions.iter().map(condition_node).collect();
    }
    let several = matches.iter().enumerate();
    several
        .map(|(place, one)| {
            let mut node = Node::new(format!("match[{place}]"));
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
        Some(true) => format!("{GOOD}✓{GOOD:#} {line}"),
        Some(false) => format!("✗ {line}"),
        None => format!("{FAINT}- {line}{FAINT:#}"),
    })
}

fn arms(split: &SplitReport) -> Vec<Node> {
    let width = |text: fn(&ArmReport) -> String| {
        let widths = split.versions.iter().map(|arm| text(arm).len());
        widths.max().unwrap_or_default()
    };
    let name = width(|arm| arm.version.clone());
    let weight = width(|arm| arm.weight.to_string());
    let share = width(|arm| percent(arm.share));
    let time = width(|arm| significant(arm.time));
    let line = |arm: &ArmReport| {
        let line = format!(
            "{:name$}  weight {:>weight$}  {:>share$}  time {:>time$}",
            arm.version,
            arm.weight,
            percent(arm.share),
            significant(arm.time),
        );
        Node::new(if arm.won {
            format!("{GOOD}{line}  wins{GOOD:#}")
        } else {
            format!("{FAINT}{line}{FAINT:#}")
        })
    };
    split.versions.iter().map(line).collect()
}

fn mirror_node(mirror: &MirrorReport) -> Node {
    let gets = if mirror.selected && mirror.hindered.is_none() {
        format!("{GOOD}gets a copy{GOOD:#}")
    } else {
        "gets no copy".into()
    };
    let mut node = Node::new(format!(
        "mirror {} → {}: {gets}",
        mirror.name, mirror.cluster
    ));
    node.push(condition_node(&mirror.method));
    node.extend(match_nodes(&mirror.matches));
    node.extend(mirror.percentage.as_ref().map(condition_node));
    node.extend(
        mirror
            .hindered
            .as_ref()
            .map(|why| Node::new(format!("✗ {why}"))),
    );
    node
}
