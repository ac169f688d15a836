//! Fuzzes the headers of a request and of two answers. The input is lines. The first byte of a line selects the name of the
//! header and the message that it belongs to; the rest is the value.

use std::sync::LazyLock;

use halftone::draw::{Draw, Percentage};
use halftone::mirror::{
    BodyMode, Compare, Ignored, MARK, Mirror, Pointer, Redact, RequestKind, Sample, Secrets,
    announced_length, is_never_copied,
};
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};
use serde_json::Value;

/// A configuration that reads all parts of a request.
const CONFIGURATION: &str = r#"{"releases": [
    {"name": "everything", "hosts": ["*", "*.example.com", "reviews"], "principal": "v1", "canary": {
        "rules": [
            {"name": "all", "version": "v2", "match": [
                {"headers": {"x": {"regex": "(a|b)*c"}, "y": {"semver": "^1"}}},
                {"cookies": {"c": {"contains": "needle"}}},
                {"queryParams": {"q": {"suffix": "fix"}}},
                {"withoutHeaders": {"x": {"in": ["a", "b"]}}, "path": {"regex": "/[a-z]+/[0-9]*"},
                 "method": {"prefix": "P"}, "clientOs": ["ios", "android", "windows", "macos", "linux"],
                 "percentage": 50}
            ]}
        ],
        "split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 2}],
        "session": {
            "key": [{"header": "x"}, {"cookie": "c"}, {"queryParam": "q"}, {"jwtClaim": "sub"}, {"sourceAddress": true}],
            "cookie": {"name": "s"}
        }
    }},
    {"name": "blue-green", "hosts": ["ratings", "*.eu.example.com"], "principal": "v1", "blueGreen": {
        "active": "v1", "preview": {"version": "v2", "match": [{"headers": {"y": {"present": true}}}]}
    }, "mirrors": [
        {"name": "some", "cluster": "some", "percentage": 50, "methods": ["GET", "P"], "match": [{"cookies": {"c": {"present": true}}}]},
        {"name": "all", "cluster": "all", "methods": ["GET", "P"], "authority": "other",
         "headers": {"set": {"x": "1"}, "remove": ["y", "cookie"]}}
    ]}
]}"#;

static RELEASES: LazyLock<Releases> =
    LazyLock::new(|| halftone::config::load(CONFIGURATION.as_bytes()).unwrap());

const NAMES: [&[u8]; 22] = [
    b":authority",
    b":path",
    b":method",
    b":status",
    b"x",
    b"y",
    b"cookie",
    b"user-agent",
    b"authorization",
    b"set-cookie",
    b"content-type",
    b"content-encoding",
    b"grpc-status",
    b"x-compared",
    b"z",
    b"",
    b"connection",
    b"content-length",
    b"upgrade",
    b"x-envoy-retry-on",
    b"x-halftone-version",
    b"x-halftone-mirror",
];

