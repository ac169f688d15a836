//! The numbers that decide: what a session draws, or one request by itself.
//!
//! All of it is integer arithmetic and correctly rounded IEEE 754. A proxy, a command line and
//! another language come to the same result. `docs/reference.md` describes the functions, and
//! `docs/session-vectors.json` has golden vectors.

mod cohort;
mod percentage;
mod random;
mod session;
mod ticket;

pub use cohort::{Apart, Cohort, Exclusive, Holdout};
pub use percentage::Percentage;
pub use random::{Random, salt};
pub use session::{Session, SessionCookie, SessionId, SessionKey};
pub use ticket::Ticket;

/// What a decision takes from outside of the request and its release: chance and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// A random number, a new one for each request. It decides where no session does.
    pub chance: u64,
    /// The time of the request, in milliseconds since 1970-01-01T00:00:00Z.
    pub now: u64,
}
