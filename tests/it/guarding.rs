//! The guard and the fallback of a release that serves, in several workers that share counters and verdicts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use halftone::draw::Draw;
use halftone::event::ResponseClass;
use halftone::live::{
    EndedResponse, Live, Overruled, Shared, due_probes, follow, forget, is_judged, judge, live,
    passed_on, resent,
};
use halftone::metrics::Metric;
use halftone::mirror::limits::Budget;
use halftone::request::{Header, RequestHead};
use serde_json::{Value, json};

thread_local! {
    /// The metrics of the proxy, by name.
    static METRICS: RefCell<BTreeMap<String, &'static Cell<u64>>> = RefCell::default();

    /// How often the value of a metric or what the workers share was read.
    static READ: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone, Copy)]
struct OfProxy(&'static Cell<u64>);

impl Metric for OfProxy {
    fn add_many(self, count: u32) {
        self.0.set(self.0.get() + u64::from(count));
    }

    fn record(self, value: u64) {
        self.0.set(value);
    }

    fn value(self) -> u64 {
        READ.set(READ.get() + 1);
        self.0.get()
    }
}

fn metric(name: &str) -> &'static Cell<u64> {
    METRICS.with_borrow_mut(|all| {
        *all.entry(name.to_owned())
            .or_insert_with(|| Box::leak(Box::default()))
    })
}

fn gauge() -> u64 {
    metric("release=.=reviews;.;version=.=v2;.;halftone_guard").get()
}

/// What the workers share.
#[derive(Default)]
struct Memory(Rc<RefCell<Entries>>);

/// Bytes by their key, with their version.
type Entries = BTreeMap<String, (Vec<u8>, u32)>;

impl Shared for Memory {
    fn read(&self, key: &str) -> (Vec<u8>, u32) {
        READ.set(READ.get() + 1);
        self.0.borrow().get(key).cloned().unwrap_or_default()
    }

    fn write(&self, key: &str, value: &[u8], version: u32) -> bool {
        let mut all = self.0.borrow_mut();
        let entry = all.entry(key.to_owned()).or_default();
        let is_free = version == 0 || entry.1 == 0 || version == entry.1;
        if is_free {
            *entry = (value.to_vec(), entry.1 + 1);
        }
        is_free
    }
}

/// Workers of one proxy with one plugin.
struct Proxy {
    shared: Memory,
    workers: Vec<Live<OfProxy>>,
    reports: RefCell<Vec<String>>,
    now: u64,
}

fn of(guard: Value, strategy: Value) -> Value {
    let mut release =
        json!({"name": "reviews", "hosts": ["reviews"], "principal": "v1", "guard": guard});
    let strategy = strategy.as_object().unwrap().clone();
    release.as_object_mut().unwrap().extend(strategy);
    json!({"releases": [release]})
}

fn canary(guard: Value) -> Value {
    of(
        guard,
        json!({"canary": {
            "rules": [{"name": "testers", "match": [{"headers": {"x-tester": {"present": true}}}], "version": "v2", "guarded": false}],
            "split": [{"version": "v2", "weight": 1}],
            "session": {"key": [{"header": "x-user"}]},
        }}),
    )
}

impl Proxy {
    fn new(config: &Value) -> Self {
        METRICS.with_borrow_mut(BTreeMap::clear);
        let mut proxy = Self {
            shared: Memory::default(),
            workers: Vec::new(),
            reports: RefCell::default(),
            now: 1_000,
        };
        proxy.workers = (0..2).map(|_| serve(config, None)).collect();
        proxy.tick();
        proxy
    }

    /// The workers of a second plugin in the proxy of `other`.
    fn beside(other: &Self, config: &Value) -> Self {
        let mut proxy = Self {
            shared: Memory(Rc::clone(&other.shared.0)),
            workers: Vec::new(),
            reports: RefCell::default(),
            now: other.now,
        };
        proxy.workers = (0..2).map(|_| serve_in("second", config, None)).collect();
        proxy.tick();
        proxy
    }

