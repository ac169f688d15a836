//! Which metrics a configuration has, and which one each event reaches.

use std::cell::Cell;
use std::collections::BTreeMap;

use halftone::config;
use halftone::draw::Draw;
use halftone::event::ResponseClass;
use halftone::metrics::{Kind, Metric, MirrorMetrics, ReleaseMetrics, number};
use halftone::mirror::{ComparisonResult, MirrorOutcome};
use halftone::request::RequestHead;

const CONFIGURATION: &str = r#"{"releases": [{
    "name": "reviews", "hosts": ["reviews"], "principal": "v1",
    "canary": {"split": [{"version": "v2", "weight": 1}]},
    "mirrors": [
        {"name": "v3", "cluster": "v3", "compare": {}},
        {"name": "v4", "cluster": "v4"}
    ]
}]}"#;

#[derive(Clone, Copy)]
struct Counted(&'static Cell<u64>);

impl Metric for Counted {
    fn add_many(self, count: u32) {
        self.0.set(self.0.get() + u64::from(count));
    }

    fn record(self, value: u64) {
        self.0.set(self.0.get() + value);
    }
}

#[derive(Default)]
struct Defined(BTreeMap<String, (Kind, Counted)>);

impl Defined {
    fn metrics(&mut self) -> (ReleaseMetrics<Counted>, Vec<MirrorMetrics<Counted>>) {
        let releases = config::load(CONFIGURATION.as_bytes()).unwrap();
        let release = &releases.all()[0];
        let mut define = |kind, event: &halftone::event::Event<'_>| {
            let metric = Counted(Box::leak(Box::default()));
            let before = self.0.insert(event.to_string(), (kind, metric));
            assert!(before.is_none(), "{event} is defined twice");
            metric
        };
        let metrics = ReleaseMetrics::define(release, &mut define);
        let mirrors = release.mirrors.iter();
        let mirrors = mirrors.map(|mirror| MirrorMetrics::define("reviews", mirror, &mut define));
        (metrics, mirrors.collect())
    }

    /// The metrics that are not 0.
    fn counted(&self) -> Vec<(&str, u64)> {
        let all = self.0.iter();
        all.map(|(name, (_, metric))| (name.as_str(), metric.0.get()))
            .filter(|(_, value)| *value > 0)
            .collect()
    }
}

#[test]
fn each_outcome_version_and_mirror_has_its_metrics() {
    let mut defined = Defined::default();
    defined.metrics();
    let count = |ending: &str| {
        defined
            .0
            .keys()
            .filter(|name| name.ends_with(ending))
            .count()
    };
    let table = [
        ("halftone_requests_total", 3),
        ("halftone_responses_total", 2 * ResponseClass::ALL.len()),
        ("halftone_request_duration_milliseconds", 2),
        ("halftone_share_ppm", 2),
        ("halftone_conflicts_total", 1),
        ("halftone_budget_exceeded_total", 1),
        (
            "halftone_mirror_responses_total",
            2 * ResponseClass::OF_COMPLETE.len(),
        ),
        ("halftone_mirrors_total", 2 * MirrorOutcome::ALL.len()),
        ("halftone_mirror_duration_milliseconds", 2),
        (
            "mirror=.=v3;.;result=.=same;.;halftone_comparisons_total",
            1,
        ),
        ("halftone_comparisons_total", ComparisonResult::ALL.len()),
    ];
    let releases = config::load(CONFIGURATION.as_bytes()).unwrap();
    assert_eq!(number(&releases.all()[0]), defined.0.len());
    for (ending, expected) in table {
        assert_eq!(count(ending), expected, "{ending}");
    }
    for (name, (kind, _)) in &defined.0 {
        let is_time = name.ends_with("_milliseconds");
        assert_eq!(*kind == Kind::Histogram, is_time, "{name}");
        let is_share = name.ends_with("_ppm");
        assert_eq!(*kind == Kind::Gauge, is_share, "{name}");
    }
}

#[test]
fn each_event_reaches_the_metric_of_its_name() {
    let mut defined = Defined::default();
    let (release, mirrors) = defined.metrics();
    let releases = config::load(CONFIGURATION.as_bytes()).unwrap();
    let head = RequestHead::new(&[]);
    let decision = releases.all()[0].decide(&head, Draw::default(), &mut ());
    release.count_request(decision.outcome);
    release.count_response(decision.outcome.version(), ResponseClass::Status(4), 7);
    release.count_conflict();
    mirrors[0].count(MirrorOutcome::TooMany);
    mirrors[0].count_comparison(ComparisonResult::Headers);
    mirrors[1].count_answer(ResponseClass::Status(5), 9);
    release.count_unread(3);
    release.count_unread(0);
    release.set_shares(&[0.0, 0.25]);
    mirrors[1].count_comparison(ComparisonResult::Body);
    let expected = [
        ("release=.=reviews;.;halftone_budget_exceeded_total", 3),
        ("release=.=reviews;.;halftone_conflicts_total", 1),
        (
            "release=.=reviews;.;mirror=.=v3;.;outcome=.=too_many;.;halftone_mirrors_total",
            1,
        ),
        (
            "release=.=reviews;.;mirror=.=v3;.;result=.=headers;.;halftone_comparisons_total",
            1,
        ),
        (
            "release=.=reviews;.;mirror=.=v4;.;class=.=5xx;.;halftone_mirror_responses_total",
            1,
        ),
        (
            "release=.=reviews;.;mirror=.=v4;.;halftone_mirror_duration_milliseconds",
            9,
        ),
        (
            "release=.=reviews;.;version=.=v2;.;class=.=4xx;.;halftone_responses_total",
            1,
        ),
        (
            "release=.=reviews;.;version=.=v2;.;halftone_request_duration_milliseconds",
            7,
        ),
        (
            "release=.=reviews;.;version=.=v2;.;halftone_share_ppm",
            250_000,
        ),
        (
            "release=.=reviews;.;version=.=v2;.;reason=.=split;.;halftone_requests_total",
            1,
        ),
    ];
    assert_eq!(defined.counted(), expected);
}

#[test]
fn responses_are_counted_unless_the_configuration_says_that_the_mesh_counts_them() {
    for (metrics, guard, are_counted) in [
        ("null", "null", true),
        ("{}", "null", true),
        (r#"{"responses": true}"#, "null", true),
        (r#"{"responses": false}"#, "null", false),
        // The guard judges by them.
        (r#"{"responses": false}"#, "{}", true),
    ] {
        let fields = format!(r#"{{"metrics": {metrics}, "releases": [{{"guard": {guard},"#);
        let text = CONFIGURATION.replacen(r#"{"releases": [{"#, &fields, 1);
        let releases = config::load(text.as_bytes()).unwrap();
        let mut names = Vec::new();
        ReleaseMetrics::define(&releases.all()[0], &mut |_, event| {
            names.push(event.to_string());
            Counted(Box::leak(Box::default()))
        });
        let has = |ending: &str| names.iter().any(|name| name.ends_with(ending));
        for ending in [
            "halftone_responses_total",
            "halftone_request_duration_milliseconds",
        ] {
            assert_eq!(has(ending), are_counted, "{metrics} {guard} {ending}");
        }
        assert!(has("halftone_requests_total"), "{metrics} {guard}");
    }
}
