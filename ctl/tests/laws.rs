//! Laws for random configurations and requests: the steps of an explanation lead to the decision that is
//! made, and observed shares are close to the expected ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "laws/import.rs"]
mod import;

use clap::Parser;
use halftone::draw::{Draw, Random};
use halftonectl::Cli;
use halftonectl::cli::Verb;
use halftonectl::request::Request;
use halftonectl::verbs::explain::build::explained;
use halftonectl::verbs::explain::report::{
    GroupReport, Report, RuleReport, SplitReport, StrategyReport,
};
use halftonectl::verbs::simulate;
use proptest::prelude::*;
use serde_json::{Value, json};

const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

/// The time of all requests: a third of the way through each ramp.
const NOW: u64 = 1_000;
const AT: &str = "1970-01-01T00:00:01Z";

fn version() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&VERSIONS[..])
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"exact": "a"})),
        Just(json!({"prefix": "b"})),
        Just(json!({"present": true})),
        Just(json!({"present": false})),
        Just(json!({"in": ["a", "c"]})),
    ]
}

/// A match of one to three conditions.
fn one_match() -> impl Strategy<Value = Value> {
    let condition = prop_oneof![
        test().prop_map(|test| ("headers", json!({"x-a": test}))),
        test().prop_map(|test| ("withoutHeaders", json!({"x-b": test}))),
        test().prop_map(|test| ("cookies", json!({"c": test}))),
        test().prop_map(|test| ("queryParams", json!({"q": test}))),
        Just(("path", json!({"prefix": "/a"}))),
        Just(("method", json!({"in": ["GET", "PUT"]}))),
        Just(("clientOs", json!(["ios"]))),
        (0_u32..=100).prop_map(|percent| ("percentage", json!(percent))),
        (0_u32..=100).prop_map(|percent| ("percentage", json!(percent))),
    ];
    prop::collection::vec(condition, 1..4).prop_map(|conditions| {
        let fields = conditions.into_iter();
        Value::Object(fields.map(|(name, test)| (name.to_owned(), test)).collect())
    })
}

fn matches() -> impl Strategy<Value = Value> {
    prop::collection::vec(one_match(), 1..4).prop_map(Value::from)
}

fn split() -> impl Strategy<Value = Value> {
    prop::collection::vec(0.5..100.0, 1..4).prop_map(|weights| {
        let arms = weights.iter().zip(VERSIONS);
        arms.map(|(weight, version)| json!({"version": version, "weight": weight}))
            .collect()
    })
}

/// A ramp of a version that no split has.
fn ramp() -> impl Strategy<Value = Value> {
    let percentages = (0.0..100.0, 0.0..=100.0);
    let shape = prop::sample::select(vec!["linear", "steps"]);
    let hold = prop::option::weighted(0.2, 0_u32..=100);
    (percentages, shape, hold).prop_map(|((one, other), shape, hold)| {
        json!({
            "version": "next", "start": "1970-01-01T00:00:00Z", "shape": shape, "hold": hold,
            "points": [
                {"after": "0s", "percentage": f64::min(one, other)},
                {"after": "3s", "percentage": f64::max(one, other)},
            ],
        })
    })
}

fn session() -> impl Strategy<Value = Value> {
    let keys = vec![
        json!({"header": "x-user"}),
        json!({"cookie": "uid"}),
        json!({"queryParam": "user"}),
        json!({"jwtClaim": "sub"}),
        json!({"sourceAddress": true}),
    ];
    let keys = prop::sample::subsequence(keys, 1..4).prop_shuffle();
    (keys, any::<bool>()).prop_map(|(keys, cookie)| {
        let cookie = cookie.then(|| json!({"maxAge": "1h"}));
        json!({"key": keys, "cookie": cookie})
    })
}

fn canary() -> impl Strategy<Value = Value> {
    let target = prop_oneof![
        version().prop_map(|version| json!({"version": version})),
        split().prop_map(|split| json!({"split": split})),
    ];
    let rules = prop::collection::vec((matches(), target), 0..4).prop_map(|rules| {
        let rules = rules.into_iter().enumerate();
        let rule = |(place, (matches, mut rule)): (usize, (Value, Value))| {
            rule["name"] = format!("r{place}").into();
            rule["match"] = matches;
            rule
        };
        Value::from(rules.map(rule).collect::<Vec<_>>())
    });
    let take_over = prop::option::weighted(0.1, version());
    let split = prop::option::weighted(0.8, split());
    let session = prop::option::weighted(0.7, session());
    let ramp = prop::option::weighted(0.3, ramp());
    let range = prop::option::of((0.0..50.0, 50.0..=100.0));
    let holdout = prop::option::of(0.0..=100.0);
    let parts = (take_over, rules, split, ramp, session, range, holdout);
    parts.prop_map(|(take_over, rules, split, ramp, session, range, holdout)| {
        let range = range.filter(|_| session.is_some());
        let holdout = holdout.filter(|_| session.is_some());
        let exclusive = range.map(|(from, to)| json!({"group": "g", "from": from, "to": to}));
        let holdout =
            holdout.map(|percentage: f64| json!({"group": "g", "percentage": percentage}));
        json!({"exclusive": exclusive, "holdout": holdout, "canary": {
            "takeOver": take_over, "rules": rules, "split": split, "ramp": ramp, "session": session,
        }})
    })
}

