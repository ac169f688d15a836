//! The sources in a cluster: plugins by the Kubernetes API, each viewer's own rights, and numbers by Prometheus.
//!
//! The console watches plugins by its own rights, and shows a viewer only those that the viewer may list. It changes a
//! plugin by the viewer's rights only.

mod kinds;
mod plugins;
mod prometheus;
mod rights;
mod session;
mod text;

pub use kube::Config;
pub use plugins::Plugins;
pub use prometheus::{Asked, Known, Prometheus};
pub use rights::{COOKIE, Refused, Rights, SignIn};
pub use session::Session;
