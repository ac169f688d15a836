//! The requests of a simulation.

use std::net::Ipv4Addr;

use halftone::draw::{Draw, Random, Session, SessionKey};
use halftone::release::{Decision, Release};
use halftone::request::RequestHead;

use super::Args;
use crate::request::Request;
use crate::shown;

/// Requests to one release.
#[derive(Clone, Debug)]
pub struct Sample<'r> {
    /// The release that decides.
    pub release: &'r Release,
    request: &'r Request,
    requests: u64,
    seed: u64,
    now: u64,
    population: Population<'r>,
}

/// The sessions that send the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Population<'r> {
    /// Each request is drawn by itself: at random, or by the id that is issued to it.
    Requests,
    /// All requests carry the same session: this value of this key.
    OneSession(&'r SessionKey, String),
    /// This number of sessions, each with its own value of this key.
    Sessions(&'r SessionKey, u32),
}

/// Draws with the same expected shares.
#[derive(Clone, Copy, Debug)]
pub struct Stratum {
    /// The number of draws.
    pub draws: f64,
    /// The number of requests that each draw decides.
    pub weight: f64,
}

impl<'r> Sample<'r> {
    /// The sample that `args` describe: `request`, repeated, decided by `release`.
    ///
    /// # Errors
    ///
    /// The arguments ask for sessions, but the release has no session, or the request carries one.
    pub fn new(args: &Args, request: &'r Request, release: &'r Release) -> Result<Self, String> {
        Ok(Self {
            release,
            request,
            requests: args.requests.unwrap_or_default(),
            seed: args.request.seed,
            now: args.request.now(),
            population: population(args.sessions, request, release)?,
        })
    }

    /// `number` sessions of `release`, each of which sends `request` once at `now`. If the release has no session, each
    /// request is drawn by itself. `now` is in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn once(number: u32, request: &'r Request, release: &'r Release, now: u64) -> Self {
        let key = release
            .session
            .as_ref()
            .and_then(|session| session.keys().first());
        Self {
            release,
            request,
            requests: number.into(),
            seed: 1,
            now,
            population: key.map_or(Population::Requests, |key| {
                Population::Sessions(key, number)
            }),
        }
    }

    /// The number of requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The sessions that send the requests.
    #[must_use]
    pub fn population(&self) -> &Population<'r> {
        &self.population
    }

    /// Decides every request. The result has the number of requests of each outcome, by
    /// `Outcome::index`.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.release.outcomes.len()];
        let mut chances = Random::new(self.seed);
        let mut count = |decision: Decision<'_>| {
            if let Some(count) = counts.get_mut(decision.outcome.index()) {
                *count += 1;
            }
        };
        match &self.population {
            Population::Sessions(key, sessions) => {
                for place in 0..self.requests {
                    let request = self.of_session(key, place % u64::from(*sessions));
                    let headers = request.headers();
                    let chance = chances.next_u64();
                    count(self.decide(&request.head(&headers), chance));
                }
            }
            Population::Requests | Population::OneSession(..) => {
                let headers = self.request.headers();
                let head = self.request.head(&headers);
                for _ in 0..self.requests {
                    count(self.decide(&head, chances.next_u64()));
                }
            }
        }
        counts
    }

    fn decide(&self, head: &RequestHead<'_>, chance: u64) -> Decision<'r> {
        self.release.decide(head, self.draw(chance), &mut ())
    }

    /// The draw of a request with this `chance`.
    #[must_use]
    pub fn draw(&self, chance: u64) -> Draw {
        let now = self.now;
        Draw { chance, now }
    }

    /// Calls `add` with the expected shares of each stratum, by `Outcome::index`. Sessions can differ in
    /// them, because a condition can test the key of the session.
    pub fn expect(&self, mut add: impl FnMut(&[f64], Stratum)) {
        let headers = self.request.headers();
        let head = self.request.head(&headers);
        let requests = self.requests as f64;
        let (draws, weight) = match &self.population {
            Population::Requests => (requests, 1.0),
            Population::OneSession(..) => (1.0, requests),
            Population::Sessions(_, sessions) => {
                let sessions = u64::from(*sessions);
                self.each_session(|place, head| {
                    let has_more = place < self.requests % sessions;
                    let weight = (self.requests / sessions + u64::from(has_more)) as f64;
                    add(
                        &self.release.shares(head, self.now),
                        Stratum { draws: 1.0, weight },
                    );
                });
                return;
            }
        };
        add(
            &self.release.shares(&head, self.now),
            Stratum { draws, weight },
        );
    }

    /// Calls `each` for each session that sends requests, or for each request that is drawn by itself.
    pub fn each_session(&self, mut each: impl FnMut(u64, &RequestHead<'_>)) {
        match &self.population {
            Population::Sessions(key, sessions) => {
                for place in 0..self.requests.min(u64::from(*sessions)) {
                    let request = self.of_session(key, place);
                    let headers = request.headers();
                    each(place, &request.head(&headers));
                }
            }
            Population::Requests => {
                let headers = self.request.headers();
                let head = self.request.head(&headers);
                (0..self.requests).for_each(|place| each(place, &head));
            }
            Population::OneSession(..) => {}
        }
    }

    /// The request of the session at `index`. Another seed gives other sessions.
    fn of_session(&self, key: &SessionKey, index: u64) -> Request {
        let value = match key {
            SessionKey::SourceAddress => address(self.seed, index as u32).to_string(),
            _ => format!("{}-{index}", self.seed),
        };
        let mut request = self.request.clone();
        request.carry(key, &value);
        request
    }
}

fn population<'r>(
    sessions: Option<u32>,
    request: &Request,
    release: &'r Release,
) -> Result<Population<'r>, String> {
    let headers = request.headers();
    let head = request.head(&headers);
    let session = release.session.as_ref();
    let carried = session.and_then(|session| session.key(&head));
    let Some(sessions) = sessions else {
        return Ok(match carried {
            Some((key, value)) => Population::OneSession(key, shown::key_value(key, &value)),
            None => Population::Requests,
        });
    };
    let Some(key) = session.and_then(|session| session.keys().first()) else {
        return Err(format!(
            "--sessions: release {} has no session; omit --sessions, or add canary.session to the release",
            release.name
        ));
    };
    match carried {
        Some((found, _)) if found == key => Err(format!(
            "--sessions: the request carries a session already, in {key}; omit --sessions or that key"
        )),
        _ => Ok(Population::Sessions(key, sessions)),
    }
}

/// An address in 10.0.0.0/8, or above it after 2^24 sessions. Different `index`es give different
/// addresses.
fn address(seed: u64, index: u32) -> Ipv4Addr {
    const FIRST: u32 = 0x0a00_0000;
    Ipv4Addr::from_bits(FIRST.wrapping_add(index ^ (seed as u32 & 0x00ff_ffff)))
}

/// Whether both releases find the same session number in a request.
#[must_use]
pub fn is_same_session(before: &Release, after: &Release, head: &RequestHead<'_>) -> bool {
    let number = |session: &Session| session.key(head).map(|(_, key)| session.number(&key));
    let number = |release: &Release| release.session.as_ref().and_then(number);
    number(before).is_some() && number(before) == number(after)
}