    fn update(&mut self, config: &Value) {
        for worker in &mut self.workers {
            let after = serve(config, Some(worker));
            forget(worker, &after, &self.shared);
            *worker = after;
        }
        self.tick();
    }

    /// The workers tick one after the other.
    fn tick(&mut self) {
        for worker in &self.workers {
            judge(worker, self.now, &self.shared, |report| {
                self.reports.borrow_mut().push(report);
            });
        }
        self.now += 1_000;
    }

    /// Counts responses of `version`, each of another session.
    fn responses(&self, version: &str, class: ResponseClass, count: u64) {
        for session in 0..count {
            self.response(version, class, Some(session + self.now * 1_000));
        }
    }

    fn response(&self, version: &str, class: ResponseClass, session: Option<u64>) {
        self.response_in(0, version, class, session);
    }

    fn response_in(
        &self,
        worker: usize,
        version: &str,
        class: ResponseClass,
        session: Option<u64>,
    ) {
        let live = &self.workers[worker].all()[0];
        let mut versions = live.release.versions.iter();
        let ended = EndedResponse {
            version: versions.find(|one| one.name() == version).unwrap(),
            class,
            milliseconds: 5,
            is_tunnel: false,
            is_ignored: false,
            session,
        };
        live.count_response(ended, &self.shared, || 0, || self.now);
    }

    /// The reasons of a request without headers and of a tester's, in each worker.
    fn reasons(&self) -> Vec<String> {
        let tester: [Header<'_>; 1] = [(b"x-tester", b"1")];
        let heads = [RequestHead::new(&[]), RequestHead::new(&tester)];
        let reason = |worker: &Live<OfProxy>, head: &RequestHead<'_>| {
            let live = &worker.all()[0];
            let decision = live.release.decide(head, Draw::default(), &mut ());
            let outcome = match live.overrule(decision.outcome, &self.shared, || self.now) {
                Overruled::By(outcome) => outcome,
                Overruled::No | Overruled::Try => decision.outcome,
            };
            format!("{} {}", outcome.version().name(), outcome.reason())
        };
        let all = self.workers.iter();
        all.flat_map(|worker| heads.iter().map(|head| reason(worker, head)))
            .collect()
    }

    /// v2 fails until there is a verdict.
    fn fail(&mut self) {
        for _ in 0..10 {
            self.responses("v1", ResponseClass::Status(2), 90);
            self.responses("v2", ResponseClass::Status(5), 10);
            self.tick();
            if gauge() == 1 {
                // The worker that ticked first adopts the verdict of the other one.
                return self.tick();
            }
        }
        panic!(
            "no verdict: {:?}",
            METRICS.with_borrow(|all| format!("{all:?}"))
        );
    }
}

fn serve(config: &Value, before: Option<&Live<OfProxy>>) -> Live<OfProxy> {
    serve_in("plugin", config, before)
}

fn serve_in(plugin: &str, config: &Value, before: Option<&Live<OfProxy>>) -> Live<OfProxy> {
    let releases = halftone::config::load(config.to_string().as_bytes()).unwrap();
    live(plugin, releases, before, &Budget::default(), |_, event| {
        OfProxy(metric(&event.to_string()))
    })
}

const HEALTHY: [&str; 4] = ["v2 split", "v2 rule:testers", "v2 split", "v2 rule:testers"];
const FAILING: [&str; 4] = ["v1 guard", "v2 rule:testers", "v1 guard", "v2 rule:testers"];

#[test]
fn a_verdict_is_that_of_all_workers_and_is_reported_once() {
    let mut proxy = Proxy::new(&canary(json!({})));
    assert_eq!(proxy.reasons(), HEALTHY);
    proxy.fail();
    assert_eq!(proxy.reasons(), FAILING);
    proxy.tick();
    let expected = "guard of release reviews: version v2 fails and loses its traffic to v1: \
        10 of 10 responses failed; of the principal 0 of 90 responses failed";
    assert_eq!(*proxy.reports.borrow(), [expected]);
}

