//! The wire types: the plugin configuration as users write it, one to one.
//!
//! To add a field, add it to its struct: an `Option` of `bool`, `f64`, `String`, [`DurationConfig`],
//! [`SizeConfig`], [`TimeConfig`], a `Vec`, [`Named`], another struct or an enum of words. `read` then reads it, the
//! JSON Schema has it, and its doc comment is the schema's description: meaning, unit, range, default.
//! `compile` checks its value and has its default. If users will write it in the wrong object, `hints`
//! can say where it belongs.
//!
//! Every field is optional here, also one that users must write. `compile` reports what is missing, so
//! that one answer has all violations.

mod cohort;
mod guard;
mod matching;
mod mirrors;
mod ramp;
mod release;
mod session;
mod strategy;

pub use cohort::{ExclusiveConfig, HoldoutConfig};
pub use guard::{FailureConfig, FallbackConfig, GuardConfig, ProbeConfig, RetryConfig};
pub use matching::{ClientOsConfig, InvitedConfig, MatchConfig, StringMatchConfig};
pub use mirrors::{
    BodyConfig, CompareConfig, DestinationConfig, HeadersConfig, MirrorConfig, RedactConfig,
};
pub use ramp::{RampConfig, RampPointConfig, ShapeConfig};
pub use release::{
    ExplainConfig, MetricsConfig, PluginConfig, ReleaseConfig, RouteConfig, ServiceConfig,
    SigningConfig,
};
pub use session::{SameSiteConfig, SessionConfig, SessionCookieConfig, SessionKeyConfig};
pub use strategy::{BlueGreenConfig, CanaryConfig, PreviewConfig, RuleConfig, WeightConfig};

pub use super::duration::DurationConfig;
pub use super::named::Named;
pub use super::size::SizeConfig;
pub use super::time::TimeConfig;
