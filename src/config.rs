//! The plugin configuration as users write it, one to one, and the way from it to what runs.
//!
//! Everything is optional here, also what a user must write: what is missing, and every other thing
//! that is wrong, is told when it is compiled, all at once. The defaults stand there too.

mod compile;
mod duration;
mod fields;
mod mirrors;
mod named;
mod read;
mod size;
mod violation;

use serde::Deserialize;
use serde_json::Value;

pub use mirrors::{BodyConfig, CompareConfig, DestinationConfig, HeadersConfig, MirrorConfig};
pub use named::Named;
pub use violation::{Violation, Violations};

use crate::json::Json;
use crate::release::Releases;

/// Compiles the JSON text of a plugin configuration, as Istio delivers it. Empty text is no release
/// at all.
///
/// ```
/// let refused = halftone::config::load(br#"{"releases": [{"name": "reviews", "hosts": ["reviews"], "principle": "v1",
///     "canary": {"split": [{"version": "v2", "weight": 0}]}}]}"#);
///
/// assert_eq!(refused.map(|_| ()).map_err(|violations| violations.to_string()), Err([
///     "releases[0].principle: is not a field here; the fields are name, hosts, principal, canary, blueGreen, mirrors, route",
///     "releases[0].principal: is missing; name the version that gets all that nothing else claims",
///     "releases[0].canary.split: every weight is 0; give at least one version a weight above 0",
/// ].join("\n")));
/// ```
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(text: &[u8]) -> Result<Releases, Violations> {
    if text.trim_ascii().is_empty() {
        return Ok(Releases::default());
    }
    match serde_json::from_slice(text) {
        Ok(json) => load_json(&json),
        Err(error) => Err(read::not_json(&error)),
    }
}

/// The same for a configuration that is parsed already, from YAML, say. `null` is no release at
/// all.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_value(value: &Value) -> Result<Releases, Violations> {
    match Json::deserialize(value) {
        Ok(json) => load_json(&json),
        Err(error) => Err(read::not_json(&error)),
    }
}

fn load_json(json: &Json) -> Result<Releases, Violations> {
    if json.is_null() {
        return Ok(Releases::default());
    }
    let mut violations = Violations::default();
    let config: PluginConfig = read::read(json, &mut violations);
    compile::compile(&config, violations)
}

/// What Istio calls `pluginConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PluginConfig {
    /// The releases that this plugin decides for, one for each service.
    pub releases: Option<Vec<ReleaseConfig>>,
    /// Lets a request ask for its decision. Off when absent.
    pub explain: Option<ExplainConfig>,
    /// Writes each decision into the filter state `wasm.halftone`, for access logs. Off when
    /// absent.
    pub access_log: Option<bool>,
    /// How much the copies that go to mirrors may hold together, in each worker; at most `128MiB`.
    /// Absent: `16MiB`.
    pub mirror_budget: Option<String>,
}

/// Lets a request ask for its decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainConfig {
    /// A request that carries this header gets `x-halftone-decision` back.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub header: Option<String>,
}

/// The grayscale release of one service. At most one of `canary` and `blueGreen` stands here, and
/// `mirrors` beside either or alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend(
    "anyOf" = [{"required": ["canary"]}, {"required": ["blueGreen"]}, {"required": ["mirrors"]}],
    "not" = {"required": ["canary", "blueGreen"]}
)))]
pub struct ReleaseConfig {
    /// A DNS label, unique in the configuration. It salts the sessions and labels the metrics.
    #[cfg_attr(
        feature = "schema",
        schemars(required, pattern(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))
    )]
    pub name: Option<String>,
    /// The hosts that the release claims, without ports: exact, `*.example.com` (any depth below),
    /// or `*`.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub hosts: Option<Vec<String>>,
    /// The reference version: it gets all that nothing else claims.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub principal: Option<String>,
    /// A version has a part of the traffic.
    pub canary: Option<CanaryConfig>,
    /// One version has all the traffic.
    pub blue_green: Option<BlueGreenConfig>,
    /// Who gets copies of its requests.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub mirrors: Option<Vec<MirrorConfig>>,
    /// How the choice is made to count. Absent: the header `x-halftone-version`.
    pub route: Option<RouteConfig>,
}

/// One version has all the traffic; a switch moves all of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlueGreenConfig {
    /// The version that has all traffic. Switch or roll back by changing this one word.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub active: Option<String>,
    /// Who reaches the other version before the switch.
    pub preview: Option<PreviewConfig>,
}

/// Who reaches the version that is not active.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewConfig {
    /// The version that they reach.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub version: Option<String>,
    /// Any of them.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
}

