//! A request and its response through a host that records what is done.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use halftone::live::{Live, Shared, live};
use halftone::metrics::Metric;
use halftone::mirror::limits::Budget;
use halftone::mirror::{MirrorOutcome, MirrorRequest};
use halftone::request::{Header, HeaderPairs};
use halftone::serving::{Buffer, Dispatch, Host, Map, Reading, Stream};
use serde_json::{Value, json};

type Pairs = Vec<(String, String)>;

/// What the host has, and what was done to it.
#[derive(Default)]
struct State {
    maps: BTreeMap<u8, Pairs>,
    answer_body: String,
    flags: u64,
    cluster: String,
    clusters: Vec<&'static str>,
    calls: Vec<(String, Pairs)>,
    done: Vec<String>,
}

/// One of the queues that are in use.
#[derive(Debug)]
struct Queue;

impl Drop for Queue {
    fn drop(&mut self) {
        QUEUES.set(QUEUES.get() - 1);
    }
}

thread_local! {
    static QUEUES: Cell<usize> = const { Cell::new(0) };
    static STATE: RefCell<State> = RefCell::default();
    static GAUGE: Cell<u64> = const { Cell::new(0) };
}

fn with<T>(change: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(change)
}

/// A metric. All that keep a value are one: the tests have one gauge that is set.
#[derive(Clone, Copy, Debug)]
struct Only(bool);

impl Metric for Only {
    fn add_many(self, _count: u32) {}

    fn record(self, value: u64) {
        if self.0 {
            GAUGE.set(value);
        }
    }

