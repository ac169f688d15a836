//! What the core decides for a case's request.

use halftone::draw::Draw;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};

use crate::judge::Observed;
use crate::request::Request;

/// Decides `request` by `releases`. `chance` is the random number that decides where no session does.
#[must_use]
pub fn decide(releases: &Releases, request: &Request, chance: u64) -> Observed {
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
    let Some(release) = releases.claiming(&head) else {
        return Observed::default();
    };
    let outcome = release
        .decide(&head, Draw { chance, now: 0 }, &mut ())
        .outcome;
    Observed {
        release: Some(release.name.to_string()),
        version: Some(outcome.version().name().into()),
        reason: Some(outcome.reason().to_string()),
    }
}
