//! Mirrors, as users write them.

use serde::Deserialize;

use super::{MatchConfig, Named};

/// Another service that gets copies of requests. Exactly one of `destination` and `cluster` stands
/// here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{"required": ["destination"]}, {"required": ["cluster"]}])))]
pub struct MirrorConfig {
    /// Unique in the release; it labels the metrics.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub name: Option<String>,
    /// Who gets the copies: a service of the mesh.
    pub destination: Option<DestinationConfig>,
    /// Who gets the copies: a cluster, by Envoy's own name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub cluster: Option<String>,
    /// Percent of the sessions (of the requests, without a session), 0 to 100. Absent: 100.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
    /// Any of them. Absent: every request.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
    /// The methods that are mirrored. Absent: `GET`, `HEAD`, `OPTIONS`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub methods: Option<Vec<String>>,
    /// How long the mirror may take to answer, `1ms` to `1h`. Absent: `5s`.
    pub timeout: Option<String>,
    /// A request with a longer body is not mirrored; at most `mirrorBudget`. Absent: `64KiB`.
    pub max_body: Option<String>,
    /// So many copies may wait for an answer at once, in each worker; above it a request is not
    /// mirrored. Absent: 128.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1)))]
    pub max_in_flight: Option<f64>,
    /// `:authority` of the copies. Absent: the request's own.
    pub authority: Option<String>,
    /// Changes to the headers of the copies.
    pub headers: Option<HeadersConfig>,
    /// Compares the mirror's answer with production's. Off when absent.
    pub compare: Option<CompareConfig>,
}

/// A service of the mesh, as in Istio's routes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DestinationConfig {
    /// The service's full name.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub host: Option<String>,
    /// The service's port.
    #[cfg_attr(
        feature = "schema",
        schemars(required, with = "Option<u16>", range(min = 1))
    )]
    pub port: Option<f64>,
    /// A subset that the service's DestinationRule names. Absent: all of the service.
    pub subset: Option<String>,
}

/// Changes to headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeadersConfig {
    /// Headers that have this value alone.
    pub set: Option<Named<String>>,
    /// Headers that are not there.
    pub remove: Option<Vec<String>>,
}

/// How the mirror's answer is compared with production's for the same request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompareConfig {
    /// Percent of what is mirrored, 0 to 100. Absent: 100.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
    /// Whether the statuses are compared, of gRPC `grpc-status` too. Absent: `true`.
    pub status: Option<bool>,
    /// The headers whose values are compared. Absent: none.
    pub headers: Option<Vec<String>>,
    /// How the bodies are compared. Absent: `auto`.
    pub body: Option<BodyConfig>,
    /// JSON pointers of what is not compared; a step `*` stands for any one step. At most 64.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub ignore: Option<Vec<String>>,
    /// A longer answer is not compared; at most `1MiB`. Absent: `64KiB`.
    pub max_body: Option<String>,
    /// So many differing pairs a minute are logged, in each worker. Absent: 10.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub samples: Option<f64>,
}

/// How bodies are compared.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BodyConfig {
    /// As JSON where `content-type` says so, else as bytes.
    Auto,
    /// As JSON.
    Json,
    /// As bytes.
    Bytes,
    /// Not at all.
    None,
}
