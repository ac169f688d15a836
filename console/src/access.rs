//! Which requests are answered.
//!
//! The printed link has a token. The first request with it gets a cookie, and the token disappears from the address bar.
//! A page of another origin has no cookie (`SameSite=Strict`) and cannot read the CSRF token. A name that resolves to this
//! machine (DNS rebinding) is rejected, because only IP addresses and `localhost` are hosts of the console.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::alerts;
use crate::app::App;
use crate::cluster::Refused;
use crate::viewer::Viewer;

/// The header that carries the CSRF token.
pub const CSRF: &str = "x-halftone-csrf";

/// The path at which a token of a cluster is exchanged for a cookie.
pub const SIGN_IN: &str = "/api/sign-in";

/// The bytes of a secret.
const SECRET: usize = 32;

/// Replaces the page that the link names, so that the token is not in the history of the browser. It is a page and not a
/// redirect, because a browser that came from another site would not send the cookie with a redirect.
const ENTERED: &str = "<!doctype html><meta charset=\"utf-8\"><title>Halftone</title>\
     <meta http-equiv=\"refresh\" content=\"0;url=/\"><a href=\"/\">Halftone</a>";

const UNKNOWN: &str = "Open the link that `halftonectl console` printed. It has a token, and this request has none.\n";

/// The headers of every answer. The policy allows only the page's own files. Scripts set the widths of bars through the
/// DOM, which it does not concern.
static HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The secrets of a running console.
#[derive(Debug)]
pub struct Access {
    token: String,
    session: String,
    csrf: String,
    cookie: String,
    view_only: bool,
    hosts: Vec<String>,
}

impl Access {
    /// New secrets. `port` is part of the name of the cookie, because cookies do not know ports.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn new(port: u16, view_only: bool) -> std::io::Result<Self> {
        Ok(Self {
            token: secret()?,
            session: secret()?,
            csrf: secret()?,
            cookie: format!("halftone-console-{port}"),
            view_only,
            hosts: Vec::new(),
        })
    }

    /// Adds names by which people reach the console.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// The token of the link.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The CSRF token of the page.
    #[must_use]
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether nobody may change anything.
    #[must_use]
    pub fn view_only(&self) -> bool {
        self.view_only
    }

    /// The cookie that takes the place of the token.
    fn set_cookie(&self) -> String {
        format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie, self.session
        )
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        cookies(headers, &self.cookie).any(|value| same(value, &self.session))
    }

    fn has_token(&self, query: Option<&str>) -> bool {
        query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .filter_map(|pair| pair.strip_prefix("token="))
            .any(|token| same(token, &self.token))
    }

    /// Why a request is refused. `signs_in`: it has no token yet, because the page has asked for nothing yet.
    fn refusal(
        &self,
        method: &Method,
        headers: &HeaderMap,
        signs_in: bool,
    ) -> Option<&'static str> {
        if !(method == Method::GET || method == Method::HEAD || method == Method::POST) {
            return Some("this method is not used here\n");
        }
        if method != Method::POST {
            return None;
        }
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        // Another site can send the header only if the console allows it, and it allows none.
        let sent = headers.get(CSRF).and_then(|value| value.to_str().ok());
        if !sent.is_some_and(|sent| signs_in || same(sent, &self.csrf)) {
            return Some("the request does not come from the console's page\n");
        }
        let host = text(&header::HOST).unwrap_or_default();
        let origin = text(&header::ORIGIN);
        let is_own = |origin: &str| {
            let name = origin.split_once("://").map_or("", |(_, name)| name);
            name == host
        };
        if origin.is_some_and(|origin| !is_own(origin)) {
            return Some("the request comes from another site\n");
        }
        None
    }
}

/// Answers only requests that may be answered, and adds the headers that every answer has.
pub async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = answer(&app, request, next).await;
    let headers = response.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name, value.clone());
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn answer(app: &App, mut request: Request, next: Next) -> Response {
    let access = app.access();
    // A secret of its own protects it, and Alertmanager knows neither the page's host nor its cookie.
    if request.uri().path() == alerts::PATH && request.method() == Method::POST {
        return next.run(request).await;
    }
    if !is_own_host(request.headers(), &access.hosts) {
        let wrong = "the host must be an IP address, localhost, or a name given with --host\n";
        return (StatusCode::FORBIDDEN, wrong).into_response();
    }
    let rights = app.rights();
    let own_sign_in = rights.is_some_and(|rights| rights.sign_in_themselves());
    let uri = request.uri();
    let path = uri.path();
    if !own_sign_in && path == "/" && access.has_token(uri.query()) {
        let cookie = [(header::SET_COOKIE, access.set_cookie())];
        return (cookie, Html(ENTERED)).into_response();
    }
    if !own_sign_in && !access.has_cookie(request.headers()) {
        return (StatusCode::UNAUTHORIZED, UNKNOWN).into_response();
    }
    let signs_in = own_sign_in && path == SIGN_IN;
    if let Some(wrong) = access.refusal(request.method(), request.headers(), signs_in) {
        return (StatusCode::FORBIDDEN, wrong).into_response();
    }
    // The files of the page are no secret, and ask a viewer to sign in.
    if signs_in || (own_sign_in && !path.starts_with("/api/")) {
        return next.run(request).await;
    }
    let viewer = match rights {
        Some(rights) => rights.viewer(request.headers()).await,
        None => Ok(Viewer::with_link()),
    };
    match viewer {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Err(refused) => refusal(&refused),
    }
}

/// The answer to somebody who is not let in.
pub fn refusal(refused: &Refused) -> Response {
    let status = match refused {
        Refused::Unknown => StatusCode::UNAUTHORIZED,
        Refused::Forbidden(_) => StatusCode::FORBIDDEN,
        Refused::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Refused::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({"error": refused.to_string(), "signIn": *refused == Refused::Unknown});
    (status, Json(body)).into_response()
}

/// Whether the request names the console by an address, by `localhost`, or by a name in `names`.
fn is_own_host(headers: &HeaderMap, names: &[String]) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if !(port.is_empty() || port.starts_with(':')) {
        return false;
    }
    let mut names = names.iter();
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || names.any(|own| own.eq_ignore_ascii_case(name))
}

/// The values of the cookies `name`.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(cookie, _)| *cookie == name)
        .map(|(_, value)| value)
}

/// Whether two secrets are the same. It takes the same time wherever they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A new secret.
pub(crate) fn secret() -> std::io::Result<String> {
    let mut bytes = [0; SECRET];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
