//! Updates: which releases are compiled again, and that the result is that of reading the whole text.

use std::rc::Rc;
use std::sync::Arc;

use halftone::config::{self, Known, Proxy};
use halftone::live::{Live, live};
use halftone::metrics::Metric;
use halftone::mirror::limits::Budget;
use halftone::release::Releases;
use serde_json::{Value, json};

fn release(name: &str, active: &str) -> Value {
    json!({
        "name": name, "hosts": [name, format!("*.{name}.example.com")], "principal": "v1",
        "blueGreen": {"active": active}, "mirrors": [{"name": "m", "cluster": "c"}],
    })
}

fn text(releases: &[Value]) -> String {
    json!({"accessLog": true, "releases": releases}).to_string()
}

/// Whether each release of `after` is one of `before`.
fn kept(before: &Releases, after: &Releases) -> Vec<bool> {
    let is_kept = |one| before.all().iter().any(|other| Arc::ptr_eq(one, other));
    after.all().iter().map(is_kept).collect()
}

/// A range is compared with those of releases that are not compiled again.
#[test]
fn a_range_that_overlaps_one_of_a_known_release_is_a_violation() {
    let exclusive = |name: &str, from: u32, to: u32| {
        json!({
            "name": name, "hosts": [name], "principal": "v1",
            "exclusive": {"group": "q4", "from": from, "to": to},
            "canary": {"session": {"key": [{"header": "x-user-id"}]}},
        })
    };
    let a = exclusive("a", 0, 20);
    let mut known = Known::default();
    let before = known.load(text(std::slice::from_ref(&a)).as_bytes(), Proxy::default());
    for (from, is_good) in [(20, true), (19, false)] {
        let after = text(&[a.clone(), exclusive("b", from, 50)]);
        let loaded = known.load(after.as_bytes(), Proxy::default());
        assert_eq!(loaded.is_ok(), is_good, "from {from}");
        assert_eq!(described(loaded), described(config::load(after.as_bytes())));
    }
    drop(before);
}

/// All that is known of a configuration, or its violations.
fn described(result: Result<Releases, config::Violations>) -> String {
    format!("{result:#?}")
}

