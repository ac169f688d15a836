//! Copies of requests.

use std::hint::black_box;

use halftone::config;
use halftone::draw::Draw;
use halftone::mirror::RequestKind;
use halftone::request::RequestHead;
use halftone_lab::workload::HOST;
use serde_json::json;

use super::{Run, Scenario, request};

/// All scenarios of copies.
pub const ALL: [Scenario; 1] = [Scenario::new("mirror/request", copy)];

/// Selects the request for a mirror of all GET requests, and builds its copy.
fn copy() -> Run {
    let mirror =
        json!({"name": "shadow", "cluster": "shadow", "percentage": 100, "methods": ["GET"]});
    let release = json!({
        "name": "reviews", "hosts": [HOST], "principal": "v1", "blueGreen": {"active": "v1"}, "mirrors": [mirror],
    });
    let releases = config::load_value(&json!({"releases": [release]})).unwrap();
    let headers = request();
    let run = move || {
        let head = RequestHead::new(black_box(headers));
        let release = releases.claiming(&head)?;
        let decision = release.decide(&head, Draw { chance: 1, now: 0 }, &mut ());
        let mirror = decision.mirrors(&head).next()?;
        let is_routing = |name: &[u8]| releases.settings().is_routing_header(name);
        let copy = mirror.request(&head, RequestKind::of(&head), is_routing);
        Some(black_box(copy.ok()?).headers.len())
    };
    assert_eq!(run(), Some(request().len() + 1));
    Box::new(move || {
        black_box(run());
    })
}
