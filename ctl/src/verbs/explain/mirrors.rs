//! The mirrors that get a copy of a request, and the reason for which others do not.

use halftone::mirror::{Mirror, RequestKind, Uncarriable, announced_length, is_copy};
use halftone::release::{Copies, Settings};
use halftone::request::RequestHead;

use super::report::{ConditionReport, MirrorReport};
use super::trace::{Recorder, drawn};
use crate::terminal::escaped;

/// Whether `mirror` gets a copy of the request with `head`, and the number that it asked for.
/// `copies` is none if the request is a copy itself.
pub fn explained(
    mirror: &Mirror,
    settings: &Settings,
    head: &RequestHead<'_>,
    copies: Option<&mut Copies<'_, '_, '_>>,
) -> (MirrorReport, Option<u64>) {
    // Only an invitation depends on the time, and no mirror asks for one.
    let mut recorder = Recorder::new(head, 0);
    let selected = copies.is_some_and(|copies| copies.are_for(mirror, &mut recorder));
    let number = recorder.number();
    let (matches, percentage) = recorder.into_mirror();
    let not_drawn = || drawn(mirror.percentage, None);
    let hindered = if is_copy(head) {
        Some("the request is itself a copy: it has the header x-halftone-mirror")
    } else {
        selected
            .then(|| hindrance(mirror, settings, head))
            .flatten()
    };
    let report = MirrorReport {
        name: mirror.name.to_string(),
        cluster: mirror.cluster.to_string(),
        selected,
        method: method(mirror, head),
        matches,
        percentage: percentage.or_else(|| (!mirror.percentage.is_all()).then(not_drawn)),
        hindered: hindered.map(Into::into),
    };
    (report, number)
}

fn method(mirror: &Mirror, head: &RequestHead<'_>) -> ConditionReport {
    let mut methods = mirror.methods.iter();
    ConditionReport {
        condition: format!("methods [{}]", mirror.methods.join(", ")),
        holds: Some(methods.any(|method| method.as_bytes() == head.method())),
        values: vec![escaped(head.method())],
        drawn: None,
    }
}

/// The reason for which a request that is selected is not copied. The body can bring others, and is
/// not known here.
fn hindrance(mirror: &Mirror, settings: &Settings, head: &RequestHead<'_>) -> Option<&'static str> {
    let kind = RequestKind::of(head);
    if kind == RequestKind::Tunnel {
        return Some("skipped: an upgrade or CONNECT cannot be copied");
    }
    if announced_length(head).is_some_and(|length| length > mirror.max_body) {
        return Some("too_large: content-length is larger than maxBody");
    }
    let copy = mirror.request(head, kind, |name| settings.is_routing_header(name));
    match copy {
        Ok(_) => None,
        Err(Uncarriable::Bytes) => Some("skipped: the value of a header is not UTF-8"),
        Err(Uncarriable::TooLarge) => {
            Some("too_large: more than 1,024 headers, or more than 1 MiB of headers")
        }
    }
}
