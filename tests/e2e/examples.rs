//! The examples on a real Envoy: the resources of each folder, translated like Istio does, and its case files.

mod folder;
mod mirrored;
mod recorded;
mod test_cluster;
mod test_database;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use halftone_cases::{Observed, Request};
use halftone_lab::client::{Answer, Client};
use halftone_lab::envoy::Envoy;
use halftone_lab::istio::{Mesh, PASSTHROUGH, Workload, cluster};
use halftone_lab::upstream::{Script, Upstream};
use halftone_resources::{Resource, VirtualService};
use serde_json::json;

use crate::replay::replay;
use crate::scene::REQUESTS;
use folder::Folder;
use mirrored::Mirror;

/// Most examples show one feature. The counts below assert that each feature was there.
#[derive(Default)]
struct Seen {
    cases: usize,
    mirrors: usize,
    comparisons: usize,
    most_plugins: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_holds() -> Result<()> {
    let mut seen = Seen::default();
    let folders = Folder::all()?;
    for folder in &folders {
        let name = &folder.name;
        let stage = Stage::new(folder)
            .await
            .with_context(|| format!("examples/{name}"))?;
        stage
            .play(&mut seen)
            .await
            .with_context(|| format!("examples/{name}"))?;
    }
    assert!(
        folders.len() >= 8,
        "only {} examples were found",
        folders.len()
    );
    assert!(seen.cases > 40, "only {} cases were found", seen.cases);
    assert!(seen.mirrors >= 3 && seen.comparisons >= 1);
    assert!(seen.most_plugins >= 2, "no example has two plugins");
    Ok(())
}

/// An example, and an Envoy with its resources.
struct Stage<'f> {
    folder: &'f Folder,
    mesh: Mesh,
    upstreams: BTreeMap<String, Upstream>,
    envoy: Envoy,
    client: Arc<Client>,
}

impl<'f> Stage<'f> {
    async fn new(folder: &'f Folder) -> Result<Self> {
        let resources = &folder.resources;
        let mesh = Mesh::new(resources, &Workload::of(resources))?;
        let upstreams = mesh.upstreams().await?;
        for (name, upstream) in &upstreams {
            upstream.remember(false);
            upstream.script(reviews(name, 5));
        }
        let mut proxy = mesh.proxy(&upstreams);
        if !folder.environment.is_empty() {
            let environment = folder.environment.iter().map(String::as_str);
            proxy = proxy.launcher(["env"].into_iter().chain(environment));
        }
        let envoy = Envoy::start(proxy).await?;
        let client = Arc::new(Client::http1(envoy.address()));
        Ok(Self {
            folder,
            mesh,
            upstreams,
            envoy,
            client,
        })
    }

    async fn play(self, seen: &mut Seen) -> Result<()> {
        let mirrors = Mirror::of(&self.folder.resources)?;
        for mirror in &mirrors {
            self.upstream(&mirror.cluster)?.remember(true);
        }
        self.run_cases(seen).await?;
        for mirror in &mirrors {
            let compares = mirror.judge(&self).await?;
            seen.mirrors += 1;
            seen.comparisons += usize::from(compares);
        }
        self.everything_was_used().await?;
        let plugins = self.folder.resources.iter().filter_map(Resource::plugin);
        seen.most_plugins = seen.most_plugins.max(plugins.count());
        self.envoy.check_health().await?;
        self.envoy.stop().await
    }

