//! Sessions: where a request carries its key, and the cookie for requests without a key.

use super::{names, numbers};
use crate::config::path::Path;
use crate::config::quoted::listed;
use crate::config::violation::Violations;
use crate::config::{
    DurationConfig, SameSiteConfig, SessionConfig, SessionCookieConfig, SessionKeyConfig,
};
use crate::draw::{Session, SessionCookie, SessionKey};

/// Each key that a request lacks costs a search of its headers, cookies or parameters.
const MOST_KEYS: usize = 32;

const DEFAULT_NAME: &str = "halftone-session";
const DEFAULT_MAX_AGE: &str = "24h";
const DEFAULT_PATH: &str = "/";
const DEFAULT_SECURE: bool = true;
const DEFAULT_HTTP_ONLY: bool = true;
const DEFAULT_SAME_SITE: SameSiteConfig = SameSiteConfig::Lax;
const DEFAULT_KEEP: bool = false;

/// Browsers accept a cookie with this prefix only if it is secure, has the path `/` and no domain.
const HOST_PREFIX: &str = "__Host-";

/// Browsers accept a cookie with this prefix only if it is secure.
const SECURE_PREFIX: &str = "__Secure-";

/// The session of the release named `release`.
#[inline(never)]
pub fn compile(
    session: &SessionConfig,
    release: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Session {
    let salt = session.salt.as_deref().unwrap_or(release);
    let example = "a text that several releases share, such as salt: \"shop\", or omit salt";
    names::not_empty(salt, &path.field("salt"), example, violations);
    let keys = session.key.as_deref().unwrap_or_default();
    if keys.is_empty() && session.cookie.is_none() {
        violations.add(
            path,
            "has neither key nor cookie; write one of them, such as key: [{ header: \"x-user-id\" }]",
        );
    }
    let key_path = path.field("key");
    if keys.len() > MOST_KEYS {
        let message = format!("has {} keys; write at most {MOST_KEYS}", keys.len());
        violations.add(&key_path, message);
    }
    let keys = keys
        .iter()
        .enumerate()
        .filter_map(|(index, key)| compile_key(key, &key_path.index(index), violations))
        .collect();
    let cookie = session
        .cookie
        .as_ref()
        .map(|cookie| compile_cookie(cookie, &path.field("cookie"), violations));
    Session::new(salt, keys, cookie)
}

fn compile_key(
    key: &SessionKeyConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<SessionKey> {
    let mut keys = Vec::new();
    if let Some(name) = &key.header {
        let name = names::header(name, &path.field("header"), violations);
        keys.push(("header", SessionKey::Header(name)));
    }
    if let Some(name) = &key.cookie {
        names::cookie(name, &path.field("cookie"), violations);
        keys.push(("cookie", SessionKey::Cookie(name.as_str().into())));
    }
    if let Some(name) = &key.query_param {
        let path = path.field("queryParam");
        names::not_empty(name, &path, "the name of a query parameter", violations);
        keys.push(("queryParam", SessionKey::QueryParam(name.as_str().into())));
    }
    if let Some(name) = &key.jwt_claim {
        let path = path.field("jwtClaim");
        names::not_empty(name, &path, "the name of a claim", violations);
        keys.push(("jwtClaim", SessionKey::JwtClaim(name.as_str().into())));
    }
    if let Some(wanted) = key.source_address {
        if !wanted {
            violations.add(
                &path.field("sourceAddress"),
                "expected true, got false; write sourceAddress: true, or omit it",
            );
        }
        keys.push(("sourceAddress", SessionKey::SourceAddress));
    }
    match keys.len() {
        1 => {}
        0 => violations.add(
            path,
            "empty; write one of header, cookie, queryParam, jwtClaim or sourceAddress",
        ),
        _ => {
            let given = listed(keys.iter().map(|(field, _)| *field), "and");
            let message = format!("has {given}; write one item of `key` for each of them");
            violations.add(path, message);
        }
    }
    keys.pop().map(|(_, key)| key)
}

fn compile_cookie(
    cookie: &SessionCookieConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> SessionCookie {
    let name = cookie.name.as_deref().unwrap_or(DEFAULT_NAME);
    names::cookie(name, &path.field("name"), violations);
    let max_age = max_age_seconds(
        cookie
            .max_age
            .as_ref()
            .map_or(DEFAULT_MAX_AGE, |DurationConfig(text)| text),
        &path.field("maxAge"),
        violations,
    );
    let url_path = cookie.path.as_deref().unwrap_or(DEFAULT_PATH);
    if !url_path.starts_with('/') || !url_path.bytes().all(is_attribute) {
        let expected =
            r#"a path that starts with "/" and has no spaces, control characters or ";""#;
        violations.add(&path.field("path"), names::expected_got(expected, url_path));
    }
    let mut attributes = format!("; Path={url_path}; Max-Age={max_age}");
    if let Some(domain) = &cookie.domain {
        names::cookie_domain(domain, &path.field("domain"), violations);
        attributes.push_str("; Domain=");
        attributes.push_str(domain);
    }
    let secure = cookie.secure.unwrap_or(DEFAULT_SECURE);
    if secure {
        attributes.push_str("; Secure");
    }
    if cookie.http_only.unwrap_or(DEFAULT_HTTP_ONLY) {
        attributes.push_str("; HttpOnly");
    }
    attributes.push_str(match cookie.same_site.unwrap_or(DEFAULT_SAME_SITE) {
        SameSiteConfig::Strict => "; SameSite=Strict",
        SameSiteConfig::Lax => "; SameSite=Lax",
        SameSiteConfig::None => "; SameSite=None",
    });
    if cookie.same_site == Some(SameSiteConfig::None) && !secure {
        violations.add(
            &path.field("sameSite"),
            "browsers reject a cookie with sameSite: None and secure: false; write secure: true, or another sameSite",
        );
    }
    check_prefix(name, cookie, secure, path, violations);
    SessionCookie {
        name: name.into(),
        attributes: attributes.into(),
        keep: cookie.keep.unwrap_or(DEFAULT_KEEP),
    }
}

/// Reports attributes with which browsers reject a cookie because of the prefix of its name. They
/// ignore the case of the prefix (RFC 6265bis, section 5.7).
fn check_prefix(
    name: &str,
    cookie: &SessionCookieConfig,
    secure: bool,
    path: &Path<'_>,
    violations: &mut Violations,
) {
    let begins_with = |prefix: &&str| {
        let begin = name.get(..prefix.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    let Some(prefix) = [HOST_PREFIX, SECURE_PREFIX].into_iter().find(begins_with) else {
        return;
    };
    let mut reject = |field: &str, got: &str, meant: &str| {
        let message = format!(
            "browsers reject a cookie whose name begins with \"{prefix}\" and that has {got}; {meant}, or write another name"
        );
        violations.add(&path.field(field), message);
    };
    if !secure {
        reject("secure", "secure: false", "write secure: true");
    }
    if prefix == HOST_PREFIX {
        if cookie.domain.is_some() {
            reject("domain", "a domain", "omit it");
        }
        if cookie.path.as_deref().is_some_and(|path| path != "/") {
            reject("path", "another path than \"/\"", "write path: \"/\"");
        }
    }
}

fn max_age_seconds(text: &str, path: &Path<'_>, violations: &mut Violations) -> u64 {
    let age = numbers::duration(text, path, violations);
    if age.is_some_and(|age| age.as_secs() == 0) {
        violations.add(path, numbers::beyond("at least", "1s", text, path));
    }
    age.map_or(0, |age| age.as_secs())
}

/// Whether a cookie's attribute may hold this byte (RFC 6265, section 4.1.1).
fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b';'
}