#[test]
fn a_verdict_outlives_updates_that_leave_the_release_as_it_is() {
    let config = canary(json!({}));
    let mut proxy = Proxy::new(&config);
    proxy.fail();
    let mut rewritten = config.clone();
    rewritten["mirrorBudget"] = json!("1MiB");
    rewritten["releases"][0]["route"] = Value::Null;
    proxy.update(&rewritten);
    assert_eq!(proxy.reasons(), FAILING);
    assert_eq!(gauge(), 1);

    let mut changed = config.clone();
    changed["releases"][0]["guard"]["atLeast"] = json!(4);
    proxy.update(&changed);
    assert_eq!(proxy.reasons(), HEALTHY);
    assert_eq!(gauge(), 0);
    proxy.update(&config);
    assert_eq!(proxy.reasons(), HEALTHY);

    proxy.fail();
    proxy.update(&json!({"releases": []}));
    assert_eq!(gauge(), 0);
    proxy.update(&config);
    assert_eq!(proxy.reasons(), HEALTHY);
}

#[test]
fn a_worker_that_starts_later_has_the_verdict_and_one_of_another_configuration_ends_it() {
    let config = canary(json!({}));
    let mut proxy = Proxy::new(&config);
    proxy.fail();
    proxy.workers.push(serve(&config, None));
    follow(&proxy.workers[2], proxy.now, &proxy.shared);
    assert_eq!(proxy.reasons()[4..], FAILING[..2]);
    proxy.tick();
    assert_eq!(proxy.reasons()[4..], FAILING[..2]);

    proxy.workers = vec![serve(&canary(json!({"margin": 3})), None)];
    follow(&proxy.workers[0], proxy.now, &proxy.shared);
    assert_eq!(proxy.reasons(), HEALTHY[..2]);
    proxy.tick();
    proxy.tick();
    assert_eq!(proxy.reasons(), HEALTHY[..2]);
    assert_eq!(gauge(), 0);
}

#[test]
fn each_retry_takes_twice_as_long() {
    let mut proxy = Proxy::new(&canary(json!({"retry": "5s"})));
    for expected in [5, 10, 20] {
        proxy.fail();
        let mut ticks = 1;
        while gauge() == 1 {
            proxy.tick();
            ticks += 1;
        }
        assert!(
            (expected..=expected + 2).contains(&ticks),
            "{ticks} of {expected}"
        );
        assert_eq!(proxy.reasons(), HEALTHY);
    }
}

#[test]
fn the_responses_of_all_workers_are_one_evidence() {
    let mut proxy = Proxy::new(&canary(json!({})));
    for _ in 0..30 {
        proxy.response_in(0, "v2", ResponseClass::Status(5), None);
        proxy.response_in(1, "v1", ResponseClass::Status(2), None);
    }
    // Neither worker has seen both versions.
    proxy.tick();
    assert_eq!(gauge(), 1);
    proxy.tick();
    assert_eq!(proxy.reasons(), FAILING);
}

#[test]
fn a_verdict_is_no_verdict_for_the_release_of_this_name_in_another_plugin() {
    let config = canary(json!({}));
    let mut first = Proxy::new(&config);
    let mut second = Proxy::beside(&first, &config);
    first.fail();
    second.tick();
    assert_eq!(first.reasons(), FAILING);
    assert_eq!(second.reasons(), HEALTHY);

    // A few failures of v2 in the second plugin, which those of the first would complete.
    for _ in 0..3 {
        second.responses("v1", ResponseClass::Status(2), 90);
        second.responses("v2", ResponseClass::Status(2), 10);
        second.tick();
        first.tick();
    }
    assert_eq!((gauge(), second.reports.borrow().len()), (1, 0));
    assert_eq!(second.reasons(), HEALTHY);

    // Its own failures count, and the end of its verdict does not end that of the first.
    for _ in 0..3 {
        second.responses("v1", ResponseClass::Status(2), 90);
        second.responses("v2", ResponseClass::Status(5), 10);
        second.tick();
    }
    assert_eq!(second.reasons(), FAILING);
    second.workers = second
        .workers
        .iter()
        .map(|before| {
            let after = serve_in("second", &canary(json!({"margin": 3})), Some(before));
            forget(before, &after, &second.shared);
            after
        })
        .collect();
    second.tick();
    first.tick();
    assert_eq!(
        (first.reasons(), second.reasons()),
        (
            FAILING.map(Into::into).to_vec(),
            HEALTHY.map(Into::into).to_vec()
        )
    );
    assert_eq!(gauge(), 1);
}