fn blue_green() -> impl Strategy<Value = Value> {
    let preview = (version(), matches())
        .prop_map(|(version, matches)| json!({"version": version, "match": matches}));
    (version(), prop::option::of(preview))
        .prop_map(|(active, preview)| json!({"blueGreen": {"active": active, "preview": preview}}))
}

fn mirrors() -> impl Strategy<Value = Value> {
    let mirror = (0_u32..=100, prop::option::of(matches()), any::<bool>());
    prop::collection::vec(mirror, 1..4).prop_map(|mirrors| {
        let mirrors = mirrors.into_iter().enumerate();
        let mirror =
            |(place, (percentage, matches, writes)): (usize, (u32, Option<Value>, bool))| {
                let methods = writes.then(|| json!(["PUT", "GET"]));
                json!({
                    "name": format!("m{place}"), "cluster": "c",
                    "percentage": percentage, "match": matches, "methods": methods,
                })
            };
        Value::from(mirrors.map(mirror).collect::<Vec<_>>())
    })
}

fn configuration() -> impl Strategy<Value = Value> {
    let strategy = prop_oneof![4 => canary(), 1 => blue_green()];
    let hosts = prop::sample::select(vec![json!(["a"]), json!(["*"]), json!(["*.a"])]);
    (strategy, hosts, prop::option::of(mirrors())).prop_map(|(mut release, hosts, mirrors)| {
        release["name"] = "r".into();
        release["hosts"] = hosts;
        release["principal"] = "v1".into();
        release["mirrors"] = mirrors.unwrap_or_default();
        json!({"releases": [release], "explain": {"header": "x-why"}})
    })
}

/// The arguments of a request.
fn request() -> impl Strategy<Value = Vec<String>> {
    const HEADERS: [&str; 12] = [
        "x-a: a",
        "x-a: bb",
        "x-b: a",
        "x-b: c",
        "cookie: c=a; uid=7",
        "cookie: c=b",
        "x-user: 17",
        "user-agent: iPhone",
        "x-why: 1",
        "x-halftone-version: v9",
        "x-halftone-mirror: r",
        "upgrade: websocket",
    ];
    let headers = prop::sample::subsequence(&HEADERS[..], 0..6);
    let paths = ["/", "/a/b?q=a", "/b?q=%62&user=3", "/?user=4&q"];
    let method = prop::sample::select(vec!["GET", "PUT", "POST", "CONNECT"]);
    let path = prop::sample::select(paths.to_vec());
    let host = prop::sample::select(vec!["a", "a:80", "b.a", "other"]);
    let address = prop::option::of(any::<std::net::IpAddr>());
    (headers, method, path, host, address, any::<u64>()).prop_map(
        |(headers, method, path, host, address, seed)| {
            let mut args = vec!["--host", host, "--method", method, "--path", path];
            for header in headers {
                args.extend(["--header", header]);
            }
            let mut args: Vec<String> = args.into_iter().map(Into::into).collect();
            args.push(format!("--seed={seed}"));
            args.extend(address.map(|address| format!("--source-address={address}")));
            args
        },
    )
}

fn parsed(verb: &str, args: &[String]) -> Verb {
    let program = ["halftonectl", verb, "file"].map(String::from);
    Cli::try_parse_from(program.iter().chain(args))
        .unwrap()
        .verb
}

/// The reason for which the session takes no part.
fn apart(report: &Report) -> Option<&'static str> {
    let cohort = report.cohort.as_ref()?;
    let is_apart = |group: &Option<GroupReport>| group.as_ref().is_some_and(|one| !one.takes_part);
    let is_held_out = is_apart(&cohort.holdout).then_some("holdout");
    is_held_out.or(is_apart(&cohort.exclusive).then_some("excluded"))
}

