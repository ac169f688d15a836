//! Conditions on a request. All conditions of a match must hold; one match of a list is enough.

mod string_match;

use std::fmt;

pub use string_match::{RegexError, StringMatch};

use crate::draw::{Percentage, Ticket};
use crate::invitation::Invited;
use crate::request::{ClientOs, RequestHead};

/// Conditions that must all hold.
#[derive(Clone, Debug)]
pub struct Match {
    conditions: Vec<Condition>,
}

/// One condition. Names of headers are in lower case.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The method.
    Method(StringMatch),
    /// The path without the query.
    Path(StringMatch),
    /// At least one value of the header of this name.
    Header(Box<str>, StringMatch),
    /// No value of the header of this name.
    WithoutHeader(Box<str>, StringMatch),
    /// At least one value of the cookie of this name.
    Cookie(Box<str>, StringMatch),
    /// At least one value of the query parameter of this name, percent-decoded.
    QueryParam(Box<str>, StringMatch),
    /// At least one value of the claim of this name, in the bearer token.
    JwtClaim(Box<str>, StringMatch),
    /// A label of the workload that calls.
    SourceLabel(SourceLabel),
    /// The client's operating system is one of these.
    ClientOs(Vec<ClientOs>),
    /// The client's operating system is none of these, or is unknown.
    WithoutClientOs(Vec<ClientOs>),
    /// The session, or the request if it has none, is in this percentage.
    Percentage(Percentage),
    /// The request carries a valid invitation.
    Invited(Box<Invited>),
}

/// A label of the workload that calls, which is that of the proxy. It is compared once, so that a
/// request pays nothing for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLabel {
    name: Box<str>,
    value: Box<str>,
    found: Option<Box<str>>,
    holds: bool,
}

impl SourceLabel {
    /// The label `name` must have this `value`. In this proxy it has the value `found`.
    #[must_use]
    pub fn new(name: &str, value: &str, found: Option<&str>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            found: found.map(Into::into),
            holds: found == Some(value),
        }
    }

    /// The value of the label in this proxy. None: the workload does not have it.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }
}

/// Hears how conditions are tested. `()` hears nothing and costs nothing.
pub trait Trace<'r> {
    /// A percentage asked for the request's number. A test of the condition follows, if it is one.
    fn percentage(&mut self, _percentage: Percentage, _number: u64) {}

    /// A condition was tested. Those after one that does not hold are not tested.
    fn condition(&mut self, _condition: &'r Condition, _holds: bool) {}

    /// A match was tested. Those after one that holds are not tested.
    fn tested(&mut self, _match: &'r Match, _holds: bool) {}
}

impl Trace<'_> for () {}

impl Match {
    /// A match of `conditions`, which are tested in this order.
    #[must_use]
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self { conditions }
    }

    /// The conditions, in the order in which they are tested.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn holds<'r>(
        &'r self,
        head: &RequestHead<'_>,
        ticket: &mut Ticket<'_>,
        trace: &mut impl Trace<'r>,
    ) -> bool {
        let holds = self.conditions.iter().all(|condition| {
            let holds = match condition {
                Condition::Percentage(percentage) => is_in(*percentage, head, ticket, trace),
                Condition::SourceLabel(label) => label.holds,
                Condition::Invited(invited) => is_invited(invited, head, ticket),
                _ => condition.holds(head),
            };
            trace.condition(condition, holds);
            holds
        });
        trace.tested(self, holds);
        holds
    }
}

/// Whether one of `matches` holds.
#[must_use]
pub fn any_holds<'r>(
    matches: &'r [Match],
    head: &RequestHead<'_>,
    ticket: &mut Ticket<'_>,
    trace: &mut impl Trace<'r>,
) -> bool {
    matches.iter().any(|one| one.holds(head, ticket, trace))
}

/// Whether the request is in `percentage`. A session that takes no part in the release is in none.
#[must_use]
pub fn is_in<'r>(
    percentage: Percentage,
    head: &RequestHead<'_>,
    ticket: &mut Ticket<'_>,
    trace: &mut impl Trace<'r>,
) -> bool {
    if ticket.apart(head).is_some() {
        return false;
    }
    let number = ticket.number(head);
    trace.percentage(percentage, number);
    percentage.takes(number)
}

