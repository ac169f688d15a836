//! The wire types of blue-green and canary releases.

use serde::Deserialize;

use super::{MatchConfig, RampConfig, SessionConfig};

/// A blue-green release: one version gets all traffic, and a switch moves all of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlueGreenConfig {
    /// The version that gets all traffic. To switch or to roll back, change this one word.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub active: Option<String>,
    /// The requests that reach another version before the switch. Default: none.
    pub preview: Option<PreviewConfig>,
}

/// The requests that reach a version before it is active.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewConfig {
    /// The version that these requests reach.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub version: Option<String>,
    /// A request reaches the version if one of these matches holds.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
}

/// A canary release: versions get parts of the traffic.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CanaryConfig {
    /// The version that gets all traffic. Rules and split have no effect until you remove this.
    pub take_over: Option<String>,
    /// The rules, in order. The first rule that matches a request decides. Default: none.
    pub rules: Option<Vec<RuleConfig>>,
    /// The split of the requests that no rule matches. Default: the principal gets all of them.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub split: Option<Vec<WeightConfig>>,
    /// A version that grows by the clock. The other versions share what is left by `split`, or the
    /// principal has it. Default: none.
    pub ramp: Option<RampConfig>,
    /// How a user stays on one version. Default: each request is decided independently.
    pub session: Option<SessionConfig>,
}

/// Sends the requests that it matches to a version, or splits them: exactly one of `version` and
/// `split`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{"required": ["version"]}, {"required": ["split"]}])))]
pub struct RuleConfig {
    /// The rule's name, unique in the release. It is part of the reason, `rule:<name>`.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub name: Option<String>,
    /// The rule matches a request if one of these matches holds.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
    /// The version that gets the requests.
    pub version: Option<String>,
    /// The versions that share the requests.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub split: Option<Vec<WeightConfig>>,
    /// Whether the release's guard and fallback may overrule the rule. Default: `true`.
    pub guarded: Option<bool>,
}

/// A version and its weight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WeightConfig {
    /// The version's name.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub version: Option<String>,
    /// The version's share, relative to the sum of all weights of the split; 0 or more. A version with
    /// weight 0 gets nothing.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0)))]
    pub weight: Option<f64>,
}
