//! The wire types of what protects a release from a version that fails.

use serde::Deserialize;

use super::DurationConfig;

/// Takes the traffic from a version that fails more often than the principal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuardConfig {
    /// The kinds of responses that are failures. Default: `5xx`, `reset`, `grpc`.
    pub failures: Option<Vec<FailureConfig>>,
    /// A response that takes longer than this is a failure too, `1ms` to `1h`. Default: none is.
    pub slower_than: Option<DurationConfig>,
    /// The percentage points by which a version must fail more often than the principal, 0 to 100.
    /// Default: 2.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub margin: Option<f64>,
    /// The number of failures before which there is no verdict, 1 to 1,000,000. Default: 3.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1)))]
    pub at_least: Option<f64>,
    /// The percentage of failures in the last 60 seconds, of at least 20 responses, above which a version
    /// loses its traffic, whatever the principal does; 0 to 100. Default: none; 20 for blue-green,
    /// which has no other guard.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub ceiling: Option<f64>,
    /// When a version gets its traffic back after a verdict: `never`, or after a duration, `1s` to
    /// `720h`, which doubles with each verdict. Default: `never`.
    pub retry: Option<RetryConfig>,
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FailureConfig {
    /// A status of 500 or more.
    #[serde(rename = "5xx")]
    Status5xx,
    /// The version broke the response off, did not connect, or timed out.
    Reset,
    /// A `grpc-status` of 2, 4, 8, 12, 13, 14 or 15.
    Grpc,
}

/// `never`, or a duration.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, extend("pattern" = "^(never|([0-9]+(ms|s|m|h))+)$")))]
pub struct RetryConfig(pub String);

/// Sends the requests for a version that has no endpoint to the principal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FallbackConfig {
    /// How Halftone finds out that the version answers again. Default: the request of one user each
    /// second tries.
    pub probe: Option<ProbeConfig>,
    /// Whether a request without a body that met no endpoint is sent again, to the principal. Default:
    /// `false`.
    pub resend: Option<bool>,
}

/// A request of Halftone's own to a version that had no endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProbeConfig {
    /// The path that is requested, which begins with `/`.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub path: Option<String>,
    /// The time between two probes, `1s` to `1h`. Default: `1s`.
    pub every: Option<DurationConfig>,
}
