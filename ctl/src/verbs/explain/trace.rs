//! The steps of a decision, recorded.

use halftone::config::time;
use halftone::draw::Percentage;
use halftone::invitation::{Invited, Place, Refusal};
use halftone::matching::{self, Condition, Match};
use halftone::release::{
    self, Arm, Outcome, Preview, RampedSplit, Release, Rule, Split, Strategy, Target,
};
use halftone::request::RequestHead;

use super::report::{
    ArmReport, ConditionReport, MatchReport, RampReport, RuleReport, SplitReport, StrategyReport,
};
use crate::shown;
use crate::terminal::escaped;

/// Records the steps of one decision, or of the selection of one mirror.
#[derive(Debug)]
pub struct Recorder<'h, 'a> {
    head: &'h RequestHead<'a>,
    /// The time of the request, in milliseconds since 1970-01-01T00:00:00Z.
    now: u64,
    /// The tested matches that no rule or preview has taken yet.
    matches: Vec<MatchReport>,
    /// The percentage that no match has taken yet.
    percentage: Option<ConditionReport>,
    /// The preview, or the rules in order. Those after the one that matches are missing.
    tested: Vec<(bool, Vec<MatchReport>)>,
    split: Option<SplitReport>,
    ramp: Option<RampReport>,
    number: Option<u64>,
}

impl<'h, 'a> Recorder<'h, 'a> {
    /// A recorder for the request with this `head`, at the time `now` in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn new(head: &'h RequestHead<'a>, now: u64) -> Self {
        Self {
            head,
            now,
            matches: Vec::new(),
            percentage: None,
            tested: Vec::new(),
            split: None,
            ramp: None,
            number: None,
        }
    }

    /// The number that a percentage or a split asked for. None: none did.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// The matches that a mirror tested, and the draw of its percentage.
    #[must_use]
    pub fn into_mirror(self) -> (Vec<MatchReport>, Option<ConditionReport>) {
        (self.matches, self.percentage)
    }

    /// The steps by which the strategy of `release` decided.
    #[must_use]
    pub fn into_strategy(self, release: &Release) -> StrategyReport {
        let mut tested = self.tested.into_iter();
        let mut split = self.split;
        match &release.strategy {
            Strategy::BlueGreen { active, preview } => StrategyReport::BlueGreen {
                active: version(active),
                preview: preview.as_ref().map(|preview| {
                    let version = Some(version(&preview.outcome));
                    rule("preview", version, tested.next())
                }),
            },
            Strategy::Canary {
                take_over,
                rules,
                principal,
                ..
            } => StrategyReport::Canary {
                take_over: take_over.as_ref().map(|outcome| version(outcome)),
                rules: rules
                    .all()
                    .iter()
                    .map(|one| {
                        let to = match &one.target {
                            Target::Version(outcome) => Some(version(outcome)),
                            Target::Split(_) => None,
                        };
                        let mut report = rule(&one.name, to, tested.next());
                        if report.matched == Some(true) {
                            report.split = split.take();
                        }
                        report
                    })
                    .collect(),
                ramp: self.ramp,
                split,
                principal: version(principal),
            },
        }
    }
}

fn version(outcome: &Outcome) -> String {
    outcome.version().name().into()
}

fn rule(
    name: &str,
    version: Option<String>,
    tested: Option<(bool, Vec<MatchReport>)>,
) -> RuleReport {
    let (matched, matches) = tested.unzip();
    RuleReport {
        name: name.into(),
        matched,
        matches: matches.unwrap_or_default(),
        version,
        split: None,
    }
}

impl<'r> matching::Trace<'r> for Recorder<'_, '_> {
    fn percentage(&mut self, percentage: Percentage, number: u64) {
        self.number = Some(number);
        self.percentage = Some(drawn(percentage, Some(number)));
    }