#[test]
fn failures_that_do_not_count_are_no_responses() {
    let mut proxy = Proxy::new(&canary(json!({})));
    for _ in 0..30 {
        proxy.responses("v1", ResponseClass::Status(2), 90);
        proxy.responses("v2", ResponseClass::Status(2), 10);
        proxy.responses("v2", ResponseClass::Aborted, 10);
        for _ in 0..20 {
            proxy.response("v2", ResponseClass::Reset, Some(7));
        }
        proxy.tick();
    }
    assert_eq!(gauge(), 0);
    let failures =
        metric("release=.=reviews;.;version=.=v2;.;kind=.=reset;.;halftone_failures_total");
    let ignored = metric("release=.=reviews;.;version=.=v2;.;halftone_failures_ignored_total");
    assert_eq!((failures.get(), failures.get() + ignored.get()), (3, 600));
    assert_eq!(proxy.reasons(), HEALTHY);
}

#[test]
fn a_worker_that_saw_no_response_reads_the_gauges_alone() {
    let mut proxy = Proxy::new(&canary(json!({})));
    let read_by_tick = |proxy: &mut Proxy| {
        READ.set(0);
        proxy.tick();
        READ.get()
    };
    let versions = proxy.workers[0].all()[0].release.versions.len();
    let of_gauges = proxy.workers.len() * versions;
    assert_eq!(read_by_tick(&mut proxy), of_gauges);
    proxy.responses("v1", ResponseClass::Status(2), 1);
    let of_counts = 1;
    assert_eq!(read_by_tick(&mut proxy), of_gauges + of_counts);
    assert_eq!(read_by_tick(&mut proxy), of_gauges);
}

#[test]
fn an_outage_of_both_is_no_verdict_but_the_ceiling_is() {
    let both = |proxy: &mut Proxy| {
        for _ in 0..10 {
            proxy.responses("v1", ResponseClass::Status(5), 90);
            proxy.responses("v2", ResponseClass::Status(5), 10);
            proxy.tick();
        }
        gauge()
    };
    assert_eq!(both(&mut Proxy::new(&canary(json!({})))), 0);
    assert_eq!(both(&mut Proxy::new(&canary(json!({"ceiling": 50})))), 1);
    let blue_green = |guard: Value| {
        let config = of(guard, json!({"blueGreen": {"active": "v2"}}));
        both(&mut Proxy::new(&config))
    };
    assert_eq!(blue_green(json!({})), 1, "20 by default");
    assert_eq!(blue_green(json!({"ceiling": 100})), 0);
}

#[test]
fn a_release_without_a_guard_has_nothing_of_it() {
    let mut config = canary(json!({}));
    config["releases"][0]
        .as_object_mut()
        .unwrap()
        .remove("guard");
    let mut proxy = Proxy::new(&config);
    assert!(!is_judged(&proxy.workers[0]));
    proxy.responses("v2", ResponseClass::Status(5), 100);
    proxy.tick();
    assert_eq!(proxy.reasons(), HEALTHY);
    assert!(proxy.shared.0.borrow().is_empty());
    let names = METRICS.with_borrow(|all| all.keys().cloned().collect::<String>());
    assert!(
        !names.contains("guard") && !names.contains("failures"),
        "{names}"
    );
}

