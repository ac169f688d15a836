//! Fuzzes configurations: the input changes a valid one. Each change is three bytes: the node, the kind of
//! the change, and its size. The rest of the input, after a zero kind, replaces bytes of the text.
//!
//! The limits of `make fuzz` on time and memory are part of the test. The sanitizer makes reading about twenty
//! times as slow, and each input is read twice.

use std::sync::LazyLock;

use halftone::config::{Known, Proxy, Violations, load};
use halftone::draw::Draw;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};
use serde_json::{Value, json};

/// A configuration with every kind of field.
const CONFIGURATION: &str = r#"{"explain": {"header": "x-explain"}, "accessLog": true, "mirrorBudget": "8MiB", "releases": [
    {"name": "canary", "hosts": ["*", "*.example.com", "reviews", "[::1]"], "principal": "v1", "canary": {
        "rules": [
            {"name": "one", "version": "v2", "match": [
                {"headers": {"x": {"regex": "(a|b)*c{1,9}"}, "y": {"semver": "^1"}}},
                {"cookies": {"c": {"contains": "needle"}}, "queryParams": {"q": {"suffix": "fix"}}},
                {"withoutHeaders": {"x": {"in": ["a", "b"]}}, "path": {"regex": "/[a-z]+/[0-9]*"},
                 "method": {"prefix": "P"}, "clientOs": ["ios", "linux"], "percentage": 50}
            ]},
            {"name": "two", "split": [{"version": "v3", "weight": 1}], "match": [{"headers": {"x": {"exact": "a"}}}]}
        ],
        "split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 2.5}],
        "session": {
            "key": [{"header": "x"}, {"cookie": "c"}, {"queryParam": "q"}, {"jwtClaim": "sub"}, {"sourceAddress": true}],
            "cookie": {"name": "s", "maxAge": "1h30m", "path": "/", "domain": "example.com", "secure": true,
                       "httpOnly": false, "sameSite": "None"}
        }
    }, "route": {"authority": {"v1": "v1.example.com:80", "v2": "v2", "v3": "v3"}}},
    {"name": "blue-green", "hosts": ["ratings"], "principal": "v1", "blueGreen": {
        "active": "v1", "preview": {"version": "v2", "match": [{"headers": {"y": {"present": true}}}]}
    }, "route": {"header": "x-version"}, "mirrors": [
        {"name": "m", "destination": {"host": "m.example.com", "port": 80, "subset": "v3"}, "percentage": 50,
         "methods": ["GET"], "match": [{"cookies": {"c": {"present": true}}}], "timeout": "1s", "maxBody": "1KiB",
         "maxInFlight": 3, "authority": "m", "headers": {"set": {"a": "b"}, "remove": ["c"]}},
        {"name": "n", "cluster": "n", "compare": {"percentage": 5, "status": true, "headers": ["etag"], "body": "json",
         "ignore": ["/items/*/id"], "maxBody": "1KiB", "samples": 3}}
    ]}
]}"#;

static VALUE: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(CONFIGURATION).unwrap());

/// The longest configuration that a control plane is expected to deliver, in bytes.
const LONGEST: usize = 1 << 20;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut value = VALUE.clone();
    let mut left = data;
    while let [node, kind, size, rest @ ..] = left {
        left = rest;
        if *kind == 0 {
            break;
        }
        change(&mut value, *node, *kind, *size);
    }
    let mut text = value.to_string().into_bytes();
    let at = text.len() / 2;
    for (byte, new) in text.iter_mut().skip(at).zip(left) {
        *byte = *new;
    }
    if text.len() > LONGEST {
        return;
    }
    let mut known = Known::default();
    let _before = known
        .load(CONFIGURATION.as_bytes(), Proxy::default())
        .unwrap();
    let (whole, by_parts) = (load(&text), known.load(&text, Proxy::default()));
    match (&whole, &by_parts) {
        (Ok(whole), Ok(by_parts)) => {
            for releases in [whole, by_parts] {
                decide(releases);
            }
            if text.len() < 10_000 {
                assert_eq!(format!("{whole:?}"), format!("{by_parts:?}"));
            }
        }
        (Err(whole), Err(by_parts)) => {
            assert_eq!(whole, by_parts);
            check(whole);
        }
        _ => panic!("the whole text and its releases differ"),
    }
}