    /// Reports all conditions, also those after the one that fails: a user wants to see every
    /// condition to correct. Only a percentage is not drawn when the decision does not draw it.
    fn tested(&mut self, one: &'r Match, holds: bool) {
        let mut percentage = self.percentage.take();
        let conditions = one.conditions().iter().map(|condition| match condition {
            Condition::Percentage(of) => percentage.take().unwrap_or_else(|| drawn(*of, None)),
            Condition::Invited(invited) => ConditionReport {
                condition: escaped(condition.to_string()),
                holds: Some(invited.find(self.head, self.now).is_some()),
                values: invitations(invited, self.head, self.now),
                drawn: None,
            },
            _ => ConditionReport {
                condition: escaped(condition.to_string()),
                holds: Some(condition.holds(self.head)),
                values: values(condition, self.head),
                drawn: None,
            },
        });
        self.matches.push(MatchReport {
            matched: holds,
            conditions: conditions.collect(),
        });
    }
}

impl<'r> release::Trace<'r> for Recorder<'_, '_> {
    fn preview(&mut self, _: &'r Preview, matched: bool) {
        self.tested
            .push((matched, std::mem::take(&mut self.matches)));
    }

    fn rule(&mut self, _: &'r Rule, matched: bool) {
        self.tested
            .push((matched, std::mem::take(&mut self.matches)));
    }

    fn split(&mut self, split: &'r Split, number: u64, winner: &'r Arm) {
        self.number = Some(number);
        let arms = split.arms().map(|arm| ArmReport {
            version: arm.version().name().into(),
            weight: arm.weight(),
            share: split.share(arm),
            time: arm.time(number),
            won: std::ptr::eq(arm, winner),
        });
        self.split = Some(SplitReport {
            versions: arms.collect(),
        });
    }

    fn ramp(&mut self, ramp: &'r RampedSplit, number: u64, now: u64, outcome: &'r Outcome) {
        self.number = Some(number);
        let sum: f64 = ramp.arms(now).map(|arm| arm.weight()).sum();
        let arms = ramp.arms(now).map(|arm| ArmReport {
            version: arm.version().name().into(),
            weight: arm.weight(),
            share: arm.weight() / sum,
            time: arm.time(number),
            won: arm.version() == outcome.version(),
        });
        self.split = Some(SplitReport {
            versions: arms.collect(),
        });
        self.ramp = Some(RampReport {
            version: ramp.version().name().into(),
            at: time::text(now),
            percentage: ramp.ramp().percentage(now),
            held: ramp.ramp().hold().is_some(),
        });
    }
}

/// The report on `percentage`. No `number`: it was not drawn.
pub fn drawn(percentage: Percentage, number: Option<u64>) -> ConditionReport {
    ConditionReport {
        condition: Condition::Percentage(percentage).to_string(),
        holds: number.map(|number| percentage.takes(number)),
        values: Vec::new(),
        drawn: number.map(|number| percentage.draw(number)),
    }
}

/// Each invitation that the request carries, without the token: whether it is valid, or why it is not.
fn invitations(invited: &Invited, head: &RequestHead<'_>, now: u64) -> Vec<String> {
    let at = |expiry: u64| time::text(expiry.saturating_mul(1_000));
    let carried = invited.carried(head).map(|(place, token)| {
        let place = match place {
            Place::Query => "the one in the query",
            Place::Cookie => "the one in the cookie",
        };
        match invited.check(token, now) {
            Ok(expiry) => format!("{place} is valid until {}", at(expiry)),
            Err(Refusal::Expired(expiry)) => format!("{place} expired at {}", at(expiry)),
            Err(refusal) => format!("{place} {refusal}"),
        }
    });
    carried.map(escaped).collect()
}

/// The values of the request that `condition` tests.
fn values(condition: &Condition, head: &RequestHead<'_>) -> Vec<String> {
    match condition {
        Condition::Method(_) => vec![escaped(head.method())],
        Condition::Path(_) => vec![escaped(head.path())],
        Condition::Header(name, _) | Condition::WithoutHeader(name, _) => head
            .headers(name)
            .map(|value| escaped(shown::header_value(name, value)))
            .collect(),
        Condition::Cookie(name, _) => head.cookies(name).map(escaped).collect(),
        Condition::QueryParam(name, _) => head.query_params(name).map(escaped).collect(),
        Condition::JwtClaim(name, _) => head.jwt_claims(name).map(escaped).collect(),
        Condition::SourceLabel(label) => label.found().iter().map(escaped).collect(),
        Condition::ClientOs(_) | Condition::WithoutClientOs(_) => {
            head.client_os().iter().map(ToString::to_string).collect()
        }
        Condition::Percentage(_) | Condition::Invited(_) => Vec::new(),
    }
}
