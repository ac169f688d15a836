//! To which release the numbers of a namespace belong.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Sample;
use super::queries::Query;
use crate::numbers::ReleaseNow;

/// The most rows of reasons of a release.
const MOST_REASONS: usize = 100;

/// The seconds of the reasons that the page shows.
const MINUTE: f64 = 60.0;

/// What each release does, from the answers to [`Query::ALL`]. `known` has the namespaces and names of the releases that
/// exist; plugins of the namespace `root` run in all namespaces.
pub fn attributed(
    answers: &[Vec<Sample>],
    known: &BTreeSet<(String, String)>,
    root: &str,
) -> BTreeMap<String, ReleaseNow> {
    let mut releases: BTreeMap<String, ReleaseNow> = BTreeMap::new();
    let mut responses: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for (query, samples) in Query::ALL.into_iter().zip(answers) {
        for sample in samples {
            let id = id(sample, known, root);
            let release = releases.entry(id.clone()).or_default();
            if query == Query::Responses {
                let key = (id, sample.label("version").to_owned());
                let (all, failed) = responses.entry(key).or_default();
                match sample.label("class") {
                    // The client left: that says nothing of the version.
                    "aborted" => {}
                    "5xx" | "reset" | "grpc_error" => {
                        *all += sample.value;
                        *failed += sample.value;
                    }
                    _ => *all += sample.value,
                }
            } else {
                add(release, query, sample);
            }
        }
    }
    for ((id, version), (all, failed)) in responses {
        if let Some(release) = releases.get_mut(&id) {
            let now = release.versions.entry(version).or_default();
            now.success = (all > 0.0).then(|| 1.0 - failed / all);
        }
    }
    for release in releases.values_mut() {
        release.reasons.retain(|row| row.2 > 0);
        release.reasons.sort_by_key(|row| std::cmp::Reverse(row.2));
        release.reasons.truncate(MOST_REASONS);
        let all: f64 = release.versions.values().map(|now| now.rate).sum();
        for now in release.versions.values_mut() {
            now.share = (all > 0.0).then(|| now.rate / all);
        }
    }
    releases
}

/// The release that decided in a proxy of the sample's namespace.
fn id(sample: &Sample, known: &BTreeSet<(String, String)>, root: &str) -> String {
    let (namespace, name) = (sample.label("namespace"), sample.label("release"));
    let is_known = |namespace: &str| known.contains(&(namespace.to_owned(), name.to_owned()));
    let owner = if !is_known(namespace) && is_known(root) {
        root
    } else {
        namespace
    };
    format!("{owner}/{name}")
}

fn add(release: &mut ReleaseNow, query: Query, sample: &Sample) {
    let version = sample.label("version").to_owned();
    let value = sample.value;
    let larger = |before: Option<f64>| Some(before.map_or(value, |before| before.max(value)));
    match query {
        Query::Requests => {
            release.versions.entry(version.clone()).or_default().rate += value;
            let reason = sample.label("reason");
            let requests = (value * MINUTE).round() as u64;
            let mut rows = release.reasons.iter_mut();
            match rows.find(|row| row.0 == reason && row.1 == version) {
                Some(row) => row.2 += requests,
                None => release.reasons.push((reason.into(), version, requests)),
            }
        }
        // A quantile of several namespaces together is not known; it is at most the largest of them.
        Query::P50 => {
            let now = release.versions.entry(version).or_default();
            now.p50 = larger(now.p50);
        }
        Query::P99 => {
            let now = release.versions.entry(version).or_default();
            now.p99 = larger(now.p99);
        }
        Query::Guard if !release.guarded.contains(&version) => release.guarded.push(version),
        Query::Unreachable if !release.unreachable.contains(&version) => {
            release.unreachable.push(version);
        }
        Query::Share => {
            release.configured.insert(version, value / 1e6);
        }
        Query::Mirrors | Query::Comparisons => {
            let mirror = sample.label("mirror").to_owned();
            let mirror = release.mirrors.entry(mirror).or_default();
            let (tally, label) = match query {
                Query::Mirrors => (&mut mirror.outcomes, "outcome"),
                _ => (&mut mirror.results, "result"),
            };
            *tally.entry(sample.label(label).into()).or_default() += value as u64;
        }
        Query::Responses | Query::Guard | Query::Unreachable => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::vector;
    use super::*;

    fn samples(all: &[(&str, &str, f64)]) -> Vec<Sample> {
        let result = all.iter().map(|(namespace, version, value)| {
            let metric = json!({"namespace": namespace, "release": "web", "version": version,
                "reason": "split", "class": if *value > 5.0 { "2xx" } else { "5xx" }});
            json!({"metric": metric, "value": [0, value.to_string()]})
        });
        let result: Vec<_> = result.collect();
        vector(&json!({"result": result})).unwrap()
    }

    #[test]
    fn a_proxy_runs_the_plugin_of_its_namespace_or_else_that_of_the_root_namespace() {
        let known = |all: &[&str]| -> BTreeSet<(String, String)> {
            let all = all.iter();
            all.map(|namespace| ((*namespace).to_owned(), "web".to_owned()))
                .collect()
        };
        let answers = [samples(&[("shop", "v1", 9.0), ("bank", "v1", 3.0)])];
        for (known, expected) in [
            (
                known(&["shop", "bank"]),
                vec![("bank/web", 3.0), ("shop/web", 9.0)],
            ),
            (
                known(&["shop", "root"]),
                vec![("root/web", 3.0), ("shop/web", 9.0)],
            ),
            (known(&["root"]), vec![("root/web", 12.0)]),
            (known(&[]), vec![("bank/web", 3.0), ("shop/web", 9.0)]),
        ] {
            let found = attributed(&answers, &known, "root");
            let rates: Vec<(&str, f64)> = found
                .iter()
                .map(|(id, release)| {
                    (
                        id.as_str(),
                        release.versions.values().map(|now| now.rate).sum(),
                    )
                })
                .collect();
            assert_eq!(rates, expected, "{known:?}");
        }
    }

    #[test]
    fn shares_and_success_follow_from_rates() {
        let requests = samples(&[("shop", "v1", 9.0), ("shop", "v2", 3.0)]);
        let responses = samples(&[
            ("shop", "v1", 9.0),
            ("shop", "v1", 3.0),
            ("shop", "v2", 3.0),
        ]);
        let guarded = samples(&[("shop", "v2", 1.0)]);
        let quiet = Vec::new;
        let answers = [requests, responses, quiet(), quiet(), guarded];
        let found = attributed(&answers, &BTreeSet::new(), "root");
        let release = found.get("shop/web").unwrap();
        let [v1, v2] = ["v1", "v2"].map(|version| release.versions.get(version).unwrap());
        assert_eq!((v1.share, v1.success), (Some(0.75), Some(0.75)));
        assert_eq!((v2.share, v2.success), (Some(0.25), Some(0.0)));
        assert_eq!(release.guarded, ["v2"]);
        let first = ("split".to_owned(), "v1".to_owned(), 540);
        assert_eq!(release.reasons.first(), Some(&first));
    }
}
