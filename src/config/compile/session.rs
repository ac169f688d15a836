//! Sessions: where the key is looked for, and the cookie of those who bring none.

use super::{names, numbers};
use crate::config::violation::{Path, Violations};
use crate::config::{SameSiteConfig, SessionConfig, SessionCookieConfig, SessionKeyConfig};
use crate::draw::{Session, SessionCookie, SessionKey};

const DEFAULT_NAME: &str = "halftone-session";
const DEFAULT_MAX_AGE: &str = "24h";
const DEFAULT_PATH: &str = "/";
const DEFAULT_SECURE: bool = true;
const DEFAULT_HTTP_ONLY: bool = true;
const DEFAULT_SAME_SITE: SameSiteConfig = SameSiteConfig::Lax;

/// The session of the release named `release`.
pub fn compile(
    session: &SessionConfig,
    release: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Session {
    let keys = session.key.as_deref().unwrap_or_default();
    if keys.is_empty() && session.cookie.is_none() {
        violations.add(
            path,
            "has neither key nor cookie",
            "say where a request carries its session",
        );
    }
    let key_path = path.field("key");
    let keys = keys
        .iter()
        .enumerate()
        .filter_map(|(index, key)| compile_key(key, &key_path.index(index), violations))
        .collect();
    let cookie = session
        .cookie
        .as_ref()
        .map(|cookie| compile_cookie(cookie, &path.field("cookie"), violations));
    Session::new(release, keys, cookie)
}

fn compile_key(
    key: &SessionKeyConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<SessionKey> {
    const KINDS: &str = "header, cookie, queryParam, jwtClaim or sourceAddress";
    let mut keys = Vec::new();
    keys.extend(
        key.header
            .iter()
            .map(|name| SessionKey::Header(names::header(name, &path.field("header"), violations))),
    );
    if let Some(name) = &key.cookie {
        names::cookie(name, &path.field("cookie"), violations);
        keys.push(SessionKey::Cookie(name.as_str().into()));
    }
    if let Some(name) = &key.query_param {
        names::not_empty(
            name,
            &path.field("queryParam"),
            "name the parameter",
            violations,
        );
        keys.push(SessionKey::QueryParam(name.as_str().into()));
    }
    if let Some(name) = &key.jwt_claim {
        names::not_empty(name, &path.field("jwtClaim"), "name the claim", violations);
        keys.push(SessionKey::JwtClaim(name.as_str().into()));
    }
    if let Some(wanted) = key.source_address {
        if !wanted {
            violations.add(
                &path.field("sourceAddress"),
                "is false",
                "give true, or leave it away",
            );
        }
        keys.push(SessionKey::SourceAddress);
    }
    match keys.len() {
        1 => {}
        0 => violations.add(path, "is empty", format!("give one of {KINDS}")),
        count => violations.add(
            path,
            format!("has {count} keys"),
            format!("give exactly one of {KINDS}, and a list item for each key"),
        ),
    }
    keys.pop()
}

fn compile_cookie(
    cookie: &SessionCookieConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> SessionCookie {
    let name = cookie.name.as_deref().unwrap_or(DEFAULT_NAME);
    names::cookie(name, &path.field("name"), violations);
    let max_age = max_age_seconds(
        cookie.max_age.as_deref().unwrap_or(DEFAULT_MAX_AGE),
        &path.field("maxAge"),
        violations,
    );
    let url_path = cookie.path.as_deref().unwrap_or(DEFAULT_PATH);
    if !url_path.starts_with('/') || !url_path.bytes().all(is_attribute) {
        let wrong = format!("`{}` is not a path", names::shown(url_path));
        violations.add(
            &path.field("path"),
            wrong,
            "begin with / and use visible characters without ;",
        );
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
            "is None without secure",
            "browsers drop such a cookie; set secure: true",
        );
    }
    SessionCookie {
        name: name.into(),
        attributes: attributes.into(),
    }
}

fn max_age_seconds(text: &str, path: &Path<'_>, violations: &mut Violations) -> u64 {
    let age = numbers::duration(text, path, violations);
    if age.is_some_and(|age| age.as_secs() == 0) {
        violations.add(
            path,
            format!("`{text}` is under a second"),
            "give 1s or more",
        );
    }
    age.map_or(0, |age| age.as_secs())
}

/// What a cookie's attribute may hold (RFC 6265, section 4.1.1).
fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b';'
}
