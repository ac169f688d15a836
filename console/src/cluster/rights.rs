//! Who a request comes from, and what they may see and change.
//!
//! A viewer is known by one of these, in this order:
//!
//! 1. the names that a reverse proxy sends, if `--trust-proxy-headers` is given: the console impersonates this user;
//! 2. a bearer token of the cluster, in the request;
//! 3. a cookie. The console gives it in exchange for a bearer token that the viewer pastes once. The token itself stays
//!    in the console's memory.
//!
//! With the link of `halftonectl console`, everybody is the user of the kubeconfig.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kube::config::AuthInfo;
use kube::{Config, Error};

use super::plugins::Plugins;
use super::session::Session;
use crate::access::{cookies, same, secret};
use crate::clock;
use crate::rate::Rate;
use crate::viewer::Viewer;

/// The most viewers that are remembered.
const MOST: usize = 1_000;

/// How long a cookie is good.
const SIGNED_IN: Duration = Duration::from_secs(12 * 3600);

/// How long an answer about rights is good. The cluster itself judges each change.
const LIFETIME: Duration = Duration::from_secs(30);

/// The size of the longest token, name or list of groups, in bytes.
const LONGEST: usize = 16 << 10;

/// The headers in which a reverse proxy names the viewer and the viewer's groups.
const USER: &str = "x-forwarded-user";
const GROUPS: &str = "x-forwarded-groups";

/// The name of the cookie.
pub const COOKIE: &str = "halftone-session";

/// How viewers become known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// By the link. Everybody who has it is the user of the kubeconfig.
    Link,
    /// Each viewer by a token of their own, or by the names that a reverse proxy sends.
    Token {
        /// Whether the names that a reverse proxy sends are trusted.
        trust_proxy_headers: bool,
    },
}

/// The reason for which a viewer is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The cluster does not know the viewer.
    #[error("sign in with a token of the cluster")]
    Unknown,
    /// The names of a reverse proxy cannot be used, or the console may not use them.
    #[error("{0}")]
    Forbidden(String),
    /// There were too many attempts.
    #[error("too many attempts to sign in; wait a second")]
    TooMany,
    /// The cluster does not answer.
    #[error("the cluster does not answer: {0}")]
    Unavailable(String),
}

/// Knows the viewers.
pub struct Rights {
    config: Config,
    sign_in: SignIn,
    plugins: Arc<Plugins>,
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    viewers: Vec<Known>,
    rate: Rate,
}

/// What a viewer shows.
#[derive(Clone, PartialEq, Eq)]
enum Key {
    /// The link, or an alert.
    Link,
    Cookie(String),
    Token(String),
    /// The name and the groups that a reverse proxy sends.
    Names(String, Vec<String>),
}

struct Known {
    key: Key,
    session: Arc<Session>,
    since: Instant,
    used: Instant,
}

impl Rights {
    /// The rights in the cluster of `config`, whose user is the console itself. They concern `plugins`.
    #[must_use]
    pub fn new(config: Config, sign_in: SignIn, plugins: Arc<Plugins>) -> Self {
        Self {
            config,
            sign_in,
            plugins,
            lifetime: LIFETIME,
            state: Mutex::default(),
        }
    }

    /// Sets how long an answer about rights is good. Defaults to 30 s.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether viewers sign in themselves, so that the link needs no token.
    #[must_use]
    pub fn sign_in_themselves(&self) -> bool {
        self.sign_in != SignIn::Link
    }

    /// The viewer who sends a request with these headers.
    ///
    /// # Errors
    ///
    /// The cluster does not know the viewer, or does not answer.
    pub async fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Refused> {
        let key = self.key(headers)?;
        let session = match (self.known(&key), &key) {
            (Some(session), _) => session,
            (None, Key::Cookie(_)) => return Err(Refused::Unknown),
            (None, key) => self.begin(key).await?,
        };
        let viewer = self.look(session).await;
        if matches!(viewer, Err(Refused::Unknown)) {
            self.state().viewers.retain(|known| !known.key.is(&key));
        }
        viewer
    }

    /// The console itself. Only an alert acts by its rights.
    ///
    /// # Errors
    ///
    /// As [`Rights::viewer`].
    pub async fn own(&self) -> Result<Arc<Session>, Refused> {
        match self.known(&Key::Link) {
            Some(session) => Ok(session),
            None => self.begin(&Key::Link).await,
        }
    }

    /// The same viewer with what they may see now.
    ///
    /// # Errors
    ///
    /// As [`Rights::viewer`].
    pub async fn again(&self, viewer: &Viewer) -> Result<Viewer, Refused> {
        let session = viewer.session.clone().ok_or(Refused::Unknown)?;
        self.look(session).await
    }

    async fn look(&self, session: Arc<Session>) -> Result<Viewer, Refused> {
        let places = self.plugins.places();
        let sight = session.sight(&places, self.lifetime).await?;
        Ok(Viewer {
            name: session.name().into(),
            sight,
            session: Some(session),
        })
    }

    /// Exchanges a token of the cluster for the value of a cookie.
    ///
    /// # Errors
    ///
    /// The cluster does not know the token, or does not answer.
    pub async fn sign_in(&self, token: &str) -> Result<String, Refused> {
        let token = token.trim();
        if self.sign_in == SignIn::Link || !is_token(token) {
            return Err(Refused::Unknown);
        }
        let session = self.session(&Key::Token(token.into())).await?;
        let value = secret().map_err(|error| Refused::Unavailable(error.to_string()))?;
        self.remember(Key::Cookie(value.clone()), session);
        Ok(value)
    }