#[test]
fn a_failure_has_a_kind() {
    /// Envoy's flags of a connection refused, of no endpoint, and of a time that ran out.
    const REFUSED: u64 = 1 << 5;
    const NO_ENDPOINT: u64 = 1 << 1;
    const TIMEOUT: u64 = 1 << 2;
    let all = json!({"slowerThan": "1s"});
    let resets = json!({"failures": ["reset"]});
    let table = [
        (&all, ResponseClass::Status(5), 0, 5, Some("5xx")),
        (&all, ResponseClass::Status(5), NO_ENDPOINT, 5, Some("5xx")),
        (&all, ResponseClass::Status(5), REFUSED, 5, Some("reset")),
        (
            &all,
            ResponseClass::Status(5),
            TIMEOUT,
            5_000,
            Some("reset"),
        ),
        (&all, ResponseClass::Reset, 0, 5, Some("reset")),
        (&all, ResponseClass::GrpcError, 0, 5, Some("grpc")),
        (&all, ResponseClass::Status(2), 0, 1_000, None),
        (&all, ResponseClass::Status(2), 0, 1_001, Some("slow")),
        (&all, ResponseClass::Status(4), 0, 1_001, Some("slow")),
        (&all, ResponseClass::Aborted, 0, 5_000, None),
        (&resets, ResponseClass::Status(5), 0, 5, None),
        (&resets, ResponseClass::Status(5), TIMEOUT, 5, Some("reset")),
        (&resets, ResponseClass::GrpcError, 0, 5, None),
        (&resets, ResponseClass::Status(2), 0, 5_000, None),
    ];
    for (guard, class, flags, milliseconds, expected) in table {
        let proxy = Proxy::new(&canary(guard.clone()));
        let live = &proxy.workers[0].all()[0];
        let ended = EndedResponse {
            version: &live.release.versions[1],
            class,
            milliseconds,
            is_tunnel: false,
            is_ignored: false,
            session: None,
        };
        live.count_response(ended, &proxy.shared, || flags, || 0);
        live.count_response(
            EndedResponse {
                is_tunnel: true,
                class: ResponseClass::Status(2),
                ..ended
            },
            &proxy.shared,
            || 0,
            || 0,
        );
        let counted = METRICS.with_borrow(|all| {
            let failures = all
                .iter()
                .filter(|(name, _)| name.ends_with("halftone_failures_total"));
            let counted = failures.filter(|(_, count)| count.get() > 0);
            counted.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        });
        let expected = expected.map(|kind| {
            let version = live.release.versions[1].name();
            format!(
                "release=.=reviews;.;version=.={version};.;kind=.={kind};.;halftone_failures_total"
            )
        });
        assert_eq!(counted, Vec::from_iter(expected), "{class:?} {flags}");
    }
}

/// Envoy's flags of a response for want of an endpoint.
const NO_ENDPOINT: u64 = 1 << 1;

impl Proxy {
    fn live(&self, worker: usize) -> &halftone::live::LiveRelease<OfProxy> {
        &self.workers[worker].all()[0]
    }

    /// A response of v2 with this status, to a request that was a try.
    fn head(&self, worker: usize, status: u64, flags: u64) -> bool {
        let live = self.live(worker);
        let version = live
            .release
            .versions
            .iter()
            .find(|one| one.name() == "v2")
            .unwrap();
        let cluster = || "outbound|80|v2|reviews".to_owned();
        live.has_no_endpoint(version, true, status, &self.shared, || flags, cluster)
    }

    /// Whether a request in `worker` gets v2.
    fn reaches_v2(&self, worker: usize) -> bool {
        let live = self.live(worker);
        let decision = live
            .release
            .decide(&RequestHead::new(&[]), Draw::default(), &mut ());
        let overruled = live.overrule(decision.outcome, &self.shared, || self.now);
        match overruled {
            Overruled::By(outcome) => {
                assert_eq!(outcome.reason().to_string(), "fallback");
                false
            }
            Overruled::No | Overruled::Try => true,
        }
    }

    /// A tick of each worker, and the probes that are due.
    fn probes(&mut self) -> usize {
        self.now += 1_000;
        let due = self
            .workers
            .iter()
            .map(|one| due_probes(one, self.now, &self.shared).len());
        due.sum()
    }
}

fn unreachable() -> u64 {
    metric("release=.=reviews;.;version=.=v2;.;halftone_unreachable").get()
}

fn falling_back(fallback: Value) -> Value {
    let split = json!([{"version": "v2", "weight": 1}]);
    let mut config = of(
        json!({}),
        json!({"canary": {"split": split}, "fallback": fallback}),
    );
    config["releases"][0]
        .as_object_mut()
        .unwrap()
        .remove("guard");
    config
}

