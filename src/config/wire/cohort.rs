//! The wire types of the sessions that take part in a release.

use serde::Deserialize;

/// A range of the sessions of a group of releases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExclusiveConfig {
    /// The name that the releases of the group share.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub group: Option<String>,
    /// The start of the range, 0 to 100. The range includes it.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0, max = 100)))]
    pub from: Option<f64>,
    /// The end of the range, above `from`, at most 100. The range does not include it.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0, max = 100)))]
    pub to: Option<f64>,
}

/// A percentage of the sessions that takes part in no release of a group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HoldoutConfig {
    /// The name that the releases of the group share.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub group: Option<String>,
    /// The percentage of the sessions, 0 to 100.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
}