/// The version and the reason that follow from the steps of `report`, as a person reads them.
fn end(report: &Report) -> (String, String) {
    let won = |split: &SplitReport| {
        let mut won = split.versions.iter().filter(|arm| arm.won);
        let winner = won.next().unwrap();
        assert!(won.next().is_none());
        assert!(split.versions.iter().all(|arm| arm.time >= winner.time));
        winner.version.clone()
    };
    let matched = |rule: &&RuleReport| rule.matched == Some(true);
    let to = |rule: &RuleReport| {
        rule.version
            .clone()
            .unwrap_or_else(|| won(rule.split.as_ref().unwrap()))
    };
    match report.strategy.as_ref().unwrap() {
        StrategyReport::BlueGreen { active, preview } => match preview.as_ref().filter(matched) {
            Some(preview) => (to(preview), "preview".into()),
            None => (active.clone(), "active".into()),
        },
        StrategyReport::Canary {
            take_over: Some(version),
            ..
        } => (version.clone(), "take-over".into()),
        StrategyReport::Canary {
            rules,
            ramp,
            split,
            principal,
            ..
        } => match (rules.iter().find(matched), split) {
            (rule, _)
                if rule.is_none_or(|rule| rule.version.is_none()) && apart(report).is_some() =>
            {
                (principal.clone(), apart(report).unwrap().into())
            }
            (Some(rule), _) => (to(rule), format!("rule:{}", rule.name)),
            (None, Some(split)) => {
                let reason = if ramp.is_some() {
                    "ramp"
                } else if report.chance.is_some() {
                    "split"
                } else {
                    "session"
                };
                (won(split), reason.into())
            }
            (None, None) => (principal.clone(), "principal".into()),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_explanation_leads_to_the_decision(config in configuration(), args in request()) {
        let releases = halftone::config::load_value(&config).unwrap();
        let Verb::Explain(args) = parsed("explain", &args) else { panic!() };
        let (request, seed) = (Request::from(&args.request), args.request.seed);
        let report = explained(&releases, &request, seed, NOW, None);
        let headers = request.headers();
        let head = request.head(&headers);

        let Some(release) = releases.claiming(&head) else {
            prop_assert_eq!((report.release, report.decision), (None, None));
            return Ok(());
        };
        let chance = Random::new(seed).next_u64();
        let decision = release.decide(&head, Draw { chance, now: NOW }, &mut ());
        let outcome = decision.outcome;
        let decided = (outcome.version().name().to_owned(), outcome.reason().to_string());
        prop_assert_eq!(end(&report), decided.clone());
        let reported = report.decision.unwrap();
        prop_assert_eq!((reported.version, reported.reason), decided);

        let selected: Vec<&str> = decision.mirrors(&head).map(|mirror| &*mirror.name).collect();
        let reported = report.mirrors.iter().filter(|mirror| mirror.selected);
        prop_assert_eq!(reported.map(|mirror| mirror.name.as_str()).collect::<Vec<_>>(), selected);

        let cookie = report.response.iter().find(|header| header.name == "set-cookie");
        prop_assert_eq!(cookie.map(|header| header.value.clone()), decision.set_cookie());
        let issued = report.session.and_then(|session| session.issued);
        let id = decision.issued().map(|id| String::from_utf8(id.text().into()).unwrap());
        prop_assert_eq!(issued, id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn observed_shares_are_close_to_expected_ones(
        config in configuration(), args in request(), sessions in prop::option::of(1_u32..3000),
    ) {
        let releases = halftone::config::load_value(&config).unwrap();
        let mut args = args;
        args.extend(["--requests=3000".into(), format!("--at={AT}")]);
        args.extend(sessions.map(|sessions| format!("--sessions={sessions}")));
        let Verb::Simulate(args) = parsed("simulate", &args) else { panic!() };
        let request = Request::from(&args.request);
        let headers = request.headers();
        let claiming = releases.claiming(&request.head(&headers));
        prop_assume!(claiming.is_some());
        let sample = simulate::sample::Sample::new(&args, &request, claiming.unwrap());
        prop_assume!(sample.is_ok());

        let report = simulate::report::Report::new(&args, &sample.unwrap());
        for shares in [&report.versions, &report.reasons] {
            let sum: f64 = shares.iter().map(|share| share.expected).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
            prop_assert_eq!(shares.iter().map(|share| share.requests).sum::<u64>(), 3000);
            for share in shares {
                // Among all shares of this test, one can exceed four standard errors. None exceeds
                // seven.
                let off = (share.observed - share.expected).abs();
                prop_assert!(off <= 1.75 * share.within + 1e-9, "{:?}", share);
            }
        }
    }
}
