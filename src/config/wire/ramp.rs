//! The wire types of ramps.

use serde::Deserialize;

use super::{DurationConfig, TimeConfig};

/// A version that grows by the clock.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RampConfig {
    /// The version that grows.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub version: Option<String>,
    /// The time from which `after` counts, with an offset: `2026-12-01T09:00:00Z`. It may lie in the past.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub start: Option<TimeConfig>,
    /// The version's percentage at each time, up to 100 points. Before the first point it is 0. Neither
    /// times nor percentages fall.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1, max = 100)))]
    pub points: Option<Vec<RampPointConfig>>,
    /// The percentage between two points. Default: `linear`.
    pub shape: Option<ShapeConfig>,
    /// Holds the ramp at this percentage, whatever the time, 0 to 100. Default: the ramp follows the clock.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub hold: Option<f64>,
}

/// A point of a ramp.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RampPointConfig {
    /// The time after `start`, such as `0s` or `24h`.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub after: Option<DurationConfig>,
    /// The version's percentage then, 0 to 100.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
}

/// The percentage between two points of a ramp.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ShapeConfig {
    /// Grows in a straight line.
    Linear,
    /// Stays until the next point.
    Steps,
}