/// Whether the request carries a valid invitation. If the query brings it, a cookie is to keep it.
fn is_invited(invited: &Invited, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> bool {
    let now = ticket.now();
    let valid = invited.find(head, now);
    if let Some(cookie) = valid.and_then(|valid| invited.set_cookie(&valid, now)) {
        ticket.set_invitation(cookie);
    }
    valid.is_some()
}

impl Condition {
    /// Whether the head of a request meets the condition. Of a percentage the head knows nothing;
    /// only 100 % holds for every head. Of an invitation it knows nothing either, since that expires. If the budget of the request leaves a value unread, the
    /// condition does not hold, whatever it asks.
    #[must_use]
    pub fn holds(&self, head: &RequestHead<'_>) -> bool {
        let budget = head.budget();
        let unread = budget.unread();
        if !budget.pay(self.lookup_steps(head)) {
            return false;
        }
        let holds = match self {
            Self::Method(test) => test.any(std::iter::once(head.method()), budget),
            Self::Path(test) => test.any(std::iter::once(head.path()), budget),
            Self::Header(name, test) => test.any(head.headers(name), budget),
            Self::WithoutHeader(name, test) => !test.any(head.headers(name), budget),
            Self::Cookie(name, test) => test.any(head.cookies(name), budget),
            Self::QueryParam(name, test) => test.any(head.query_params(name), budget),
            Self::JwtClaim(name, test) => test.any(head.jwt_claims(name), budget),
            Self::SourceLabel(label) => label.holds,
            Self::ClientOs(systems) => head.client_os().is_some_and(|os| systems.contains(&os)),
            Self::WithoutClientOs(systems) => {
                head.client_os().is_none_or(|os| !systems.contains(&os))
            }
            Self::Percentage(percentage) => percentage.is_all(),
            Self::Invited(_) => false,
        };
        holds && budget.unread() == unread
    }

    /// The work of finding the values that the condition tests, in the steps of a budget.
    fn lookup_steps(&self, head: &RequestHead<'_>) -> u32 {
        const CALL: u32 = 8;
        /// A lookup in the claims of a token.
        const TOKEN: usize = 32;
        let among = match self {
            Self::Header(..) | Self::WithoutHeader(..) => head.all_headers().len(),
            Self::Cookie(..) => head.all_cookies().len(),
            Self::QueryParam(..) => head.all_query_params().len(),
            Self::JwtClaim(..) => head.tokens().saturating_mul(TOKEN),
            _ => 0,
        };
        CALL.saturating_add(u32::try_from(among).unwrap_or(u32::MAX))
    }
}

/// Prints the form of a configuration: `headers.end-user exact: jason`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(test) => write!(f, "method {test}"),
            Self::Path(test) => write!(f, "path {test}"),
            Self::Header(name, test) => write!(f, "headers.{name} {test}"),
            Self::WithoutHeader(name, test) => write!(f, "withoutHeaders.{name} {test}"),
            Self::Cookie(name, test) => write!(f, "cookies.{name} {test}"),
            Self::QueryParam(name, test) => write!(f, "queryParams.{name} {test}"),
            Self::JwtClaim(name, test) => write!(f, "jwtClaims.{name} {test}"),
            Self::SourceLabel(SourceLabel { name, value, .. }) => {
                write!(f, "sourceLabels.{name} {value}")
            }
            Self::ClientOs(systems) => write!(f, "clientOs [{}]", names(systems)),
            Self::WithoutClientOs(systems) => write!(f, "withoutClientOs [{}]", names(systems)),
            Self::Percentage(percentage) => write!(f, "percentage {}", percentage.percent()),
            Self::Invited(invited) => {
                let Invited {
                    query_param,
                    cookie,
                    ..
                } = &**invited;
                write!(f, "invited queryParam {query_param}, cookie {cookie}")
            }
        }
    }
}

fn names(systems: &[ClientOs]) -> String {
    let names: Vec<&str> = systems.iter().map(|os| os.name()).collect();
    names.join(", ")
}
