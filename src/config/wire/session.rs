//! The wire types of sessions.

use serde::Deserialize;

use super::DurationConfig;

/// How Halftone recognises users: by `key`, by `cookie` or by both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{"required": ["key"]}, {"required": ["cookie"]}])))]
pub struct SessionConfig {
    /// Sessions of all releases with one salt draw the same numbers: the users in 10 % of one release are among
    /// those in 25 % of another, if the versions have the same names. Default: the release's name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub salt: Option<String>,
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
    /// Whether the cookie is tried before `key`, so that a user keeps the version at login. Default:
    /// `false`.
    pub keep: Option<bool>,
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
