//! Releases and mirrors that serve: updates, and the mirrors that a request is captured for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use halftone::draw::Draw;
use halftone::event::ResponseClass;
use halftone::live::{Live, LiveMirror, follow_clock, live, mirrors};
use halftone::metrics::{Define, MOST_AT_ONCE, Metric};
use halftone::mirror::RequestKind;
use halftone::mirror::limits::Budget;
use halftone::request::{Header, RequestHead};
use serde_json::{Value, json};

/// A metric that counts nothing.
#[derive(Clone, Copy)]
struct Uncounted;

impl Metric for Uncounted {
    fn add_many(self, _count: u32) {}

    fn record(self, _value: u64) {}
}

/// Releases with mirrors of these names: `reviews/v3`. Each mirror has one permit.
fn update(names: &[&str], before: Option<&Live<Uncounted>>, budget: &Budget) -> Live<Uncounted> {
    let mut releases: Vec<Value> = Vec::new();
    for name in names {
        let (release, mirror) = name.split_once('/').unwrap();
        let mirror = json!({"name": mirror, "cluster": "c", "maxInFlight": 1, "maxBody": "1KiB"});
        match releases.iter_mut().find(|one| one["name"] == release) {
            Some(one) => one["mirrors"].as_array_mut().unwrap().push(mirror),
            None => releases.push(json!({
                "name": release, "hosts": [release], "principal": "v1", "mirrors": [mirror],
            })),
        }
    }
    let configuration = json!({"releases": releases, "mirrorBudget": "1KiB"});
    let compiled = halftone::config::load(configuration.to_string().as_bytes()).unwrap();
    live("plugin", compiled, before, budget, |_, _| Uncounted)
}

fn find<'l>(live: &'l Live<Uncounted>, name: &str) -> &'l LiveMirror<Uncounted> {
    let mut all = mirrors(live);
    all.find(|mirror| mirror.full_name() == name).unwrap()
}

thread_local! {
    static DEFINED: Cell<usize> = const { Cell::new(0) };
}

/// A configuration of more metrics than are defined at once must not hold the thread that reads it.
#[test]
fn the_metrics_of_very_many_releases_are_defined_when_they_are_used() {
    let define: Define<Uncounted> = |_, _| {
        DEFINED.set(DEFINED.get() + 1);
        Uncounted
    };
    let defined = || DEFINED.replace(0);
    let of = |count: usize| {
        let releases: Vec<Value> = (0..count)
            .map(|index| {
                json!({
                    "name": format!("r{index}"), "hosts": [format!("h{index}")], "principal": "v1",
                    "mirrors": [{"name": "m", "cluster": "c"}],
                })
            })
            .collect();
        let text = json!({"releases": releases}).to_string();
        let releases = halftone::config::load(text.as_bytes()).unwrap();
        live("plugin", releases, None, &Budget::default(), define)
    };
    of(1);
    let each = defined();
    let fitting = MOST_AT_ONCE / each;
    of(fitting);
    assert_eq!(defined(), fitting * each);
    let live = of(fitting + 1);
    assert_eq!(defined(), 0);
    let release = &live.all()[0];
    for _ in 0..2 {
        release.metrics().count_conflict();
    }
    let of_release = defined();
    release.mirrors[0]
        .metrics()
        .count_answer(ResponseClass::Status(2), 1);
    assert_eq!(of_release + defined(), each);
}

#[test]
fn a_mirror_that_stays_keeps_its_permits() {
    let budget = Budget::default();
    let before = update(&["reviews/v3", "reviews/v4", "ratings/v3"], None, &budget);
    let permit = find(&before, "reviews/v3").permit();
    assert!(permit.is_some());
    let after = update(
        &["ratings/v3", "ratings/v4", "reviews/v3"],
        Some(&before),
        &budget,
    );
    let is_free = |name| find(&after, name).permit().is_some();
    let table = [
        ("reviews/v3", false),
        ("ratings/v3", true),
        ("ratings/v4", true),
    ];
    for (name, free) in table {
        assert_eq!(is_free(name), free, "{name}");
    }
    drop(permit);
    assert!(is_free("reviews/v3"));
    let again = update(&["ratings/v3"], Some(&after), &budget);
    assert_eq!(mirrors(&again).count(), 1);
}

