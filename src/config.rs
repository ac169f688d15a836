//! The plugin configuration as users write it, and its way to what runs.
//!
//! To add a field, add it to its struct: an `Option` of `bool`, `f64`, `String`, [`DurationConfig`],
//! [`SizeConfig`], a `Vec`, [`Named`], another struct or an enum of words. `read` then reads it, the
//! JSON Schema has it, and its doc comment is the schema's description. `compile` checks its value and
//! knows its default.
//!
//! Every field is optional in the types, also one that users must write. `compile` reports what is
//! missing, so that one answer has all violations.

mod compile;
mod duration;
mod hints;
mod mirrors;
mod path;
mod quoted;
mod read;
mod size;
mod violation;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use duration::DurationConfig;
pub use mirrors::{BodyConfig, CompareConfig, DestinationConfig, HeadersConfig, MirrorConfig};
pub use size::SizeConfig;
pub use violation::{Violation, Violations};

use crate::release::Releases;

/// Values by names that users choose, in the order of the names.
pub type Named<T> = BTreeMap<String, T>;

/// Compiles the JSON text of a plugin configuration, as Istio delivers it. An empty text has no
/// releases.
///
/// ```
/// let refused = halftone::config::load(br#"{"releases": [{"name": "reviews", "hosts": ["reviews:9080"], "principal": 1,
///     "canary": {"splt": [{"version": "v2", "weight": 10}]}}]}"#);
///
/// assert_eq!(refused.map(|_| ()).map_err(|violations| violations.to_string()), Err([
///     r#"releases[0].principal: expected a string, got the number 1; write principal: "1""#,
///     "releases[0].canary.splt: unknown field; did you mean `split`? The fields here are takeOver, rules, split, session",
///     r#"releases[0].hosts[0]: "reviews:9080" has a port; omit it: "reviews""#,
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
        Ok(value) => load_value(&value),
        Err(error) => Err(read::not_json(&error)),
    }
}

/// Compiles a configuration that is parsed already, for example from YAML. `null` has no releases.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_value(value: &Value) -> Result<Releases, Violations> {
    if value.is_null() {
        return Ok(Releases::default());
    }
    let mut violations = Violations::default();
    let config: PluginConfig = read::read(value, &mut violations);
    compile::compile(&config, violations)
}

/// A plugin configuration: Istio's `pluginConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PluginConfig {
    /// The releases that this plugin decides, one per service. Default: none.
    pub releases: Option<Vec<ReleaseConfig>>,
    /// Lets a request ask for its decision. Default: no request can.
    pub explain: Option<ExplainConfig>,
    /// Writes each decision into the filter state `wasm.halftone`, for access logs. Default:
    /// `false`.
    pub access_log: Option<bool>,
    /// The memory that all copies to mirrors may use together, per worker, at most `128MiB`.
    /// Default: `16MiB`.
    pub mirror_budget: Option<SizeConfig>,
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
    /// below) or `*`.
    #[cfg_attr(feature = "schema", schemars(required, length(min = 1)))]
    pub hosts: Option<Vec<String>>,
    /// The reference version. It gets all requests that nothing else claims.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub principal: Option<String>,
    /// A canary release: versions get parts of the traffic.
    pub canary: Option<CanaryConfig>,
    /// A blue-green release: one version gets all traffic.
    pub blue_green: Option<BlueGreenConfig>,
    /// The services that get copies of the release's requests. Default: none.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub mirrors: Option<Vec<MirrorConfig>>,
    /// How requests reach the chosen version. Default: by the header `x-halftone-version`.
    pub route: Option<RouteConfig>,
}

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

/// How Halftone recognises users: by `key`, by `cookie` or by both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{"required": ["key"]}, {"required": ["cookie"]}])))]
pub struct SessionConfig {
    /// Where a request carries its user's key. The first key that a request has, and that is not empty,
    /// counts.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: Option<Vec<SessionKeyConfig>>,
    /// A request without a key gets an id in this cookie, with the response.
    pub cookie: Option<SessionCookieConfig>,
}

/// One place where a request may carry a key: exactly one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct SessionKeyConfig {
    /// The name of a header.
    pub header: Option<String>,
    /// The name of a cookie.
    pub cookie: Option<String>,
    /// The name of a query parameter.
    pub query_param: Option<String>,
    /// The name of a claim of the bearer token. Halftone reads the token and does not verify it: put the
    /// filter after authentication.
    pub jwt_claim: Option<String>,
    /// `true`: the address that the request came from.
    pub source_address: Option<bool>,
}

/// The cookie that gives an id to a user without a key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionCookieConfig {
    /// The cookie's name. Default: `halftone-session`.
    pub name: Option<String>,
    /// How long the client keeps the cookie, at least `1s`. Default: `24h`.
    pub max_age: Option<DurationConfig>,
    /// The path below which the client sends the cookie. Default: `/`.
    pub path: Option<String>,
    /// The domain to which the client sends the cookie. Default: only the host that set it.
    pub domain: Option<String>,
    /// Whether the client sends the cookie over HTTPS only. Default: `true`.
    pub secure: Option<bool>,
    /// Whether the cookie is hidden from scripts. Default: `true`.
    pub http_only: Option<bool>,
    /// Whether the client sends the cookie with requests from other sites. Default: `Lax`.
    pub same_site: Option<SameSiteConfig>,
}

/// Whether a client sends a cookie with requests from other sites.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SameSiteConfig {
    /// Never.
    Strict,
    /// With top-level navigation only.
    Lax,
    /// Always; the cookie must be `secure`.
    None,
}

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
    /// A test of the path without the query.
    pub path: Option<StringMatchConfig>,
    /// A test of the method.
    pub method: Option<StringMatchConfig>,
    /// The client's operating systems, by its `user-agent`; one of them is enough.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub client_os: Option<Vec<ClientOsConfig>>,
    /// The percentage of the sessions, 0 to 100; of the requests, if the release has no session.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percentage: Option<f64>,
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
    /// The value is a semantic version that meets this requirement, such as `>=2.3.0, <3`.
    pub semver: Option<String>,
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
