//! The wire types of the configuration, of a release and of its route.

use serde::Deserialize;

use super::{
    BlueGreenConfig, CanaryConfig, ExclusiveConfig, FallbackConfig, GuardConfig, HoldoutConfig,
    MirrorConfig, Named, SizeConfig,
};

/// A plugin configuration: Istio's `pluginConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PluginConfig {
    /// The releases that this plugin decides, one per service. Default: none.
    pub releases: Option<Vec<ReleaseConfig>>,
    /// The keys that sign and verify invitations. Required if a match has `invited`.
    pub signing: Option<SigningConfig>,
    /// Lets a request ask for its decision. Default: no request can.
    pub explain: Option<ExplainConfig>,
    /// Writes each decision into the filter state `wasm.halftone`, for access logs. Default:
    /// `false`.
    pub access_log: Option<bool>,
    /// The memory that all copies to mirrors may use together, per worker, at most `128MiB`.
    /// Default: `16MiB`.
    pub mirror_budget: Option<SizeConfig>,
    /// What the plugin counts. Default: everything.
    pub metrics: Option<MetricsConfig>,
}

/// What the plugin counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricsConfig {
    /// Whether responses are counted, and the time until they end. `false` is for a mesh that counts them
    /// already; a release with a `guard` counts its responses in any case. Default: `true`.
    pub responses: Option<bool>,
}

/// The keys that sign and verify invitations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SigningConfig {
    /// The names of one to four environment variables of the proxy's plugin that have the keys, each of at least
    /// 32 bytes. The first signs, all verify.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1, max = 4)))]
    pub keys: Option<Vec<String>>,
}

/// Lets a request ask for its decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainConfig {
    /// The response to a request that has this header gets the header `x-halftone-decision`.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub header: Option<String>,
}

/// The grayscale release of one service: `canary` or `blueGreen`, or `mirrors`, or `mirrors` with
/// one of the former.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend(
    "anyOf" = [{"required": ["canary"]}, {"required": ["blueGreen"]}, {"required": ["mirrors"]}],
    "allOf" = [{"anyOf": [{"required": ["hosts"]}, {"required": ["services"]}]}],
    "not" = {"required": ["canary", "blueGreen"]}
)))]
pub struct ReleaseConfig {
    /// A DNS label, unique in the configuration. It labels the metrics, and the sessions' numbers
    /// depend on it.
    #[cfg_attr(
        feature = "schema",
        schemars(required, pattern(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))
    )]
    pub name: Option<String>,
    /// The hosts that the release claims, without ports: an exact host, `*.example.com` (any depth
    /// below) or `*`. Required without `services`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub hosts: Option<Vec<String>>,
    /// The services that the release claims, by every name by which the mesh calls them. Required
    /// without `hosts`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub services: Option<Vec<ServiceConfig>>,
    /// The reference version. It gets all requests that nothing else claims.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub principal: Option<String>,
    /// The range of the sessions that take part in the release. Releases of one group that have different
    /// ranges share no users. Default: all sessions take part.
    pub exclusive: Option<ExclusiveConfig>,
    /// The sessions that take part in no release of a group. Default: none.
    pub holdout: Option<HoldoutConfig>,
    /// A canary release: versions get parts of the traffic.
    pub canary: Option<CanaryConfig>,
    /// A blue-green release: one version gets all traffic.
    pub blue_green: Option<BlueGreenConfig>,
    /// The services that get copies of the release's requests. Default: none.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub mirrors: Option<Vec<MirrorConfig>>,
    /// Takes the traffic from a version that fails. Default: nothing does.
    pub guard: Option<GuardConfig>,
    /// Sends the requests for a version that has no endpoint to the principal. Default: they fail.
    pub fallback: Option<FallbackConfig>,
    /// How requests reach the chosen version. Default: by the header `x-halftone-version`.
    pub route: Option<RouteConfig>,
}

/// A service that a release claims.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceConfig {
    /// The name of the service. Proxies in its namespace take it as a host.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub name: Option<String>,
    /// The namespace of the service.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub namespace: Option<String>,
    /// The DNS domain of the cluster. Default: `cluster.local`.
    pub cluster_domain: Option<String>,
}

/// How requests reach the chosen version: exactly one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct RouteConfig {
    /// The name of the request header that Halftone sets to the version. Your routes match it. Default:
    /// `x-halftone-version`.
    pub header: Option<String>,
    /// The service of each version, as `host` or `host:port`. Halftone sets the request's `:authority`
    /// to it.
    pub authority: Option<Named<String>>,
}
