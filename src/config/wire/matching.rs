//! The wire types of matches.

use serde::Deserialize;

use super::Named;

/// A match: at least one condition. It holds if all its conditions hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub struct MatchConfig {
    /// Tests of headers, by name. One value of a repeated header is enough.
    pub headers: Option<Named<StringMatchConfig>>,
    /// Tests of headers, by name, that must fail for every value.
    pub without_headers: Option<Named<StringMatchConfig>>,
    /// Tests of cookies, by name. One cookie of a repeated name is enough.
    pub cookies: Option<Named<StringMatchConfig>>,
    /// Tests of query parameters, by name, percent-decoded. One parameter of a repeated name is enough.
    pub query_params: Option<Named<StringMatchConfig>>,
    /// Tests of claims of the bearer token, by name. One value of an array is enough. Halftone reads the
    /// token and does not verify it: put the filter after authentication.
    pub jwt_claims: Option<Named<StringMatchConfig>>,
    /// Labels that the calling workload has, in whose sidecar the filter runs, with their values. No client
    /// can influence them.
    pub source_labels: Option<Named<String>>,
    /// A test of the path without the query.
    pub path: Option<StringMatchConfig>,
    /// A test of the method.
    pub method: Option<StringMatchConfig>,
    /// The client's operating systems, by its `user-agent`; one of them is enough.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub client_os: Option<Vec<ClientOsConfig>>,
    /// The opposite of `clientOs`: the client's operating system is none of these, or is unknown.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub without_client_os: Option<Vec<ClientOsConfig>>,
    /// The percentage of the sessions, 0 to 100; of the requests, if the release has no session.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
    /// The request carries an invitation to this release and rule that has not expired, and that one of the keys
    /// of `signing` has signed. Only in a rule or a preview.
    pub invited: Option<InvitedConfig>,
}

/// Where a request carries an invitation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvitedConfig {
    /// The name of the query parameter that brings an invitation. Default: `halftone`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub query_param: Option<String>,
    /// The name of the cookie that keeps it until it expires. Default: `halftone-invitation`.
    pub cookie: Option<String>,
}

/// A client's operating system.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClientOsConfig {
    /// iOS: iPhone, iPad, iPod.
    Ios,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// Linux without Android.
    Linux,
}

/// One test of a value: exactly one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct StringMatchConfig {
    /// The value is this text.
    pub exact: Option<String>,
    /// The value begins with this text.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub prefix: Option<String>,
    /// The value ends with this text.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub suffix: Option<String>,
    /// The value contains this text.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub contains: Option<String>,
    /// The whole value matches this regular expression (RE2 syntax). A value of more than 2048 bytes
    /// never does.
    pub regex: Option<String>,
    /// The value is one of these texts.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub r#in: Option<Vec<String>>,
    /// `true`: there is a value. `false`: there is none.
    pub present: Option<bool>,
    /// The value is a semantic version that meets this requirement, such as `>=2.3.0, <3`. The value may
    /// begin with `v`, and may omit the patch number.
    pub semver: Option<String>,
}