/// A version has a part of the traffic.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CanaryConfig {
    /// This version takes all traffic; rules and split rest until it is removed.
    pub take_over: Option<String>,
    /// In order; the first that matches decides.
    pub rules: Option<Vec<RuleConfig>>,
    /// What no rule claimed. Absent: the principal.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub split: Option<Vec<WeightConfig>>,
    /// The same key gets the same version. Absent: each request is drawn by itself.
    pub session: Option<SessionConfig>,
}

/// Sends what it matches to a version, or splits it. Exactly one of `version` and `split` stands
/// here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{"required": ["version"]}, {"required": ["split"]}])))]
pub struct RuleConfig {
    /// Unique in the release; part of the reason, `rule:<name>`.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub name: Option<String>,
    /// Any of them.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub r#match: Option<Vec<MatchConfig>>,
    /// Where all that it matches goes.
    pub version: Option<String>,
    /// Between which versions it is split.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub split: Option<Vec<WeightConfig>>,
}

/// A version and its weight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WeightConfig {
    /// The version.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub version: Option<String>,
    /// Relative to the sum of all weights of the split; 0 is none.
    #[cfg_attr(feature = "schema", schemars(required, range(min = 0)))]
    pub weight: Option<f64>,
}

/// How requests are told apart by user. At least one of `key` and `cookie` stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{"required": ["key"]}, {"required": ["cookie"]}])))]
pub struct SessionConfig {
    /// The first that the request carries; an empty value is not carried.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: Option<Vec<SessionKeyConfig>>,
    /// No key in the request? An id is issued in this cookie with the response.
    pub cookie: Option<SessionCookieConfig>,
}

/// Where a session's key is looked for. Exactly one field stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct SessionKeyConfig {
    /// A header.
    pub header: Option<String>,
    /// A cookie.
    pub cookie: Option<String>,
    /// A query parameter.
    pub query_param: Option<String>,
    /// A claim of the bearer token. It is read, not verified: put the filter after authentication.
    pub jwt_claim: Option<String>,
    /// The address that the request came from; `true`.
    pub source_address: Option<bool>,
}

/// The cookie that carries an id to those who bring no key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionCookieConfig {
    /// Its name. Absent: `halftone-session`.
    pub name: Option<String>,
    /// How long the client keeps it, at least `1s`. Absent: `24h`.
    pub max_age: Option<String>,
    /// The path that it is sent for. Absent: `/`.
    pub path: Option<String>,
    /// The domain that it is sent to. Absent: only the host that set it.
    pub domain: Option<String>,
    /// Sent over HTTPS alone. Absent: `true`.
    pub secure: Option<bool>,
    /// Kept from scripts. Absent: `true`.
    pub http_only: Option<bool>,
    /// Whether it is sent with requests from other sites. Absent: `Lax`.
    pub same_site: Option<SameSiteConfig>,
}

/// Whether a cookie is sent with requests from other sites.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SameSiteConfig {
    /// Never.
    Strict,
    /// With top-level navigation.
    Lax,
    /// Always; the cookie must be `secure`.
    None,
}

/// Conditions that must all hold. At least one stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub struct MatchConfig {
    /// By name; one of the values of a repeated header is enough.
    pub headers: Option<Named<StringMatchConfig>>,
    /// By name; none of the values.
    pub without_headers: Option<Named<StringMatchConfig>>,
    /// By name; one of the cookies of this name is enough.
    pub cookies: Option<Named<StringMatchConfig>>,
    /// By name, percent-decoded; one of the parameters of this name is enough.
    pub query_params: Option<Named<StringMatchConfig>>,
    /// The path without the query.
    pub path: Option<StringMatchConfig>,
    /// The method.
    pub method: Option<StringMatchConfig>,
    /// From `user-agent`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub client_os: Option<Vec<ClientOsConfig>>,
    /// Percent of the sessions (of the requests, without a session), 0 to 100.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
}

/// A client's operating system.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClientOsConfig {
    /// iPhone, iPad, iPod.
    Ios,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// Linux, but not Android.
    Linux,
}

/// One test of a value. Exactly one field stands here.
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
    /// This text stands somewhere in the value.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub contains: Option<String>,
    /// The whole value matches this regular expression; a value over 2048 bytes does not.
    pub regex: Option<String>,
    /// The value is one of these texts.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub r#in: Option<Vec<String>>,
    /// `true`: there is a value; `false`: there is none.
    pub present: Option<bool>,
    /// The value is a semantic version that meets this requirement: `>=2.3.0, <3`.
    pub semver: Option<String>,
}

/// How the choice is made to count. Exactly one field stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct RouteConfig {
    /// This header is set to the version, for a route to match.
    pub header: Option<String>,
    /// `:authority` is rewritten to the version's own service: from version to `host` or
    /// `host:port`.
    pub authority: Option<Named<String>>,
}