/// Changes one node. The kinds make long lists, long texts and wrong values.
fn change(value: &mut Value, node: u8, kind: u8, size: u8) {
    let mut node = usize::from(node);
    let Some(node) = nth(value, &mut node) else {
        return;
    };
    let count = 1_usize << (size % 18);
    match (kind % 8, &mut *node) {
        (1, Value::Array(items)) => {
            let numbered = |index| items.first().map(|item| number(item.clone(), index));
            let more: Vec<Value> = (0..count.min(1 << 14)).map_while(numbered).collect();
            items.extend(more);
        }
        (1 | 2, Value::Object(members)) => {
            let Some((name, member)) = members.iter().next() else {
                return;
            };
            let (name, member) = (name.clone(), member.clone());
            for index in 0..count.min(1 << 14) {
                members.insert(format!("{name}-{index}"), member.clone());
            }
        }
        (3, Value::String(text)) => *text = text.repeat(count),
        (4, Value::String(text)) => text.push_str(&"\u{202e}\n(".repeat(count)),
        (5, Value::Object(members)) => {
            let Some((name, member)) = members.iter().next() else {
                return;
            };
            let (name, member) = (name.repeat(count), member.clone());
            members.insert(name, member);
        }
        (6, _) => {
            let nested = (0..size).fold(Value::Null, |inner, _| json!([inner]));
            *node = nested;
        }
        (_, Value::Array(items)) => {
            items.pop();
        }
        (_, Value::Object(members)) => {
            let name = members.keys().nth(usize::from(size)).cloned();
            name.map(|name| members.remove(&name));
        }
        (_, other) => {
            *other = match size % 8 {
                0 => json!(null),
                1 => json!(-1),
                2 => json!(1e308),
                3 => json!(5e-324),
                4 => json!(""),
                5 => json!("(?:a{0,9}){0,9}b"),
                6 => json!({}),
                _ => json!("v1"),
            }
        }
    }
}

/// The item, with `index` behind its name, its version or itself.
fn number(mut item: Value, index: usize) -> Value {
    match &mut item {
        Value::String(text) => text.push_str(&index.to_string()),
        Value::Object(members) => {
            for field in ["name", "version"] {
                if let Some(Value::String(name)) = members.get_mut(field) {
                    name.push_str(&index.to_string());
                }
            }
            if let Some(Value::Array(hosts)) = members.get_mut("hosts") {
                *hosts = vec![json!(format!("h{index}"))];
            }
        }
        _ => {}
    }
    item
}

/// The node at this position, parents before children.
fn nth<'v>(value: &'v mut Value, position: &mut usize) -> Option<&'v mut Value> {
    if *position == 0 {
        return Some(value);
    }
    *position -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, position)),
        Value::Object(members) => members
            .values_mut()
            .find_map(|member| nth(member, position)),
        _ => None,
    }
}

fn check(violations: &Violations) {
    let mut length = 0;
    for violation in violations.iter() {
        let line = violation.to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        length += line.len();
    }
    assert!((1..=1_000).contains(&violations.iter().len()));
    assert!(length < 300 << 10, "{length} bytes of violations");
}

fn decide(releases: &Releases) {
    let headers: [Header<'_>; 4] = [
        (b":authority", b"reviews"),
        (b"x", b"abc"),
        (b"y", b"1.2.3"),
        (b"cookie", b"c=needle"),
    ];
    let head = RequestHead::new(&headers);
    let draw = Draw { chance: 7, now: 0 };
    for release in releases.all() {
        let decision = release.decide(&head, draw, &mut ());
        assert!(release.outcomes.contains(decision.outcome));
    }
}