    fn value(self) -> u64 {
        if self.0 { GAUGE.get() } else { 0 }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Recording;

impl Shared for Recording {
    fn read(&self, _key: &str) -> (Vec<u8>, u32) {
        (Vec::new(), 0)
    }

    fn write(&self, _key: &str, _value: &[u8], _version: u32) -> bool {
        true
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

fn pairs(headers: &[(&str, &str)]) -> Pairs {
    let owned = headers
        .iter()
        .map(|(name, value)| (text(name), text(value)));
    owned.collect()
}

impl Host for Recording {
    type Metric = Only;
    type Queue = Queue;

    fn headers(map: Map) -> HeaderPairs {
        with(|state| {
            let pairs = state.maps.entry(map as u8).or_default();
            let headers: Vec<Header<'_>> = pairs
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect();
            HeaderPairs::of(&headers)
        })
    }

    fn header(map: Map, name: &str) -> Option<Vec<u8>> {
        Self::headers(map).get(name).map(<[u8]>::to_vec)
    }

    fn set_header(map: Map, name: &str, value: impl AsRef<[u8]>) {
        Self::remove_header(map, name);
        Self::add_header(map, name, value);
    }

    fn add_header(map: Map, name: &str, value: impl AsRef<[u8]>) {
        let pair = (name.to_owned(), text(value));
        with(|state| state.maps.entry(map as u8).or_default().push(pair));
    }

    fn remove_header(map: Map, name: &str) {
        with(|state| {
            state
                .maps
                .entry(map as u8)
                .or_default()
                .retain(|pair| pair.0 != name)
        });
    }

    fn buffer(of: Buffer, _most: usize) -> Vec<u8> {
        assert!(matches!(of, Buffer::AnswerBody));
        with(|state| state.answer_body.clone().into_bytes())
    }

    fn set_response_body(size: usize, body: &[u8]) {
        with(|state| {
            state
                .done
                .push(format!("body of {size} bytes: {}", text(body)))
        });
    }

    fn resume_response() {
        with(|state| state.done.push("resumed".to_owned()));
    }

    fn respond(status: &[u8], headers: &[Header<'_>], body: &[u8]) {
        let names: Vec<String> = headers.iter().map(|header| text(header.0)).collect();
        let line = format!("responded {} {names:?} {}", text(status), text(body));
        with(|state| state.done.push(line));
    }

    fn call(request: MirrorRequest<'_>, _body: &[u8]) -> Result<u32, MirrorOutcome> {
        with(|state| {
            if !state.clusters.contains(&request.cluster) {
                return Err(MirrorOutcome::NoCluster);
            }
            state
                .calls
                .push((request.cluster.to_owned(), pairs(&request.headers)));
            Ok(7)
        })
    }

    fn register_queue() -> Option<Queue> {
        QUEUES.set(QUEUES.get() + 1);
        Some(Queue)
    }

    fn put(_queue: &Queue) {}

    fn take(_queue: &Queue) {}

    fn filter_state(_key: &str) -> Option<Vec<u8>> {
        None
    }

    fn set_filter_state(_key: &str, _value: &str) {}

    fn claim_filter_state(_key: &str, _value: &str) -> bool {
        true
    }

    fn is_first_reader() -> bool {
        true
    }

    fn with_reading<R>(with: impl FnOnce(&mut Reading) -> R) -> R {
        with(&mut Reading::default())
    }

    fn is_alone() -> bool {
        true
    }

    fn source_address() -> Option<Vec<u8>> {
        None
    }

    fn response_status() -> u64 {
        0
    }

    fn response_details() -> Vec<u8> {
        Vec::new()
    }

    fn response_flags() -> u64 {
        with(|state| state.flags)
    }

    fn cluster() -> String {
        with(|state| state.cluster.clone())
    }

    fn instant() -> Instant {
        Instant::now()
    }

    fn uptime() -> u64 {
        0
    }

    fn now() -> u64 {
        0
    }

    fn random() -> u64 {
        7
    }

    fn debug(_text: fmt::Arguments<'_>) {}

    fn warn(_text: fmt::Arguments<'_>) {}
}

/// A stream whose request for v2 has passed, and whose response for want of an endpoint passes.
fn stream(
    fallback: Value,
    method: &str,
    request_ends: bool,
    response_ends: bool,
) -> (Stream<Recording>, bool) {
    GAUGE.set(0);
    with(|state| {
        *state = State {
            flags: 1 << 1,
            cluster: "reviews-v2".to_owned(),
            clusters: vec!["reviews-v1"],
            answer_body: "from v1".to_owned(),
            ..State::default()
        };
        let request = [
            (":method", method),
            (":path", "/"),
            (":authority", "reviews"),
            ("x-explain", "1"),
        ];
        let response = [
            (":status", "503"),
            ("content-type", "text/plain"),
            ("content-length", "19"),
        ];
        let answer = [
            (":status", "200"),
            ("content-type", "text/html"),
            ("content-length", "7"),
        ];
        for (map, headers) in [
            (Map::RequestHeaders, &request[..]),
            (Map::ResponseHeaders, &response),
            (Map::AnswerHeaders, &answer),
        ] {
            state.maps.insert(map as u8, pairs(headers));
        }
    });
    let config = json!({
        "explain": {"header": "x-explain"},
        "releases": [{
            "name": "reviews", "hosts": ["reviews"], "principal": "v1", "fallback": fallback,
            "canary": {"split": [{"version": "v2", "weight": 1}], "session": {"cookie": {}}},
        }],
    });
    let releases = halftone::config::load(config.to_string().as_bytes()).unwrap();
    let serving: Live<Only> = live("plugin", releases, None, &Budget::default(), |_, event| {
        Only(
            event
                .to_string()
                .ends_with("version=.=v2;.;halftone_unreachable"),
        )
    });
    let mut stream = Stream::new(Rc::new(Dispatch::new(Rc::new(serving))), 1);
    stream.request_headers(request_ends);
    let waits = stream.response_headers(response_ends);
    (stream, waits)
}

fn response() -> Pairs {
    with(|state| state.maps[&(Map::ResponseHeaders as u8)].clone())
}

fn done() -> Vec<String> {
    with(|state| std::mem::take(&mut state.done))
}

#[test]
fn the_answer_takes_the_place_of_a_response_with_a_body() {
    let (mut stream, waits) = stream(json!({"resend": true}), "GET", true, false);
    assert!(waits);
    assert_eq!(GAUGE.get(), 1);
    let calls = with(|state| state.calls.clone());
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].0, "reviews-v1");
    assert!(
        calls[0]
            .1
            .contains(&("x-halftone-version".to_owned(), "v1".to_owned()))
    );

    stream.answered(6, 3, 7);
    assert_eq!(done(), [""; 0], "the answer to another call");
    stream.answered(7, 3, 7);
    assert_eq!(done(), ["resumed"]);
    let names: Vec<String> = response().into_iter().map(|pair| pair.0).collect();
    let expected = [
        ":status",
        "content-type",
        "set-cookie",
        "cache-control",
        "x-halftone-decision",
    ];
    assert_eq!(names, expected);
    assert_eq!(response()[0].1, "200");
    assert_eq!(
        response()[4].1,
        "release=reviews version=v1 reason=fallback"
    );
    stream.response_body(10, false);
    stream.response_body(9, true);
    assert_eq!(done(), ["body of 10 bytes: from v1", "body of 9 bytes: "]);
    stream.ended();
}

#[test]
fn a_response_without_a_body_is_replaced_by_another() {
    let (mut stream, waits) = stream(json!({"resend": true}), "HEAD", true, true);
    assert!(waits);
    stream.answered(7, 3, 0);
    let said = done();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("responded 200 [\"content-type\", \"set-cookie\""),
        "{said:?}"
    );
    stream.ended();
}

#[test]
fn without_an_answer_the_response_goes_on() {
    let (mut stream, waits) = stream(json!({"resend": true}), "GET", true, false);
    assert!(waits);
    stream.answered(7, 0, 0);
    assert_eq!(done(), ["resumed"]);
    assert_eq!(response()[0].1, "503");
    stream.response_body(19, true);
    assert_eq!(done(), [""; 0]);
    stream.ended();
}

#[test]
fn a_response_waits_only_for_a_request_that_may_be_sent_again() {
    let resend = || json!({"resend": true});
    let table = [
        ("a body", resend(), "POST", false),
        ("no resend", json!({}), "GET", true),
        ("a tunnel", resend(), "CONNECT", true),
    ];
    for (what, fallback, method, ends) in table {
        let (_, waits) = stream(fallback, method, ends, false);
        assert!(!waits, "{what}");
        assert_eq!(with(|state| state.calls.len()), 0, "{what}");
        assert_eq!(GAUGE.get(), 1, "{what}");
    }
}

#[test]
fn the_queue_of_a_root_is_free_when_its_last_stream_is_gone() {
    for (mirrors, expected) in [
        (json!([{"name": "m", "cluster": "c"}]), 1),
        (json!(null), 0),
    ] {
        let mut release =
            json!({"name": "reviews", "hosts": ["reviews"], "principal": "v1", "canary": {}});
        if mirrors.is_array() {
            release["mirrors"] = mirrors;
        }
        let config = json!({"releases": [release]});
        let releases = halftone::config::load(config.to_string().as_bytes()).unwrap();
        let serving: Live<Only> = live("plugin", releases, None, &Budget::default(), |_, _| {
            Only(false)
        });
        let root = Rc::new(Dispatch::<Recording>::new(Rc::new(serving)));
        let stream = Stream::new(Rc::clone(&root), 1);
        drop(root);
        assert_eq!(QUEUES.get(), expected);
        drop(stream);
        assert_eq!(QUEUES.get(), 0);
    }
}
