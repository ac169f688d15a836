//! Laws of `import` and `export`, for random VirtualServices, HTTPRoutes and requests: the imported release and the
//! routes that obey it send requests where the routes of before sent them.

use std::collections::BTreeMap;

use clap::Parser;
use halftone::release::Releases;
use halftone_lab::istio::{Asked, HttpRoutes, Mesh, Role, Workload};
use halftonectl::Cli;
use halftonectl::request::Request;
use halftonectl::verbs::explain::build::explained;
use halftonectl::verbs::explain::report::{Report, StrategyReport};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

#[path = "../support/virtual_services.rs"]
mod virtual_services;

#[path = "../support/http_routes.rs"]
mod http_routes;

use virtual_services::{NAMESPACE, request, resources};

/// Runs a verb on `text`, and returns the report with the resources.
fn run(verb: &[&str], text: &str) -> Value {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let args = [&["halftonectl"], verb, &[path, "--output", "json"]].concat();
    let cli = Cli::try_parse_from(args).unwrap();
    let mut out = Vec::new();
    halftonectl::run(&cli, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn mesh(text: &str) -> Mesh {
    let workload = Workload {
        namespace: NAMESPACE.to_owned(),
        role: Role::Sidecar,
        port: None,
    };
    Mesh::new(&halftone_resources::read(text).unwrap(), &workload).unwrap()
}

/// The versions that the release chooses, each with its share.
fn decided(report: &Report) -> Vec<(String, f64)> {
    let Some(StrategyReport::Canary {
        rules,
        split,
        principal,
        ..
    }) = &report.strategy
    else {
        return Vec::new();
    };
    let rule = rules.iter().find(|rule| rule.matched == Some(true));
    let split = match rule {
        Some(rule) => rule.split.as_ref(),
        None => split.as_ref(),
    };
    match split {
        Some(split) => {
            let all: f64 = split.versions.iter().map(|one| one.weight).sum();
            let shares = split.versions.iter();
            shares
                .map(|one| (one.version.clone(), one.weight / all))
                .collect()
        }
        None => {
            let named = rule.and_then(|rule| rule.version.clone());
            vec![(named.unwrap_or_else(|| principal.clone()), 1.0)]
        }
    }
}

/// The shares of the clusters that the routes of `shares` choose, after `releases` has decided.
fn obeyed(
    releases: &Releases,
    asked: &Asked,
    shares: impl Fn(&Asked) -> BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let mut args = vec![
        "halftonectl".to_owned(),
        "explain".to_owned(),
        "f".to_owned(),
    ];
    let parts = [
        "--host",
        &asked.host,
        "--method",
        &asked.method,
        "--path",
        &asked.path,
    ];
    args.extend(parts.map(String::from));
    for (name, value) in &asked.headers {
        args.push(format!("--header={name}: {value}"));
    }
    let cli = Cli::try_parse_from(args).unwrap();
    let halftonectl::cli::Verb::Explain(args) = cli.verb else {
        panic!()
    };
    let report = explained(releases, &Request::from(&args.request), 1, 0, None);
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for (version, share) in decided(&report) {
        if share > 0.0 {
            let mut asked = asked.clone();
            asked
                .headers
                .push(("x-halftone-version".to_owned(), version));
            for (cluster, part) in shares(&asked) {
                *all.entry(cluster).or_default() += share * part;
            }
        }
    }
    all
}

fn is_close(shares: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>, error: f64) -> bool {
    shares.len() == expected.len()
        && shares.iter().all(|(cluster, share)| {
            expected
                .get(cluster)
                .is_some_and(|other| (other - share).abs() < error)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn an_imported_virtual_service_means_the_same(
        (service, rule) in resources("reviews"),
        requests in prop::collection::vec(request("reviews"), 10),
    ) {
        let before = format!("{service}\n---\n{rule}\n");
        let result = run(&["import"], &before);
        let all = result["resources"].as_array().unwrap();
        let kind = |kind: &str| all.iter().find(|one| one["kind"] == kind);
        let Some(plugin) = kind("WasmPlugin") else {
            let report = result["report"].to_string();
            prop_assert!(report.contains("notCarriedOver"), "{report}");
            return Ok(());
        };
        let config = &plugin["spec"]["pluginConfig"];
        let proxy = halftone::config::Proxy {
            namespace: Some(NAMESPACE),
            ..Default::default()
        };
        let releases = halftone::config::load_value_for(config, proxy).unwrap();
        let obeying = kind("VirtualService").unwrap();
        let (old, new) = (mesh(&before), mesh(&format!("{obeying}\n---\n{rule}\n")));
        let back = run(
            &["export", "--kind", "virtualservice"],
            &format!("{obeying}\n---\n{plugin}\n"),
        );
        let is_lost = back["report"].to_string().contains("notCarriedOver");
        let back = mesh(&format!("{}\n---\n{rule}\n", back["resources"][0]));
        for asked in requests {
            let shares = obeyed(&releases, &asked, |asked| new.shares(asked));
            let expected = old.shares(&asked);
            // Weights are rounded to hundredths of a percent.
            let exported = back.shares(&asked);
            prop_assert!(is_lost || is_close(&exported, &expected, 2e-4), "{asked:?}\nbefore {expected:?}\nexported {exported:?}\n{service}\n{config}");
            prop_assert!(is_close(&shares, &expected, 1e-9), "{asked:?}\nbefore {expected:?}\nafter {shares:?}\n{service}\n{config}\n{}", obeying["spec"]["http"]);
        }
    }

    #[test]
    fn an_imported_http_route_means_the_same(
        route in http_routes::route("web"),
        requests in prop::collection::vec(http_routes::request("web"), 10),
    ) {
        let result = run(&["import"], &route.to_string());
        let all = result["resources"].as_array().unwrap();
        let kind = |kind: &str| all.iter().find(|one| one["kind"] == kind);
        let Some(plugin) = kind("WasmPlugin") else {
            let report = result["report"].to_string();
            prop_assert!(report.contains("notCarriedOver"), "{report}");
            return Ok(());
        };
        let config = &plugin["spec"]["pluginConfig"];
        let releases = halftone::config::load_value(config).unwrap();
        let obeying = kind("HTTPRoute").unwrap();
        let (old, new) = (HttpRoutes::new(&route), HttpRoutes::new(obeying));
        for asked in requests {
            let shares = obeyed(&releases, &asked, |asked| new.shares(asked));
            let expected = old.shares(&asked);
            prop_assert!(is_close(&shares, &expected, 1e-9), "{asked:?}\nbefore {expected:?}\nafter {shares:?}\n{route}\n{config}\n{}", obeying["spec"]["rules"]);
        }
    }
}

#[test]
fn most_virtual_services_come_back_whole() {
    let mut runner = TestRunner::deterministic();
    let (mut whole, mut all) = (0, 0);
    for _ in 0..100 {
        let (service, rule) = resources("reviews")
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let result = run(&["import"], &format!("{service}\n---\n{rule}\n"));
        let resources = result["resources"].as_array().unwrap();
        if resources.iter().any(|one| one["kind"] == "WasmPlugin") {
            let text: Vec<String> = resources.iter().map(Value::to_string).collect();
            let back = run(
                &["export", "--kind", "virtualservice"],
                &text.join("\n---\n"),
            );
            all += 1;
            whole += u32::from(!back["report"].to_string().contains("notCarriedOver"));
        }
    }
    assert!(all > 50 && whole * 10 > all * 9, "{whole} of {all}");
}

#[test]
fn a_route_that_leads_elsewhere_is_noticed() {
    let text = |weight: u32| {
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "reviews", "namespace": NAMESPACE},
            "spec": {"hosts": ["reviews"], "http": [{"route": [
                {"destination": {"host": "reviews", "port": {"number": 9080}}, "weight": weight},
                {"destination": {"host": "ratings", "port": {"number": 9080}}, "weight": 100 - weight},
            ]}]},
        })
        .to_string()
    };
    let asked = Asked {
        host: "reviews".to_owned(),
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
    };
    assert_ne!(
        mesh(&text(10)).shares(&asked),
        mesh(&text(20)).shares(&asked)
    );
}
