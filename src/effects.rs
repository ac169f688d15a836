//! What happens to a request because of the releases of a configuration, as a value.
//!
//! The filter performs it, `halftonectl explain` prints it, and case files assert it.

use std::sync::Arc;

use crate::draw::Draw;
use crate::release::{Decision, Outcome, Release, Settings, Trace};
use crate::request::RequestHead;

/// The response header that tells a client the decision that it asked for.
pub const DECISION: &str = "x-halftone-decision";

/// The value of a `cache-control` header that keeps a session cookie from other clients (RFC 9111,
/// section 5.2.2.4): a shared cache may store the response, and not reuse the cookie.
pub const NOT_FOR_OTHERS: &str = "no-cache=\"set-cookie\"";

/// Whether a shared cache may give the cookies of a response to other clients. `cache_control` is the
/// value of the response's `cache-control`: all its values, joined by commas.
///
/// A `private` or a `no-cache` that names other fields does not protect the cookies.
#[must_use]
pub fn shares_cookies(cache_control: Option<&[u8]>) -> bool {
    let cache_control = cache_control.unwrap_or_default().to_ascii_lowercase();
    let mut directives = cache_control.split(|byte| *byte == b',');
    let is_protected = directives.any(|directive| {
        matches!(
            directive.trim_ascii(),
            b"private" | b"no-store" | b"no-cache"
        )
    });
    !is_protected && memchr::memmem::find(&cache_control, b"set-cookie").is_none()
}

/// What happens to one request and its response.
#[derive(Clone, Debug)]
pub struct Effects<'r, 'h> {
    /// The decision. None: no release claims the host, or an earlier plugin has decided.
    pub decision: Option<Decision<'r>>,
    /// Whether a release claims the host of a request that an earlier plugin has decided. That
    /// plugin's decision stays.
    pub is_conflict: bool,
    /// The request header that carries the decision to the routes.
    pub set: Option<SetHeader<'r>>,
    /// The request headers to remove: routing headers that the client sent. Each name appears once.
    pub removed: Vec<&'h str>,
    /// The entry for the access log.
    pub access_log: Option<&'r str>,
    /// The value of a `set-cookie` header that the response brings to the client.
    pub set_cookie: Option<String>,
    /// The value of another `set-cookie` header, which keeps the invitation that the request brought.
    pub set_invitation: Option<String>,
    /// The value of the response header [`DECISION`], for a client that asks.
    pub explanation: Option<String>,
}

/// A request header that has one value from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetHeader<'r> {
    /// The name, in lower case; `:authority` if the release routes by authority.
    pub name: &'r str,
    /// The value.
    pub value: &'r str,
    /// Whether the request has this value already, and no other under this name. Setting it again
    /// would only make Envoy choose the route again.
    pub is_present: bool,
}

/// The effects on a request with `head`, whose host `claiming` claims.
///
/// `earlier` gives the header by which an earlier plugin of the same proxy routes the request, if one
/// has decided it. It is called at most once, and only if the answer matters. `draw` decides where no
/// session does. `trace` hears how the decision comes about.
pub fn effects<'r, 'h>(
    settings: &'r Settings,
    claiming: Option<&'r Release>,
    head: &RequestHead<'h>,
    earlier: impl FnOnce() -> Option<Vec<u8>>,
    draw: Draw,
    trace: &mut impl Trace<'r>,
) -> Effects<'r, 'h> {
    effects_overruled(settings, claiming, head, earlier, draw, trace, |_| None)
}

/// Like [`effects`], with the outcome that `overrule` gives for the decision, if it gives one.
pub fn effects_overruled<'r, 'h>(
    settings: &'r Settings,
    claiming: Option<&'r Release>,
    head: &RequestHead<'h>,
    earlier: impl FnOnce() -> Option<Vec<u8>>,
    draw: Draw,
    trace: &mut impl Trace<'r>,
    overrule: impl FnOnce(&Decision<'r>) -> Option<&'r Arc<Outcome>>,
) -> Effects<'r, 'h> {
    let mut removed = forged(settings, head);
    let is_asked = claiming.is_some() || !removed.is_empty();
    let routed_by = is_asked.then(earlier).flatten();
    let claiming = match (&routed_by, claiming) {
        (None, Some(release)) => release,
        (_, claiming) => {
            removed.retain(|name| Some(name.as_bytes()) != routed_by.as_deref());
            return Effects {
                is_conflict: claiming.is_some(),
                removed,
                ..Effects::none()
            };
        }
    };

    let decision = claiming.decide(head, draw, trace);
    let decision = match overrule(&decision) {
        Some(outcome) => decision.with_outcome(outcome),
        None => decision,
    };
    let outcome = decision.outcome;
    let version = outcome.version();
    let name = claiming.route.header();
    removed.retain(|removed| *removed != name);
    let value = version.authority().unwrap_or(version.name());
    Effects {
        is_conflict: false,
        set: Some(SetHeader {
            name,
            value,
            is_present: has_only(head, name, value),
        }),
        removed,
        access_log: settings.access_log.then(|| outcome.log_entry()),
        set_cookie: decision.set_cookie(),
        set_invitation: decision.set_invitation().map(Into::into),
        explanation: asks(settings, head).then(|| outcome.explanation()),
        decision: Some(decision),
    }
}

impl Effects<'_, '_> {
    fn none() -> Self {
        Self {
            decision: None,
            is_conflict: false,
            set: None,
            removed: Vec::new(),
            access_log: None,
            set_cookie: None,
            set_invitation: None,
            explanation: None,
        }
    }
}

/// The routing headers that the client sent. A name that is not UTF-8 is none.
fn forged<'h>(settings: &Settings, head: &RequestHead<'h>) -> Vec<&'h str> {
    let mut names: Vec<&str> = Vec::new();
    if !settings.can_route_by(head.name_lengths()) {
        return names;
    }
    for (name, _) in head.all_headers() {
        if settings.is_routing_header(name)
            && let Ok(name) = std::str::from_utf8(name)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// Whether the request has the header `name` once, with this value.
fn has_only(head: &RequestHead<'_>, name: &str, value: &str) -> bool {
    let mut sent = head.headers(name);
    sent.next() == Some(value.as_bytes()) && sent.next().is_none()
}

/// Whether the client asks for the decision.
fn asks(settings: &Settings, head: &RequestHead<'_>) -> bool {
    let header = settings.explain.as_deref();
    header.is_some_and(|header| head.headers(header).next().is_some())
}
