//! Conditions on a request. All conditions of a match must hold; of a list of matches, any.

use std::fmt;

use super::draws::Percentage;
use super::string_match::StringMatch;
use super::ticket::Ticket;
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
    /// One of the values of the header of this name.
    Header(Box<str>, StringMatch),
    /// None of the values of the header of this name.
    WithoutHeader(Box<str>, StringMatch),
    /// One of the values of the cookie of this name.
    Cookie(Box<str>, StringMatch),
    /// One of the values of the query parameter of this name, percent-decoded.
    QueryParam(Box<str>, StringMatch),
    /// The client's operating system is one of these.
    ClientOs(Vec<ClientOs>),
    /// The session, or without one the request, is in this part of all.
    Percentage(Percentage),
}

impl Match {
    /// A match of `conditions`, tested in this order.
    #[must_use]
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self { conditions }
    }

    /// Its conditions, in the order in which they are tested.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The first condition that does not hold. None: the request matches.
    #[must_use]
    pub fn failing(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| !condition.holds(head, ticket))
    }
}

/// Whether one of `matches` has all its conditions met.
#[must_use]
pub fn any_matches(matches: &[Match], head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> bool {
    matches
        .iter()
        .any(|one| one.failing(head, ticket).is_none())
}

impl Condition {
    /// Whether it holds. A percentage alone asks for the ticket's number.
    #[must_use]
    pub fn holds(&self, head: &RequestHead<'_>, ticket: &mut Ticket<'_>) -> bool {
        match self {
            Self::Method(test) => test.any(std::iter::once(head.method())),
            Self::Path(test) => test.any(std::iter::once(head.path())),
            Self::Header(name, test) => test.any(head.headers(name)),
            Self::WithoutHeader(name, test) => !test.any(head.headers(name)),
            Self::Cookie(name, test) => test.any(head.cookies(name)),
            Self::QueryParam(name, test) => test.any(head.query_params(name)),
            Self::ClientOs(systems) => head.client_os().is_some_and(|os| systems.contains(&os)),
            Self::Percentage(percentage) => percentage.takes(ticket.number(head)),
        }
    }
}

/// As a configuration writes it: `headers.end-user exact: jason`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(test) => write!(f, "method {test}"),
            Self::Path(test) => write!(f, "path {test}"),
            Self::Header(name, test) => write!(f, "headers.{name} {test}"),
            Self::WithoutHeader(name, test) => write!(f, "withoutHeaders.{name} {test}"),
            Self::Cookie(name, test) => write!(f, "cookies.{name} {test}"),
            Self::QueryParam(name, test) => write!(f, "queryParams.{name} {test}"),
            Self::ClientOs(systems) => {
                let names: Vec<&str> = systems.iter().map(|os| os.name()).collect();
                write!(f, "clientOs [{}]", names.join(", "))
            }
            Self::Percentage(percentage) => write!(f, "percentage {}", percentage.percent()),
        }
    }
}
