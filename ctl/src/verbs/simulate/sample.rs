//! The requests of a simulation.

use std::net::Ipv4Addr;

use halftone::draw::{Draw, Random, Session, SessionKey};
use halftone::release::{Decision, Release};
use halftone::request::RequestHead;

use super::Args;
use crate::request::Request;
use crate::shown;

/// Requests to one release, and by what each is drawn.
#[derive(Clone, Debug)]
pub struct Sample<'r> {
    /// The release that decides.
    pub release: &'r Release,
    request: &'r Request,
    requests: u64,
    seed: u64,
    population: Population<'r>,
}

/// Who sends the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Population<'r> {
    /// Each is drawn by itself: at random, or by the id that is issued to it.
    Requests,
    /// All carry the same session: here, with this value.
    OneSession(&'r SessionKey, String),
    /// So many sessions, each with a value of its own here.
    Sessions(&'r SessionKey, u32),
}

/// A part of all draws: how many there are, and how many requests go the way of each.
#[derive(Clone, Copy, Debug)]
pub struct Stratum {
    /// How many draws.
    pub draws: f64,
    /// How many requests go the way of each.
    pub weight: f64,
}

impl<'r> Sample<'r> {
    /// The requests that `args` ask for: `request`, put to `release`.
    ///
    /// # Errors
    ///
    /// When sessions are asked for and there can be none.
    pub fn new(args: &Args, request: &'r Request, release: &'r Release) -> Result<Self, String> {
        Ok(Self {
            release,
            request,
            requests: args.requests,
            seed: args.request.seed,
            population: population(args.sessions, request, release)?,
        })
    }

    /// Who sends the requests.
    #[must_use]
    pub fn population(&self) -> &Population<'r> {
        &self.population
    }

    /// Decides every request: how many came to each end, by `Outcome::index`.
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
                    count(self.release.decide(
                        &request.head(&headers),
                        Draw { chance, now: 0 },
                        &mut (),
                    ));
                }
            }
            Population::Requests | Population::OneSession(..) => {
                let headers = self.request.headers();
                let head = self.request.head(&headers);
                for _ in 0..self.requests {
                    count(self.release.decide(
                        &head,
                        Draw {
                            chance: chances.next_u64(),
                            now: 0,
                        },
                        &mut (),
                    ));
                }
            }
        }
        counts
    }

    /// Hands over the expected shares of each part of all draws, by `Outcome::index`. Sessions may
    /// differ in them, for a condition can look at what carries the session.
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
                    add(&self.release.shares(head), Stratum { draws: 1.0, weight });
                });
                return;
            }
        };
        add(&self.release.shares(&head), Stratum { draws, weight });
    }

    /// The sessions that send requests; none without sessions.
    pub fn each_session(&self, mut each: impl FnMut(u64, &RequestHead<'_>)) {
        if let Population::Sessions(key, sessions) = &self.population {
            for place in 0..self.requests.min(u64::from(*sessions)) {
                let request = self.of_session(key, place);
                let headers = request.headers();
                each(place, &request.head(&headers));
            }
        }
    }

    /// The request of the session at `place`; of another seed it is another session.
    fn of_session(&self, key: &SessionKey, place: u64) -> Request {
        let value = match key {
            SessionKey::SourceAddress => address(self.seed, place as u32).to_string(),
            _ => format!("{}-{place}", self.seed),
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
            "--sessions: release {} has no session; leave --sessions away, or give it canary.session",
            release.name
        ));
    };
    match carried {
        Some((found, _)) if found == key => Err(format!(
            "--sessions: the request carries a session already, in {key}; leave one of them away"
        )),
        _ => Ok(Population::Sessions(key, sessions)),
    }
}

/// Of 10.0.0.0/8, as long as there are any left: the bits that `seed` flips keep them apart.
fn address(seed: u64, place: u32) -> Ipv4Addr {
    const FIRST: u32 = 0x0a00_0000;
    Ipv4Addr::from_bits(FIRST.wrapping_add(place ^ (seed as u32 & 0x00ff_ffff)))
}

/// Whether both releases see the same session in a request: one number.
#[must_use]
pub fn is_same_session(before: &Release, after: &Release, head: &RequestHead<'_>) -> bool {
    let number = |session: &Session| session.key(head).map(|(_, key)| session.number(&key));
    let number = |release: &Release| release.session.as_ref().and_then(number);
    number(before).is_some() && number(before) == number(after)
}