#[test]
fn the_copies_of_all_configurations_share_their_bytes() {
    let budget = Budget::default();
    let before = update(&["reviews/v3"], None, &budget);
    let after = update(&["reviews/v3"], Some(&before), &budget);
    let _held = find(&before, "reviews/v3").budget.hold(1_000).unwrap();
    assert!(find(&after, "reviews/v3").budget.hold(25).is_none());
    assert!(find(&after, "reviews/v3").budget.hold(24).is_some());
}

#[test]
fn the_release_that_claims_a_host_is_live() {
    let live = update(&["reviews/v3", "ratings/v4"], None, &Budget::default());
    let head = [(&b":authority"[..], &b"ratings:9080"[..])];
    let claiming = live.claiming(&RequestHead::new(&head)).unwrap();
    assert!(Rc::ptr_eq(claiming, &live.all()[1]));
    assert_eq!(&*claiming.release.name, "ratings");
    assert_eq!(claiming.mirrors[0].full_name(), "ratings/v4");
}

/// A metric that counts.
#[derive(Clone, Copy)]
struct Counted(&'static Cell<u64>);

impl Metric for Counted {
    fn add_many(self, count: u32) {
        self.0.set(self.0.get() + u64::from(count));
    }

    fn record(self, _value: u64) {}
}

#[test]
fn a_mirror_is_selected_or_counts_why_not() {
    let configuration = json!({"releases": [{
        "name": "reviews", "hosts": ["*"], "principal": "v1", "mirrors": [
            {"name": "small", "cluster": "a", "maxBody": "10B", "methods": ["POST"]},
            {"name": "large", "cluster": "b", "maxBody": "20B", "methods": ["POST"], "compare": {}},
            {"name": "reads", "cluster": "c", "maxBody": "20B", "compare": {"percentage": 0.0001}},
        ],
    }]});
    let compiled = halftone::config::load(configuration.to_string().as_bytes()).unwrap();
    thread_local! {
        static METRICS: RefCell<BTreeMap<String, Counted>> = RefCell::default();
    }
    let live = live("plugin", compiled, None, &Budget::default(), |_, event| {
        let metric = Counted(Box::leak(Box::default()));
        METRICS.with_borrow_mut(|metrics| metrics.insert(event.to_string(), metric));
        metric
    });
    let metrics = METRICS.take();
    let release = &live.all()[0];
    let post = (&b":method"[..], &b"POST"[..]);
    let get = (&b":method"[..], &b"GET"[..]);
    let length = |bytes: &'static [u8]| (&b"content-length"[..], bytes);
    let upgrade = (&b"upgrade"[..], &b"websocket"[..]);
    let copy = (&b"x-halftone-mirror"[..], &b"reviews"[..]);
    type Row<'r> = (
        &'r str,
        &'r [Header<'r>],
        &'r [(&'r str, bool)],
        &'r [(&'r str, &'r str)],
    );
    let table: [Row<'_>; 7] = [
        ("no mirror selects it", &[(b":method", b"PUT")], &[], &[]),
        (
            "both can have it",
            &[post, length(b"10")],
            &[("small", false), ("large", true)],
            &[],
        ),
        (
            "too large for one",
            &[post, length(b"11")],
            &[("large", true)],
            &[("small", "too_large")],
        ),
        (
            "too large for both",
            &[post, length(b"21")],
            &[],
            &[("small", "too_large"), ("large", "too_large")],
        ),
        ("an upgrade", &[get, upgrade], &[], &[("reads", "skipped")]),
        ("not compared", &[get], &[("reads", false)], &[]),
        ("a copy", &[get, copy], &[], &[]),
    ];
    for (rule, headers, expected, counted) in table {
        metrics.values().for_each(|metric| metric.0.set(0));
        let head = RequestHead::new(headers);
        let draw = Draw {
            chance: 1 << 60,
            now: 0,
        };
        let decision = release.release.decide(&head, draw, &mut ());
        let selected = release.select(&decision, &head, draw.chance);
        assert_eq!(selected.is_none(), expected.is_empty(), "{rule}");
        let mirrors = selected.iter().flat_map(|selected| &selected.mirrors);
        let mirrors = mirrors.map(|one| (&*one.mirror.mirror.name, one.compare.is_some()));
        assert_eq!(mirrors.collect::<Vec<_>>(), expected, "{rule}");
        assert!(
            selected.is_none_or(|selected| selected.kind == RequestKind::Plain),
            "{rule}"
        );
        let all = metrics.iter().filter(|(_, metric)| metric.0.get() > 0);
        let all: Vec<&String> = all.map(|(name, _)| name).collect();
        assert_eq!(all.len(), counted.len(), "{rule}: {all:?}");
        for (mirror, outcome) in counted {
            let is_counted = |name: &&&String| name.contains(mirror) && name.contains(outcome);
            assert!(all.iter().any(|name| is_counted(&name)), "{rule}: {all:?}");
        }
    }
}

