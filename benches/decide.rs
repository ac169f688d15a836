//! What a decision costs: `cargo bench --bench decide`.
//!
//! The request has ten headers and is claimed by no rule, so that all five are tried, and its session
//! then decides between two versions. `releases/1000` is the same request to the last of 1,000
//! releases; the goal is that it costs no more than with one. `split/2` is the race between two
//! versions alone; `regex/evil` is a regular expression on the longest value that it is given.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use halftone::release::{Draws, Releases, Strategy, StringMatch};
use halftone::request::{Header, RequestHead};
use serde_json::{Value, json};

const REQUEST: [Header<'static>; 13] = [
    (b":authority", b"reviews-0.bookinfo.svc.cluster.local:9080"),
    (b":path", b"/reviews/7?locale=de"),
    (b":method", b"GET"),
    (
        b"user-agent",
        b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
    ),
    (
        b"accept",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"accept-language", b"de,en-US;q=0.7,en;q=0.3"),
    (b"cookie", b"theme=dark; uid=5f2c1a9e; consent=yes"),
    (b"x-user-id", b"user-0005f2c1a9e"),
    (b"x-request-id", b"346ccd7a-3048-4439-82bd-0b0843667125"),
    (b"x-forwarded-for", b"203.0.113.7"),
    (b"x-forwarded-proto", b"https"),
    (
        b"traceparent",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
];

fn release(number: usize, ids: &[String]) -> Value {
    json!({
        "name": format!("reviews-{number}"),
        "hosts": [format!("reviews-{number}"), format!("reviews-{number}.bookinfo.svc.cluster.local")],
        "principal": "v1",
        "canary": {
            "rules": [
                {"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"},
                {"name": "beta", "match": [{"cookies": {"group": {"exact": "beta"}}}], "version": "v2"},
                {"name": "api", "match": [{"path": {"regex": "/reviews/[0-9]+/(ratings|comments)"}}], "version": "v2"},
                {"name": "phones", "match": [{"clientOs": ["ios", "android"]}], "version": "v2"},
                {"name": "invited", "match": [{"headers": {"x-user-id": {"in": ids}}}], "version": "v2"},
            ],
            "split": [{"version": "v2", "weight": 10}, {"version": "v1", "weight": 90}],
            "session": {"key": [{"header": "x-user-id"}]},
        },
    })
}

/// So many releases; the one that the request is for stands last.
fn releases(count: usize) -> Releases {
    let ids: Vec<String> = (0..1000).map(|id| format!("user-{id:012}")).collect();
    let others: Vec<String> = ids.iter().take(1).cloned().collect();
    let mut all: Vec<Value> = (1..count).map(|number| release(number, &others)).collect();
    all.push(release(0, &ids));
    halftone::config::load_value(&json!({ "releases": all })).unwrap_or_else(|violations| {
        eprintln!("{violations}");
        std::process::exit(1)
    })
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("releases");
    for count in [1, 1000] {
        let releases = releases(count);
        let mut chance = Draws::new(1);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let head = RequestHead::new(black_box(&REQUEST));
                let (_, release) = releases.claiming(&head)?;
                Some(release.decide(&head, chance.next_u64()).outcome.index())
            });
        });
    }
    group.finish();
}

fn split(criterion: &mut Criterion) {
    let releases = releases(1);
    let Some(Strategy::Canary {
        split: Some(split), ..
    }) = releases.all().first().map(|release| &release.strategy)
    else {
        return;
    };
    let mut sessions = Draws::new(1);
    criterion.bench_function("split/2", |bencher| {
        bencher.iter(|| split.pick(sessions.next_u64()).drawn().index());
    });
}

fn regex(criterion: &mut Criterion) {
    let Ok(test) = StringMatch::regex("(a*)*(a|b)*(a+)+c") else {
        return;
    };
    let value = vec![b'a'; StringMatch::LONGEST_REGEX_VALUE];
    criterion.bench_function("regex/evil", |bencher| {
        bencher.iter(|| test.any(std::iter::once(black_box(&value))));
    });
}

criterion_group!(benches, decide, split, regex);
criterion_main!(benches);
