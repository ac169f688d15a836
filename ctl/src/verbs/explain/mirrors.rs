//! Whom a request is mirrored to, and why not.

use halftone::mirror::{Mirror, RequestKind, Uncarriable, announced_length, is_copy};
use halftone::release::Releases;
use halftone::request::RequestHead;

use super::report::{ConditionReport, MirrorReport};
use super::walk::Walk;
use crate::shown;

/// Whether `mirror` gets a copy of the request on its `walk`.
pub fn explained(mirror: &Mirror, releases: &Releases, walk: &mut Walk<'_, '_>) -> MirrorReport {
    let head = walk.head();
    let is_copy = is_copy(head);
    let method = method(mirror, head);
    let mut holds = method.holds == Some(true) && !is_copy;
    let mut matches = Vec::new();
    if holds && !mirror.matches.is_empty() {
        (holds, matches) = walk.matches(&mirror.matches);
    }
    let percentage = (!mirror.percentage.is_all()).then(|| {
        let percentage = walk.percentage(mirror.percentage, holds);
        holds &= percentage.holds == Some(true);
        percentage
    });
    let hindered = if is_copy {
        Some("the request is itself a copy: it carries x-halftone-mirror")
    } else {
        holds.then(|| hindrance(mirror, releases, head)).flatten()
    };
    MirrorReport {
        name: mirror.name.to_string(),
        cluster: mirror.cluster.to_string(),
        selected: holds,
        method,
        matches,
        percentage,
        hindered: hindered.map(Into::into),
    }
}

fn method(mirror: &Mirror, head: &RequestHead<'_>) -> ConditionReport {
    let mut methods = mirror.methods.iter();
    ConditionReport {
        condition: format!("methods [{}]", mirror.methods.join(", ")),
        holds: Some(methods.any(|method| method.as_bytes() == head.method())),
        values: vec![shown::escaped(head.method())],
        drawn: None,
    }
}

/// Why there is no copy of a request that is selected, as far as its head tells.
fn hindrance(mirror: &Mirror, releases: &Releases, head: &RequestHead<'_>) -> Option<&'static str> {
    let kind = RequestKind::of(head);
    if kind == RequestKind::Tunnel {
        return Some("skipped: an upgrade or CONNECT cannot be copied");
    }
    if announced_length(head).is_some_and(|length| length > mirror.max_body) {
        return Some("too_large: content-length is over maxBody");
    }
    let copy = mirror.request(head, kind, |name| {
        releases.settings().is_routing_header(name)
    });
    match copy {
        Ok(_) => None,
        Err(Uncarriable::Bytes) => Some("skipped: a header's value is not UTF-8"),
        Err(Uncarriable::TooLarge) => Some("too_large: the headers are over 1,024 or a mebibyte"),
    }
}