/// The gauges of an Envoy: they keep their values through updates.
#[derive(Clone, Copy)]
struct Gauge(&'static Cell<u64>);

impl Metric for Gauge {
    fn add_many(self, _count: u32) {}

    fn record(self, value: u64) {
        self.0.set(value);
    }
}

thread_local! {
    static GAUGES: RefCell<BTreeMap<String, Gauge>> = RefCell::default();
}

#[test]
fn the_share_of_each_version_is_that_of_the_configuration_that_serves() {
    let define: Define<Gauge> = |_, event| {
        let new = || Gauge(Box::leak(Box::default()));
        GAUGES.with_borrow_mut(|gauges| *gauges.entry(event.to_string()).or_insert_with(new))
    };
    let shares = || {
        let shares = GAUGES.with_borrow(BTreeMap::clone).into_iter();
        let shares = shares.filter_map(|(name, gauge)| {
            let name = name.strip_suffix(";.;halftone_share_ppm")?;
            let name = name.replace("release=.=", "").replace(";.;version=.=", "/");
            Some(format!("{name} {}", gauge.0.get()))
        });
        shares.collect::<Vec<_>>().join(", ")
    };
    let load = |release: Value| {
        let mut releases = vec![json!({
            "name": "stays", "hosts": ["stays"], "principal": "v1", "blueGreen": {"active": "v2"},
        })];
        releases.push(release);
        let configuration = json!({"releases": releases}).to_string();
        halftone::config::load(configuration.as_bytes()).unwrap()
    };
    let with_canary = |canary: &Value| {
        load(json!({"name": "canary", "hosts": ["canary"], "principal": "v1", "canary": canary}))
    };
    let ramp = json!({
        "split": [{"version": "v3", "weight": 1}, {"version": "v1", "weight": 3}],
        "ramp": {
            "version": "v2", "start": "1970-01-01T00:00:00Z",
            "points": [{"after": "1s", "percentage": 0}, {"after": "2s", "percentage": 100}],
        },
    });
    let taken = json!({"takeOver": "v2", "split": ramp["split"], "ramp": ramp["ramp"]});
    let budget = Budget::default();

    let first = live("plugin", with_canary(&ramp), None, &budget, define);
    for (now, expected) in [
        (1_000, "canary/v1 750000, canary/v2 0, canary/v3 250000"),
        (
            1_200,
            "canary/v1 600000, canary/v2 200000, canary/v3 200000",
        ),
        (2_000, "canary/v1 0, canary/v2 1000000, canary/v3 0"),
    ] {
        follow_clock(&first, now);
        let expected = format!("{expected}, stays/v1 0, stays/v2 1000000");
        assert_eq!(shares(), expected, "at {now}");
    }
    let split = json!({"split": [{"version": "v3", "weight": 1}, {"version": "v1", "weight": 3}]});
    let second = live("plugin", with_canary(&split), Some(&first), &budget, define);
    follow_clock(&second, 2_000);
    let expected = "canary/v1 750000, canary/v2 0, canary/v3 250000, stays/v1 0, stays/v2 1000000";
    assert_eq!(shares(), expected, "a version is removed");
    let third = live(
        "plugin",
        with_canary(&taken),
        Some(&second),
        &budget,
        define,
    );
    follow_clock(&third, 2_000);
    let expected = "canary/v1 0, canary/v2 1000000, canary/v3 0, stays/v1 0, stays/v2 1000000";
    assert_eq!(shares(), expected, "a version takes over");
    let other = json!({"name": "other", "hosts": ["other"], "principal": "v1", "canary": {}});
    live("plugin", load(other), Some(&third), &budget, define);
    let expected =
        "canary/v1 0, canary/v2 0, canary/v3 0, other/v1 1000000, stays/v1 0, stays/v2 1000000";
    assert_eq!(shares(), expected, "a release is removed");
}