    async fn run_cases(&self, seen: &mut Seen) -> Result<()> {
        let services = services(&self.folder.resources)?;
        let routed = move |request: &Request, observed: &mut Observed, answer: &Answer| {
            is_routed(&services, cluster, observed, answer).with_context(|| request.host.clone())
        };
        let mut failures = Vec::new();
        for (file, cases) in &self.folder.cases {
            for case in cases {
                ensure!(
                    !case.expect.has_request_headers(),
                    "{file}: {}: the upstreams of the examples do not show request headers; assert set and removed in tests/cases",
                    case.name
                );
                let labels = &case.request.source_labels;
                let observed = if labels.is_empty() {
                    replay(&self.client, case, &routed).await?
                } else {
                    let proxy = self.mesh.proxy(&self.upstreams);
                    let proxy = labels
                        .iter()
                        .fold(proxy, |proxy, one| proxy.label(one.0, one.1));
                    let envoy = Envoy::start(proxy).await?;
                    let client = Arc::new(Client::http1(envoy.address()));
                    let observed = replay(&client, case, &routed).await?;
                    envoy.stop().await?;
                    observed
                };
                if let Err(mismatch) = case.judge(observed) {
                    failures.push(format!("{file}: {}: {mismatch}", case.name));
                }
                seen.cases += 1;
            }
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        Ok(())
    }

    /// Checks that each release decided a request, no two conflicted, and each subset got a request.
    async fn everything_was_used(&self) -> Result<()> {
        let metrics = self.envoy.metrics().await?;
        for release in self.folder.releases() {
            let labels = [("release", release.as_str())];
            ensure!(
                metrics.sum(REQUESTS, &labels) > 0.0,
                "{release} decided no request"
            );
        }
        assert_eq!(metrics.sum("halftone_conflicts_total", &[]), 0.0);
        for name in self.mesh.clusters() {
            let is_subset = subset(name).is_some_and(|subset| !subset.is_empty());
            let received = self.upstream(name)?.received();
            ensure!(!is_subset || received > 0, "{name} got no request");
        }
        Ok(())
    }

    fn upstream(&self, cluster: &str) -> Result<&Upstream> {
        let upstream = self.upstreams.get(cluster);
        upstream.with_context(|| format!("there is no cluster {cluster}"))
    }
}

/// The answer of Bookinfo's reviews. It has the name of the cluster, and a field that only v3 has.
fn reviews(cluster: &str, stars: u32) -> Script {
    let body = json!({
        "id": "0", "podname": cluster, "clustername": cluster,
        "reviews": [{"reviewer": "Reviewer1", "rating": {"stars": stars, "color": cluster}}],
    });
    Script::status(200)
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// The service that a VirtualService routes to.
#[derive(Clone, PartialEq)]
struct Service {
    host: String,
    port: u16,
    has_subsets: bool,
}

impl Service {
    fn subset<'v>(&self, version: &'v str) -> &'v str {
        if self.has_subsets { version } else { "" }
    }
}

/// The service of each release, from the VirtualService with the name of the release.
fn services(resources: &[Resource]) -> Result<BTreeMap<String, Service>> {
    let mut services = BTreeMap::new();
    for resource in resources {
        let Resource::VirtualService(service) = resource else {
            continue;
        };
        services.insert(service.meta.name.clone(), only_service(service)?);
    }
    Ok(services)
}

fn only_service(service: &VirtualService) -> Result<Service> {
    let routes = service.http.iter().flat_map(|route| &route.route);
    let mut found: Vec<Service> = routes
        .map(|to| Service {
            host: to.destination.host.clone(),
            port: to.destination.port.map_or(0, |port| port.number),
            has_subsets: to.destination.subset.is_some(),
        })
        .collect();
    found.dedup();
    let name = &service.meta.name;
    ensure!(
        found.len() == 1,
        "{name} routes to {} services",
        found.len()
    );
    Ok(found.remove(0))
}

/// Checks that the subset with the name of the version answered, or no subset without a decision.
///
/// Without a VirtualService no resource names production's service, so the lab passes its requests through.
fn is_routed(
    services: &BTreeMap<String, Service>,
    cluster: impl Fn(&str, u16, &str) -> String,
    observed: &Observed,
    answer: &Answer,
) -> Result<()> {
    let upstream = answer.upstream();
    let (Some(release), Some(version)) = (&observed.release, &observed.version) else {
        let is_nobody = upstream.is_none_or(|name| name == PASSTHROUGH || subset(name) == Some(""));
        ensure!(is_nobody, "no decision, but {upstream:?} answered");
        return Ok(());
    };
    let service = services.get(release);
    let expected = service.map_or(PASSTHROUGH.to_owned(), |service| {
        cluster(&service.host, service.port, service.subset(version))
    });
    ensure!(
        upstream == Some(&expected),
        "decided {version}, but {upstream:?} answered {}",
        answer.status
    );
    Ok(())
}

/// The subset in the name of a cluster. It can be empty.
fn subset(cluster: &str) -> Option<&str> {
    cluster.split('|').nth(2)
}
