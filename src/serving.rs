//! One request and its response, in terms of a host.
//!
//! The host calls a [`Stream`] for each part of a request and its response, and a [`Dispatch`] for the
//! answers to calls. They ask the core, and perform what it returns, by the functions of [`Host`].

mod dispatch;
mod host;
mod pairing;
mod reading;
mod resend;
mod stream;

pub use dispatch::Dispatch;
pub use host::{Buffer, Host, Map};
pub use reading::Reading;
pub use stream::{ROUTED, Stream};