#[test]
fn without_endpoints_one_request_a_second_tries() {
    let mut proxy = Proxy::new(&falling_back(json!({})));
    assert!(!proxy.head(0, 503, 0), "the version's own 503");
    assert!(!proxy.head(0, 200, NO_ENDPOINT));
    assert!(proxy.reaches_v2(0) && proxy.reaches_v2(1));

    assert!(proxy.head(0, 503, NO_ENDPOINT));
    assert_eq!(unreachable(), 1);
    for _ in 0..3 {
        assert_eq!(proxy.probes(), 0);
        let tries: Vec<bool> = (0..10).map(|index| proxy.reaches_v2(index % 2)).collect();
        assert_eq!(
            tries.iter().filter(|reaches| **reaches).count(),
            1,
            "{tries:?}"
        );
    }
    assert!(!proxy.head(1, 500, 0), "an answer of any status");
    assert_eq!(unreachable(), 0);
    assert!(proxy.reaches_v2(0) && proxy.reaches_v2(1));
}

#[test]
fn a_version_without_endpoints_is_that_of_its_plugin() {
    for fallback in [json!({}), json!({"probe": {"path": "/"}})] {
        let config = falling_back(fallback.clone());
        let mut first = Proxy::new(&config);
        let mut second = Proxy::beside(&first, &config);
        assert!(first.head(0, 503, NO_ENDPOINT));
        assert!(!first.reaches_v2(1) && second.reaches_v2(0));
        let due = usize::from(fallback != json!({}));
        assert_eq!((first.probes(), second.probes()), (due, 0));

        // Both have none, and the second has one again: a tick later the gauge is that of the first.
        assert!(second.head(0, 503, NO_ENDPOINT));
        let may_be_a_try = second.reaches_v2(0);
        assert_eq!(may_be_a_try, due == 0);
        assert!(!second.reaches_v2(1));
        assert!(!second.head(1, 200, 0));
        assert!(second.reaches_v2(0));
        assert_eq!((unreachable(), first.probes(), unreachable()), (0, due, 1));
        assert!(second.reaches_v2(0));
        assert!(!first.head(1, 200, 0));
        assert!(first.reaches_v2(0));
        assert_eq!((first.probes(), unreachable()), (0, 0));
    }
}

#[test]
fn with_a_probe_no_request_tries() {
    let probe = json!({"probe": {"path": "/healthz", "every": "2s"}});
    let mut proxy = Proxy::new(&falling_back(probe));
    proxy.live(1).metrics();
    assert!(proxy.head(0, 500, 1 << 24));
    let due: Vec<usize> = (0..6).map(|_| proxy.probes()).collect();
    assert_eq!(due, [1, 0, 1, 0, 1, 0]);
    assert!(!proxy.reaches_v2(0) && !proxy.reaches_v2(1));

    proxy.now += 2_000;
    let due = due_probes(&proxy.workers[1], proxy.now, &proxy.shared);
    let request = due[0].request().unwrap();
    let expected = [
        (":method", "GET"),
        (":path", "/healthz"),
        (":authority", "reviews"),
        ("user-agent", "halftone-probe"),
        ("x-halftone-version", "v2"),
    ];
    assert_eq!(
        (request.cluster, &*request.headers),
        ("outbound|80|v2|reviews", &expected[..])
    );
    for status in [None, Some(&b"503"[..]), Some(b"")] {
        due[0].answered(status, &proxy.shared);
        assert_eq!(unreachable(), 1);
    }
    due[0].answered(Some(b"404"), &proxy.shared);
    assert_eq!(unreachable(), 0);
}

