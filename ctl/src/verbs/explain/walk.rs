//! The way of a decision, step by step, by the functions that [`Release::decide`] is made of.
//!
//! [`Release::decide`]: halftone::release::Release::decide

use std::sync::Arc;

use halftone::draw::{Percentage, SessionId, Ticket};
use halftone::matching::{Condition, Match};
use halftone::release::{Outcome, Release, Rule, Split, Strategy, Target};
use halftone::request::RequestHead;

use super::report::{
    ArmReport, ConditionReport, MatchReport, RuleReport, SplitReport, StrategyReport,
};
use crate::shown;

/// One request on its way. It asks for its number where the decision does, and nowhere else.
#[derive(Debug)]
pub struct Walk<'r, 'h> {
    head: &'h RequestHead<'h>,
    ticket: Ticket<'r>,
    /// Whether the number was asked for.
    pub is_drawn: bool,
}

impl<'r, 'h> Walk<'r, 'h> {
    /// The request with `head`, which has `ticket`.
    #[must_use]
    pub fn new(head: &'h RequestHead<'h>, ticket: Ticket<'r>) -> Self {
        Self {
            head,
            ticket,
            is_drawn: false,
        }
    }

    /// The way to mirrors: by the same number, and none is issued any more.
    #[must_use]
    pub fn to_mirrors(&self) -> Self {
        Self::new(self.head, self.ticket.clone().without_issuing())
    }

    /// The number that decides.
    pub fn number(&mut self) -> u64 {
        self.is_drawn = true;
        self.ticket.number(self.head)
    }

    /// The id that was made because a number was asked for and the request carried no key.
    #[must_use]
    pub fn issued(&self) -> Option<SessionId> {
        self.ticket.issued()
    }

    /// The request's head.
    #[must_use]
    pub fn head(&self) -> &'h RequestHead<'h> {
        self.head
    }

    /// The end that the strategy of `release` comes to, and how.
    pub fn strategy(&mut self, release: &'r Release) -> (&'r Arc<Outcome>, StrategyReport) {
        match &release.strategy {
            Strategy::BlueGreen { active, preview } => {
                let name = |outcome: &Arc<Outcome>| outcome.version().name().to_owned();
                let mut outcome = active;
                let preview = preview.as_ref().map(|preview| {
                    let (matched, matches) = self.matches(&preview.matches);
                    if matched {
                        outcome = &preview.outcome;
                    }
                    RuleReport {
                        name: "preview".into(),
                        matched: Some(matched),
                        matches,
                        version: Some(name(&preview.outcome)),
                        split: None,
                    }
                });
                let active = name(active);
                (outcome, StrategyReport::BlueGreen { active, preview })
            }
            Strategy::Canary {
                take_over,
                rules,
                split,
                principal,
            } => {
                let mut outcome = take_over.as_ref();
                let rules = rules.iter();
                let rules = rules.map(|rule| self.rule(rule, &mut outcome)).collect();
                let split = split.as_ref().filter(|_| outcome.is_none()).map(|split| {
                    let (drawn, report) = self.split(split);
                    outcome = Some(drawn);
                    report
                });
                let name = |outcome: &Arc<Outcome>| outcome.version().name().to_owned();
                let report = StrategyReport::Canary {
                    take_over: take_over.as_ref().map(name),
                    rules,
                    split,
                    principal: name(principal),
                };
                (outcome.unwrap_or(principal), report)
            }
        }
    }

    fn rule(&mut self, rule: &'r Rule, outcome: &mut Option<&'r Arc<Outcome>>) -> RuleReport {
        let mut report = RuleReport {
            name: rule.name.to_string(),
            matched: None,
            matches: Vec::new(),
            version: None,
            split: None,
        };
        if let Target::Version(outcome) = &rule.target {
            report.version = Some(outcome.version().name().into());
        }
        if outcome.is_some() {
            return report;
        }
        let (matched, matches) = self.matches(&rule.matches);
        report.matched = Some(matched);
        report.matches = matches;
        if matched {
            *outcome = Some(match &rule.target {
                Target::Version(outcome) => outcome,
                Target::Split(split) => {
                    let (drawn, race) = self.split(split);
                    report.split = Some(race);
                    drawn
                }
            });
        }
        report
    }

    /// Whether any of `matches` holds, and each up to the first that does.
    pub fn matches(&mut self, matches: &[Match]) -> (bool, Vec<MatchReport>) {
        let mut reports = Vec::new();
        for one in matches {
            let report = self.one_match(one);
            let matched = report.matched;
            reports.push(report);
            if matched {
                return (true, reports);
            }
        }
        (false, reports)
    }

    /// All conditions, also those after one that fails: an operator wants to know of both. But a
    /// number is drawn only where the decision draws one.
    fn one_match(&mut self, one: &Match) -> MatchReport {
        let mut matched = true;
        let mut conditions = Vec::new();
        for condition in one.conditions() {
            let report = match condition {
                Condition::Percentage(percentage) => self.percentage(*percentage, matched),
                _ => ConditionReport {
                    condition: shown::escaped(condition.to_string().as_bytes()),
                    holds: Some(condition.holds(self.head)),
                    values: values(condition, self.head),
                    drawn: None,
                },
            };
            matched &= report.holds == Some(true);
            conditions.push(report);
        }
        MatchReport {
            matched,
            conditions,
        }
    }

    /// A percentage, drawn where everything before it holds.
    pub fn percentage(&mut self, percentage: Percentage, is_asked: bool) -> ConditionReport {
        let number = is_asked.then(|| self.number());
        ConditionReport {
            condition: Condition::Percentage(percentage).to_string(),
            holds: number.map(|number| percentage.takes(number)),
            values: Vec::new(),
            drawn: number.map(|number| percentage.draw(number)),
        }
    }

    fn split(&mut self, split: &'r Split) -> (&'r Arc<Outcome>, SplitReport) {
        let number = self.number();
        let winner = split.pick(number);
        let sum: f64 = split.arms().map(|arm| arm.weight()).sum();
        let versions = split
            .arms()
            .map(|arm| ArmReport {
                version: arm.version().name().into(),
                weight: arm.weight(),
                share: arm.weight() / sum,
                time: arm.time(number),
                won: std::ptr::eq(arm, winner),
            })
            .collect();
        let outcome = if self.ticket.is_held(self.head) {
            winner.held()
        } else {
            winner.drawn()
        };
        (outcome, SplitReport { versions })
    }
}

/// What the request has where `condition` looks.
fn values(condition: &Condition, head: &RequestHead<'_>) -> Vec<String> {
    match condition {
        Condition::Method(_) => vec![shown::escaped(head.method())],
        Condition::Path(_) => vec![shown::escaped(head.path())],
        Condition::Header(name, _) | Condition::WithoutHeader(name, _) => head
            .headers(name)
            .map(|value| shown::escaped(&shown::header_value(name, value)))
            .collect(),
        Condition::Cookie(name, _) => head.cookies(name).map(shown::escaped).collect(),
        Condition::QueryParam(name, _) => head
            .query_params(name)
            .map(|value| shown::escaped(&value))
            .collect(),
        Condition::ClientOs(_) => head.client_os().iter().map(ToString::to_string).collect(),
        Condition::Percentage(_) => Vec::new(),
    }
}