#[test]
fn an_update_compiles_the_releases_that_it_changes() {
    let [a, b, c] = ["a", "b", "c"].map(|name| release(name, "v1"));
    let changed = release("b", "v2");
    let before = text(&[a.clone(), b.clone(), c.clone()]);
    let spaced = before.replace(r#""name":"b""#, r#""name": "b""#);
    let setting = before.replace("true", "false");
    let budget = before.replace(r#""accessLog":true"#, r#""mirrorBudget":"1MiB""#);
    let responses = before.replace(r#""accessLog":true"#, r#""metrics":{"responses":false}"#);
    let table = [
        ("the same text", before.clone(), vec![true; 3]),
        (
            "one changed",
            text(&[a.clone(), changed, c.clone()]),
            vec![true, false, true],
        ),
        (
            "another order",
            text(&[c.clone(), a.clone(), b.clone()]),
            vec![true; 3],
        ),
        (
            "one added",
            text(&[a.clone(), release("d", "v1"), b.clone()]),
            vec![true, false, true],
        ),
        ("one removed", text(&[a.clone(), c.clone()]), vec![true; 2]),
        ("a space", spaced, vec![true, false, true]),
        (
            "a setting that no release depends on",
            setting,
            vec![true; 3],
        ),
        ("the mirrors' budget", budget, vec![false; 3]),
        ("what is counted", responses, vec![false; 3]),
        ("nothing left", text(&[]), vec![]),
    ];
    for (what, after, expected) in table {
        let mut known = Known::default();
        let before = known.load(before.as_bytes(), Proxy::default()).unwrap();
        let after_by_parts = known.load(after.as_bytes(), Proxy::default()).unwrap();
        assert_eq!(kept(&before, &after_by_parts), expected, "{what}");
        let whole = described(config::load(after.as_bytes()));
        assert_eq!(described(Ok(after_by_parts)), whole, "{what}");
    }
}

#[test]
fn an_update_of_known_releases_is_read_as_its_whole_text() {
    let [a, b] = ["a", "b"].map(|name| release(name, "v1"));
    let good = text(&[a.clone(), b.clone()]);
    let mut of_another_name = a.clone();
    of_another_name["name"] = "c".into();
    let mut service_of_a_host = a.clone();
    service_of_a_host["name"] = "c".into();
    service_of_a_host["hosts"] = json!(["c"]);
    service_of_a_host["services"] = json!([{"name": "a", "namespace": "shop"}]);
    let table = [
        ("empty", String::new()),
        ("null", "null".into()),
        ("no JSON", "{".into()),
        ("cut", good[..good.len() - 1].into()),
        ("more behind it", good.clone() + "{}"),
        ("no releases", r#"{"accessLog":true}"#.into()),
        ("releases are null", r#"{"releases":null}"#.into()),
        ("releases are one", json!({"releases": &a}).to_string()),
        (
            "releases twice",
            format!(r#"{{"releases":[{a}],"releases":[{b}]}}"#),
        ),
        (
            "an escaped name",
            good.replace("releases", r"rele\u0061ses"),
        ),
        ("a release twice", text(&[a.clone(), b.clone(), a.clone()])),
        (
            "a host twice",
            text(&[a.clone(), b.clone(), of_another_name]),
        ),
        (
            "a host that a service claims in its namespace",
            text(&[a.clone(), b.clone(), service_of_a_host]),
        ),
        ("an unknown setting", good.replace("accessLog", "acessLog")),
        ("a wrong setting", good.replace("true", "7")),
        ("a wrong release", text(&[a.clone(), json!({"name": "b"})])),
        ("no release", text(&[a.clone(), json!(null)])),
        (
            "a number that no float is",
            text(std::slice::from_ref(&a)).replace(r#""c""#, "1e999"),
        ),
        ("a text that no JSON has", good.replace("v1", "v\n1")),
        ("brackets in a text", good.replace("v1", r#"]},{\"["#)),
    ];
    for (what, text) in table {
        let mut known = Known::default();
        let _before = known.load(good.as_bytes(), Proxy::default()).unwrap();
        let whole = described(config::load(text.as_bytes()));
        assert_eq!(
            described(known.load(text.as_bytes(), Proxy::default())),
            whole,
            "{what}"
        );
    }
}

/// What all releases share does not depend on which of them were compiled before.
#[test]
fn the_regexes_of_known_releases_count() {
    let with_regexes = |name: &str| {
        let mut release = release(name, "v1");
        let regex = |index| json!({"path": {"regex": format!("(?:a{{0,9}}){{0,9}}b{index}")}});
        let matches: Vec<Value> = (0..3_000).map(regex).collect();
        release["blueGreen"]["preview"] = json!({"version": "v2", "match": matches});
        release
    };
    let [a, b, c] = ["a", "b", "c"].map(with_regexes);
    let mut known = Known::default();
    let _before = known
        .load(text(std::slice::from_ref(&a)).as_bytes(), Proxy::default())
        .unwrap();
    let both = text(&[b, a, c]);
    let violations = known
        .load(both.as_bytes(), Proxy::default())
        .map(drop)
        .unwrap_err();
    assert_eq!(
        config::load(both.as_bytes()).map(drop),
        Err(violations.clone())
    );
    let violations: Vec<_> = violations.iter().collect();
    assert_eq!(violations.len(), 1);
    assert!(
        violations[0].message.contains("more than 32 MiB"),
        "{}",
        violations[0]
    );
}

#[test]
fn a_release_that_nothing_holds_is_forgotten() {
    let mut known = Known::default();
    let text = text(&[release("a", "v1")]);
    let before = known.load(text.as_bytes(), Proxy::default()).unwrap();
    known.forget_dropped();
    assert_eq!(
        kept(
            &before,
            &known.load(text.as_bytes(), Proxy::default()).unwrap()
        ),
        [true]
    );
    drop(before);
    known.forget_dropped();
    assert_eq!(format!("{known:?}"), format!("{:?}", Known::default()));
}

#[derive(Clone, Copy)]
struct Uncounted;

impl Metric for Uncounted {
    fn add_one(self) {}

    fn add_many(self, _count: u32) {}

    fn record(self, _value: u64) {}
}

#[test]
fn a_release_that_stays_serves_on_with_its_metrics_and_its_mirrors() {
    let (mut known, budget) = (Known::default(), Budget::default());
    let mut update = |active: &str, before: Option<&Live<Uncounted>>| {
        let text = text(&[release("a", "v1"), release("b", active)]);
        let releases = known.load(text.as_bytes(), Proxy::default()).unwrap();
        live("plugin", releases, before, &budget, |_, _| Uncounted)
    };
    let before = update("v1", None);
    let after = update("v2", Some(&before));
    let pairs = before.all().iter().zip(after.all());
    let kept: Vec<bool> = pairs
        .map(|(before, after)| Rc::ptr_eq(before, after))
        .collect();
    assert_eq!(kept, [true, false]);
    let permits: Vec<_> = (0..128)
        .map(|_| before.all()[1].mirrors[0].permit())
        .collect();
    assert!(permits.iter().all(Option::is_some));
    assert!(after.all()[1].mirrors[0].permit().is_none());
}
