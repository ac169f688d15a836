//! The decision of the core for the request of a case.

use halftone::draw::Draw;
use halftone::effects::effects;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};

use crate::judge::Observed;
use crate::request::Request;

/// Decides `request` by `releases`. `draw` decides where no session does.
#[must_use]
pub fn decide(releases: &Releases, request: &Request, draw: Draw) -> Observed {
    let headers: Vec<(String, &str)> = request.headers().collect();
    let pseudo = [
        (":authority", &request.host),
        (":method", &request.method),
        (":path", &request.path),
    ];
    let pseudo = pseudo
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let headers: Vec<Header<'_>> = pseudo.chain(headers).collect();

    let address = request
        .source_address
        .map(|address| address.to_canonical().to_string());
    let mut head = RequestHead::new(&headers);
    if let Some(address) = &address {
        head = head.with_source_address(address.as_bytes());
    }
    let claiming = releases.claiming(&head).map(|release| &**release);
    let no_earlier_plugin = || None;
    let effects = effects(
        releases.settings(),
        claiming,
        &head,
        no_earlier_plugin,
        draw,
        &mut (),
    );
    let decision = effects.decision.as_ref();
    let set = effects.set.iter();
    let removed = effects.removed.iter();
    let set_cookie = effects.set_cookie.as_deref();
    Observed {
        release: decision.map(|one| one.release.name.to_string()),
        version: decision.map(|one| one.outcome.version().name().into()),
        reason: decision.map(|one| one.outcome.reason().to_string()),
        set: set.map(|set| (set.name.into(), set.value.into())).collect(),
        removed: removed.map(|name| (*name).into()).collect(),
        cookie: set_cookie.and_then(Observed::cookie_name),
    }
}
