//! The sources without a cluster: files, Envoy's admin endpoints and Envoy's log.

mod admin;
mod files;
mod log;

pub use admin::{Admins, NotAnEndpoint};
pub use files::{Files, NoFiles};
pub use log::Log;