    /// Forgets the cookies in `headers`.
    pub fn sign_out(&self, headers: &HeaderMap) {
        for value in cookies(headers, COOKIE) {
            let key = Key::Cookie(value.into());
            self.state().viewers.retain(|known| !known.key.is(&key));
        }
    }

    /// What the viewer of a request shows.
    fn key(&self, headers: &HeaderMap) -> Result<Key, Refused> {
        let trust = match self.sign_in {
            SignIn::Link => return Ok(Key::Link),
            SignIn::Token {
                trust_proxy_headers,
            } => trust_proxy_headers,
        };
        if trust && headers.contains_key(USER) {
            return names(headers);
        }
        if let Some(authorization) = headers.get(AUTHORIZATION) {
            let text = authorization.to_str().unwrap_or_default();
            let token = text
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim());
            let token = token.filter(|token| is_token(token));
            return token
                .map(|token| Key::Token(token.into()))
                .ok_or(Refused::Unknown);
        }
        let cookie = cookies(headers, COOKIE).next();
        cookie
            .map(|value| Key::Cookie(value.into()))
            .ok_or(Refused::Unknown)
    }

    fn known(&self, key: &Key) -> Option<Arc<Session>> {
        let mut state = self.state();
        let is_good = |known: &Known| {
            let is_cookie = matches!(known.key, Key::Cookie(_));
            !is_cookie || known.since.elapsed() < SIGNED_IN
        };
        state.viewers.retain(is_good);
        let known = state.viewers.iter_mut().find(|known| known.key.is(key))?;
        known.used = Instant::now();
        Some(Arc::clone(&known.session))
    }

    async fn begin(&self, key: &Key) -> Result<Arc<Session>, Refused> {
        let session = self.session(key).await?;
        self.remember(key.clone(), Arc::clone(&session));
        Ok(session)
    }

    async fn session(&self, key: &Key) -> Result<Arc<Session>, Refused> {
        if !self.state().rate.take(clock::now()) {
            return Err(Refused::TooMany);
        }
        let config = self.config_of(key)?;
        Ok(Arc::new(Session::begin(config).await?))
    }

    fn remember(&self, key: Key, session: Arc<Session>) {
        let now = Instant::now();
        let mut state = self.state();
        state.viewers.retain(|known| !known.key.is(&key));
        if state.viewers.len() >= MOST {
            let used = state.viewers.iter().enumerate();
            let oldest = used.min_by_key(|(_, known)| known.used);
            if let Some((oldest, _)) = oldest {
                state.viewers.swap_remove(oldest);
            }
        }
        state.viewers.push(Known {
            key,
            session,
            since: now,
            used: now,
        });
    }

    /// The way to the cluster, with the rights of the viewer who shows `key`.
    fn config_of(&self, key: &Key) -> Result<Config, Refused> {
        let mut config = self.config.clone();
        match key {
            Key::Link => {}
            Key::Cookie(_) => return Err(Refused::Unknown),
            Key::Token(token) => {
                config.auth_info = AuthInfo {
                    token: Some(token.clone().into()),
                    ..AuthInfo::default()
                };
            }
            Key::Names(user, groups) => {
                let mut add = |name: &'static str, value: &str| {
                    let wrong = |_| Refused::Forbidden(format!("{USER}: has no name"));
                    let value = HeaderValue::from_str(value).map_err(wrong)?;
                    config.headers.push((HeaderName::from_static(name), value));
                    Ok::<(), Refused>(())
                };
                add("impersonate-user", user)?;
                for group in groups {
                    add("impersonate-group", group)?;
                }
            }
        }
        Ok(config)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    /// Whether both are the same. Secrets are compared in constant time.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cookie(one), Self::Cookie(other)) | (Self::Token(one), Self::Token(other)) => {
                same(one, other)
            }
            (one, other) => one == other,
        }
    }
}

/// The viewer that a reverse proxy names. Names of the cluster's own users and groups are refused, so that a proxy that
/// passes a client's headers makes nobody an administrator.
fn names(headers: &HeaderMap) -> Result<Key, Refused> {
    let one = |name: &str| -> Result<String, Refused> {
        let mut all = headers.get_all(name).iter();
        let (first, second) = (all.next(), all.next());
        let text = first.map_or(Ok(""), |value| value.to_str());
        match (text, second) {
            (Ok(text), None) if text.len() <= LONGEST => Ok(text.trim().into()),
            _ => Err(Refused::Forbidden(format!(
                "{name}: expected one value; let the reverse proxy replace it"
            ))),
        }
    };
    let user = one(USER)?;
    let groups = one(GROUPS)?;
    let groups = groups
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let groups: Vec<String> = groups.map(Into::into).collect();
    if user.is_empty() {
        return Err(Refused::Unknown);
    }
    let is_own = |name: &&String| name.starts_with("system:");
    let own = Some(&user).filter(is_own);
    if let Some(own) = own.or_else(|| groups.iter().find(is_own)) {
        return Err(Refused::Forbidden(format!(
            "{own} is a name of the cluster itself; a reverse proxy cannot give it"
        )));
    }
    Ok(Key::Names(user, groups))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) if status.code == 401 => Self::Unknown,
            Error::Api(status) if status.code == 403 => Self::Forbidden(status.message),
            error => Self::Unavailable(super::plugins::reason(&error)),
        }
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights")
            .field("sign_in", &self.sign_in)
            .finish_non_exhaustive()
    }
}