/// Runs one input.
pub fn run(data: &[u8]) {
    // Headers and a body of the request, of production's answer, and of the mirror's.
    let mut heads: [Vec<Header<'_>>; 3] = Default::default();
    let mut bodies: [&[u8]; 3] = Default::default();
    let mut ended = [false; 3];
    for line in data.split(|byte| *byte == b'\n') {
        let Some((choice, value)) = line.split_first() else {
            continue;
        };
        let side = usize::from(choice >> 5) % 3;
        match choice & 0x1f {
            name @ 0..22 => heads[side].push((NAMES[usize::from(name)], value)),
            22 => bodies[side] = value,
            23 => ended[side] = true,
            _ => {}
        }
    }
    let [request, production, mirror] = &heads;
    decide(request, bodies[0], data.len() as u64);
    compare(
        request,
        [production, mirror],
        [bodies[1], bodies[2]],
        [ended[1], ended[2]],
        data,
    );
}

fn decide(headers: &[Header<'_>], address: &[u8], chance: u64) {
    for head in [
        RequestHead::new(headers),
        RequestHead::new(headers).with_source_address(address),
    ] {
        let release = RELEASES.claiming(&head).unwrap();
        let draw = Draw { chance, now: 0 };
        let decision = release.decide(&head, draw, &mut ());
        let again = release.decide(&head, draw, &mut ());
        assert_eq!(decision.outcome, again.outcome);
        assert!(release.outcomes.contains(decision.outcome));
        for name in ["c", "s", "q", "sub", ""] {
            let _ = head.cookies(name).count() + head.query_params(name).count();
            let _ = head.jwt_claim(name);
        }
        let _ = (decision.set_cookie(), head.client_os());
        for mirror in decision.mirrors(&head) {
            copy(mirror, &head);
        }
    }
}

fn copy(mirror: &Mirror, head: &RequestHead<'_>) {
    let kind = RequestKind::of(head);
    let _ = announced_length(head);
    let is_routing = |name: &[u8]| RELEASES.settings().is_routing_header(name);
    let Ok(request) = mirror.request(head, kind, is_routing) else {
        return;
    };
    let marks = request.headers.iter().filter(|(name, _)| *name == MARK);
    assert_eq!(marks.count(), 1);
    let carried = request.headers.iter().filter(|(name, _)| *name != MARK);
    for (name, value) in carried {
        let is_trailers = *name == "te" && *value == "trailers" && kind == RequestKind::Grpc;
        assert!(is_trailers || !is_never_copied(name), "{name}");
        assert_ne!(*name, "x-halftone-version");
    }
}

fn compare(
    request: &[Header<'_>],
    heads: [&Vec<Header<'_>>; 2],
    bodies: [&[u8]; 2],
    ended: [bool; 2],
    data: &[u8],
) {
    let mode = data.first().copied().unwrap_or(0);
    let compare = Compare {
        percentage: Percentage::new(100.0, "compare"),
        status: mode & 1 == 0,
        headers: vec![
            "x-compared".into(),
            "set-cookie".into(),
            "content-type".into(),
        ],
        body: [
            BodyMode::Auto,
            BodyMode::Json,
            BodyMode::Bytes,
            BodyMode::None,
        ][usize::from(mode >> 1) % 4],
        ignored: Ignored::new(Pointer::parse("/*/at").into_iter().collect()).unwrap(),
        max_body: 100,
        samples: 1,
        redact: Redact {
            headers: vec!["x-compared".into()],
            pointers: Pointer::parse("/*/id").into_iter().collect(),
        },
        query: true,
    };
    let read = |side: usize| {
        let mut reading = compare.read(heads[side], ended[side]);
        let mut held = 0;
        for chunk in bodies[side].chunks(usize::from(mode >> 3) + 1) {
            held += reading.growth(chunk.len());
            reading.push(chunk);
            assert!(reading.held() == held || reading.held() == 0 && !reading.wants());
            assert!(held <= 100);
        }
        reading.trailers(heads[side]);
        reading.end()
    };
    let (production, mirror) = (read(0), read(1));
    let comparison = compare.compare(Some(&production), Some(&mirror));
    let back = compare.compare(Some(&mirror), Some(&production));
    assert_eq!(
        (comparison.result, comparison.differences.len()),
        (back.result, back.differences.len())
    );

    let secrets = Secrets::of(request, [Some(&production), Some(&mirror)], &compare.redact);
    let head = RequestHead::new(request);
    let sample = Sample {
        release: "everything",
        mirror: "next",
        request_id: request
            .iter()
            .find(|header| header.0 == b"z")
            .map(|header| header.1),
        method: head.method(),
        path: head.path(),
        production_answer: Some(&production),
        mirror_answer: Some(&mirror),
        production_milliseconds: Some(1),
        mirror_milliseconds: None,
        comparison: &comparison,
        redact: &compare.redact,
        secrets: &secrets,
    };
    let line = sample.to_string();
    assert!(!line.contains('\n'));
    let line: Value = serde_json::from_str(&line).unwrap();
    let mut shown = Vec::new();
    for name in ["requestId", "method", "path", "note"] {
        shown.extend(line[name].as_str());
    }
    for difference in line["differences"].as_array().unwrap() {
        for name in ["pointer", "production", "mirror"] {
            shown.extend(difference[name].as_str());
        }
    }
    for secret in secrets_of(request)
        .into_iter()
        .chain(heads.into_iter().flat_map(|head| set_cookies(head)))
    {
        for text in &shown {
            assert!(!text.contains(&secret), "{secret} in {text}");
        }
    }
}

/// Secrets that must not be logged, found by another algorithm.
fn secrets_of(request: &[Header<'_>]) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in request {
        let Ok(value) = std::str::from_utf8(value) else {
            continue;
        };
        match *name {
            b"authorization" => {
                secrets.push(value);
                secrets.extend(value.split_once(' ').map(|parts| parts.1));
            }
            b"cookie" => {
                secrets.push(value);
                secrets.extend(
                    value
                        .split(';')
                        .filter_map(|pair| pair.split_once('='))
                        .map(|pair| pair.1),
                );
            }
            _ => {}
        }
    }
    long(secrets)
}

fn set_cookies(head: &[Header<'_>]) -> Vec<String> {
    let mut secrets = Vec::new();
    for (_, value) in head.iter().filter(|header| header.0 == b"set-cookie") {
        let Ok(value) = std::str::from_utf8(value) else {
            continue;
        };
        secrets.push(value);
        let pair = value
            .split(';')
            .next()
            .and_then(|pair| pair.split_once('='));
        secrets.extend(pair.map(|pair| pair.1));
    }
    long(secrets)
}

fn long(secrets: Vec<&str>) -> Vec<String> {
    let secrets = secrets
        .into_iter()
        .map(|secret| secret.trim_matches(|char: char| char.is_ascii_whitespace()));
    let secrets = secrets.filter(|secret| secret.len() >= 4 && !"(hidden)".contains(secret));
    secrets.map(str::to_owned).collect()
}
