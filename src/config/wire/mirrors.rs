//! The wire types of mirrors.

use serde::Deserialize;

use super::{DurationConfig, MatchConfig, Named, SizeConfig};

/// A service that gets copies of requests, by exactly one of `destination` and `cluster`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{"required": ["destination"]}, {"required": ["cluster"]}])))]
pub struct MirrorConfig {
    /// The mirror's name, unique in the release. It labels the metrics.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub name: Option<String>,
    /// The service of the mesh that gets the copies.
    pub destination: Option<DestinationConfig>,
    /// The name of the Envoy cluster that gets the copies.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub cluster: Option<String>,
    /// The percentage of the sessions whose requests are mirrored, 0 to 100; of the requests, if the
    /// release has no session. Default: 100.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
    /// A request is mirrored if one of these matches holds. Default: every request is.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
    /// The methods of the requests that are mirrored. Default: `GET`, `HEAD`, `OPTIONS`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub methods: Option<Vec<String>>,
    /// The time in which the mirror must answer, `1ms` to `1h`. Default: `5s`.
    pub timeout: Option<DurationConfig>,
    /// The longest request body that is mirrored, at most `mirrorBudget`. Default: `64KiB`.
    pub max_body: Option<SizeConfig>,
    /// The number of copies that may wait for an answer at once, per worker, 1 to 100,000. While that
    /// many wait, no request is mirrored. Default: 128.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1)))]
    pub max_in_flight: Option<f64>,
    /// The `:authority` of the copies, as `host` or `host:port`. Default: that of the request.
    pub authority: Option<String>,
    /// Changes to the headers of the copies.
    pub headers: Option<HeadersConfig>,
    /// Compares the mirror's answer with production's. Default: no comparison.
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
    /// The service's port, 1 to 65535.
    #[cfg_attr(
        feature = "schema",
        schemars(required, with = "Option<u16>", range(min = 1))
    )]
    pub port: Option<f64>,
    /// A subset of the service, named by its DestinationRule. Default: the whole service.
    pub subset: Option<String>,
}

/// Changes to headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeadersConfig {
    /// Headers to set, with their values. A value replaces those that the request has.
    pub set: Option<Named<String>>,
    /// The names of headers to remove.
    pub remove: Option<Vec<String>>,
}

/// How the mirror's answer is compared with production's for the same request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompareConfig {
    /// The percentage of the mirrored requests whose answers are compared, 0 to 100. Default: 100.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
    /// Whether the statuses are compared, for gRPC also `grpc-status`. Default: `true`.
    pub status: Option<bool>,
    /// The names of the headers whose values are compared. Default: none.
    pub headers: Option<Vec<String>>,
    /// How the bodies are compared. Default: `auto`.
    pub body: Option<BodyConfig>,
    /// JSON pointers to the parts of the bodies that are not compared, at most 64. A step `*` is any one
    /// step. Default: none.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub ignore: Option<Vec<String>>,
    /// The longest answer that is compared, at most `1MiB` and at most `mirrorBudget`. Default:
    /// `64KiB`.
    pub max_body: Option<SizeConfig>,
    /// The number of differing pairs that are logged per minute and worker, 0 to 10,000. Default: 10.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub samples: Option<f64>,
    /// Values that samples hide, beside credentials and cookies. Default: none.
    pub redact: Option<RedactConfig>,
    /// Whether samples show the query, without the values of secret parameters. Default: `false`.
    pub query: Option<bool>,
}

/// Values that samples hide.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RedactConfig {
    /// The names of headers of the request and of the answers. Default: none.
    pub headers: Option<Vec<String>>,
    /// JSON pointers to parts of the bodies, at most 64. A step `*` is any one step. Default: none.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub pointers: Option<Vec<String>>,
}

/// How bodies are compared.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BodyConfig {
    /// As JSON if `content-type` says so, else as bytes.
    Auto,
    /// As JSON.
    Json,
    /// As bytes.
    Bytes,
    /// Not at all.
    None,
}
