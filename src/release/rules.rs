//! The rules of a canary, and an index that finds the few that a request can match.

use super::{Rule, Trace};
use crate::draw::Ticket;
use crate::lookup::Lookup;
use crate::matching::{Condition, Match, any_holds};
use crate::request::RequestHead;

/// The rules of a canary, in order.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    all: Vec<Rule>,
    index: Option<Index>,
}

impl Rules {
    /// These rules. The first that matches decides.
    #[must_use]
    pub fn new(all: Vec<Rule>) -> Self {
        let index = Index::of(&all);
        Self { all, index }
    }

    /// All rules, in order.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.all
    }

    /// The first rule that matches the request.
    pub(super) fn first<'r>(
        &'r self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> Option<&'r Rule> {
        let index = self.index.as_ref().filter(|_| !trace.hears());
        let mut matches = |rule: &&'r Rule| {
            let matched = any_holds(&rule.matches, head, ticket, trace);
            trace.rule(rule, matched);
            matched
        };
        match index {
            Some(index) => {
                let mut candidates = index.candidates(head);
                candidates.find_map(|position| self.all.get(position).filter(&mut matches))
            }
            None => self.all.iter().find(matches),
        }
    }
}

/// Finds the rules that need a header to have a certain value, by that value.
///
/// Many rules that compare one header with one value each are common: one for a tenant, a country or a
/// tester. A lookup finds those that a request can match, where testing all takes time for each.
#[derive(Clone, Debug)]
struct Index {
    header: Box<str>,
    /// The number of all rules.
    rules: usize,
    /// The positions of the rules that need this value, in ascending order.
    by_value: Lookup<Vec<usize>>,
    /// The positions of the rules that do not need the header.
    others: Vec<usize>,
}

impl Index {
    /// Fewer rules are tested as fast one by one.
    const FEWEST_RULES: usize = 4;

    /// A request that repeats the header with more values than this has all rules tested.
    const MOST_LISTS: usize = 8;

    /// More values than this are not copied into an index. A test of a long list is a lookup already.
    const MOST_VALUES: usize = 10_000;

    fn of(rules: &[Rule]) -> Option<Self> {
        let header = most_tested_header(rules)?;
        let mut index = Self {
            header: header.into(),
            rules: rules.len(),
            by_value: Lookup::default(),
            others: Vec::new(),
        };
        for (position, rule) in rules.iter().enumerate() {
            match needed_values(rule, header) {
                Some(values) => {
                    for value in values {
                        let positions = index.by_value.entry(value.into()).or_default();
                        if positions.last() != Some(&position) {
                            positions.push(position);
                        }
                    }
                }
                None => index.others.push(position),
            }
            if index.by_value.len() > Self::MOST_VALUES {
                return None;
            }
        }
        (rules.len() - index.others.len() >= Self::FEWEST_RULES).then_some(index)
    }

    /// The positions of the rules that a request can match, in ascending order.
    fn candidates<'i>(&'i self, head: &RequestHead<'_>) -> impl Iterator<Item = usize> + use<'i> {
        let values = head.headers(&self.header);
        let found = values.filter_map(|value| self.by_value.get(value));
        let lists: Vec<&[usize]> = found.chain([&self.others]).map(Vec::as_slice).collect();
        let mut from = 0;
        std::iter::from_fn(move || {
            let next_of = |list: &&[usize]| {
                let next = list.partition_point(|position| *position < from);
                list.get(next).copied()
            };
            let next = if lists.len() > Self::MOST_LISTS {
                (from < self.rules).then_some(from)
            } else {
                lists.iter().filter_map(next_of).min()
            };
            from = next? + 1;
            next
        })
    }
}

/// The most headers of a rule that are tried for the index. Trying one takes a walk over the rule.
const MOST_TRIED_HEADERS: usize = 8;

/// The header that the most rules need to have a certain value.
fn most_tested_header(rules: &[Rule]) -> Option<&str> {
    let mut counts: Lookup<(usize, &str)> = Lookup::default();
    for rule in rules {
        let names = rule.matches.first().into_iter().flat_map(tested_headers);
        let names = names.take(MOST_TRIED_HEADERS);
        for name in names.filter(|name| needed_values(rule, name).is_some()) {
            counts.entry(name.as_bytes().into()).or_insert((0, name)).0 += 1;
        }
    }
    // Of two headers with as many rules the choice must not depend on the order of a table.
    let most = counts.into_values().max()?;
    Some(most.1)
}

fn tested_headers(one: &Match) -> impl Iterator<Item = &str> {
    one.conditions()
        .iter()
        .filter_map(|condition| match condition {
            Condition::Header(name, _) => Some(&**name),
            _ => None,
        })
}

/// The values of `header` of which `rule` needs one. None: the rule can match without the header, or
/// with other values.
fn needed_values<'r>(rule: &'r Rule, header: &str) -> Option<Vec<&'r [u8]>> {
    let mut values = Vec::new();
    for one in &rule.matches {
        let tests = one
            .conditions()
            .iter()
            .filter_map(|condition| match condition {
                Condition::Header(name, test) if **name == *header => test.values(),
                _ => None,
            });
        values.extend(tests.min_by_key(Vec::len)?);
    }
    Some(values)
}
