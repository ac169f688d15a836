//! Laws of `import`, for random VirtualServices and requests: the imported release and the VirtualService that obeys it
//! send requests where the VirtualService of before sent them.

use std::collections::BTreeMap;

use clap::Parser;
use halftone_lab::istio::{Asked, Mesh, Role, Workload};
use halftonectl::Cli;
use halftonectl::request::Request;
use halftonectl::verbs::explain::build::explained;
use halftonectl::verbs::explain::report::{Report, StrategyReport};
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "../support/virtual_services.rs"]
mod virtual_services;

use virtual_services::{NAMESPACE, request, resources};

/// Imports `text`, and returns the report with the resources.
fn imported(text: &str) -> Value {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let cli = Cli::try_parse_from(["halftonectl", "import", path, "--output", "json"]).unwrap();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn an_imported_virtual_service_means_the_same(
        (service, rule) in resources("reviews"),
        requests in prop::collection::vec(request("reviews"), 10),
    ) {
        let before = format!("{service}\n---\n{rule}\n");
        let result = imported(&before);
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
        for asked in requests {
            let mut args = vec!["halftonectl".to_owned(), "explain".to_owned(), "f".to_owned()];
            args.extend(["--host", &asked.host, "--method", &asked.method, "--path", &asked.path].map(String::from));
            for (name, value) in &asked.headers {
                args.push(format!("--header={name}: {value}"));
            }
            let cli = Cli::try_parse_from(args).unwrap();
            let halftonectl::cli::Verb::Explain(args) = cli.verb else { panic!() };
            let report = explained(&releases, &Request::from(&args.request), 1, 0, None);
            let mut shares: BTreeMap<String, f64> = BTreeMap::new();
            for (version, share) in decided(&report) {
                if share == 0.0 {
                    continue;
                }
                let mut asked = asked.clone();
                asked.headers.push(("x-halftone-version".to_owned(), version));
                for (cluster, part) in new.shares(&asked) {
                    *shares.entry(cluster).or_default() += share * part;
                }
            }
            let expected = old.shares(&asked);
            let is_close = shares.len() == expected.len()
                && shares.iter().all(|(cluster, share)| {
                    expected.get(cluster).is_some_and(|other| (other - share).abs() < 1e-9)
                });
            prop_assert!(is_close, "{asked:?}\nbefore {expected:?}\nafter {shares:?}\n{service}\n{config}\n{}", obeying["spec"]["http"]);
        }
    }
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