#[test]
fn the_cluster_of_the_principal_is_named_like_the_versions_or_is_the_only_one_seen() {
    let proxy = Proxy::new(&falling_back(json!({"resend": true})));
    let live = proxy.live(0);
    let versions = &live.release.versions;
    let version = |name: &str| &**versions.iter().find(|one| one.name() == name).unwrap();
    let seen = |cluster: &str| {
        let name = || cluster.to_owned();
        live.has_no_endpoint(version("v1"), false, 200, &proxy.shared, || 0, name)
    };
    let clusters = |failed: &str| live.clusters_of_principal(version("v2"), failed);
    let table = [
        ("outbound|80|v2|reviews", "outbound|80|v1|reviews"),
        (
            "inbound-vip|80|http/v2|reviews",
            "inbound-vip|80|http/v1|reviews",
        ),
        ("reviews-v2", "reviews-v1"),
        ("v2", "v1"),
        ("v20-v2", "v20-v1"),
    ];
    for (failed, expected) in table {
        assert_eq!(clusters(failed), [expected]);
    }
    assert_eq!(clusters("v20"), [""; 0]);
    seen("blue");
    assert_eq!(clusters("green"), ["blue"]);
    assert_eq!(clusters("v2"), ["v1", "blue"]);
    // The next tick lets it learn again.
    seen("red");
    assert_eq!(clusters("green"), ["blue"]);
    due_probes(&proxy.workers[0], 0, &proxy.shared);
    seen("red");
    assert_eq!(clusters("green"), [""; 0]);
}

#[test]
fn a_request_that_is_sent_again_is_that_for_the_principal() {
    let proxy = Proxy::new(&falling_back(json!({"resend": true})));
    let live = proxy.live(0);
    let headers: [Header<'_>; 6] = [
        (b":method", b"GET"),
        (b":path", b"/a"),
        (b":authority", b"reviews"),
        (b"x-halftone-version", b"v2"),
        (b"x-envoy-retry-on", b"5xx"),
        (b"x-user", b"7"),
    ];
    let (head, edits) = (RequestHead::new(&headers), live.edits_of_resent());
    let is_routing = |name: &[u8]| proxy.workers[0].settings().is_routing_header(name);
    let request = resent(&head, "v1", &edits, is_routing).unwrap();
    let expected = [
        (":method", "GET"),
        (":path", "/a"),
        (":authority", "reviews"),
        ("x-user", "7"),
        ("x-halftone-version", "v1"),
    ];
    assert_eq!((request.cluster, &*request.headers), ("v1", &expected[..]));

    let answer: [Header<'_>; 5] = [
        (b":status", b"200"),
        (b"content-length", b"3"),
        (b"transfer-encoding", b"chunked"),
        (b"set-cookie", b"a=b"),
        (b"\xff", b"no name"),
    ];
    assert_eq!(passed_on(&answer).collect::<Vec<_>>(), [answer[3]]);
}

#[test]
fn only_requests_that_may_be_overruled_and_have_no_tunnel_are_sent_again() {
    let resends = |config: &Value, headers: &[Header<'_>]| {
        let proxy = Proxy::new(config);
        let (live, head) = (proxy.live(0), RequestHead::new(headers));
        let decision = live.release.decide(&head, Draw::default(), &mut ());
        let edits = live.edits_of_resent();
        live.resends(decision.outcome) && resent(&head, "v1", &edits, |_| false).is_some()
    };
    let with = |resend: bool| {
        let mut config = canary(json!({}));
        config["releases"][0]["fallback"] = json!({"resend": resend});
        config
    };
    let get: Header<'_> = (b":method", b"GET");
    assert!(resends(&with(true), &[get]));
    assert!(!resends(&with(false), &[get]));
    assert!(!resends(&canary(json!({})), &[get]));
    assert!(!resends(&with(true), &[get, (b"x-tester", b"1")]));
    assert!(!resends(&with(true), &[(b":method", b"CONNECT")]));
    assert!(!resends(&with(true), &[get, (b"upgrade", b"websocket")]));
}

#[test]
fn an_update_that_changes_the_release_forgets_that_a_version_had_no_endpoint() {
    let mut proxy = Proxy::new(&falling_back(json!({})));
    proxy.head(0, 503, NO_ENDPOINT);
    proxy.update(&falling_back(json!({})));
    assert_eq!(unreachable(), 1);
    proxy.update(&falling_back(json!({"resend": true})));
    assert_eq!(unreachable(), 0);
}
