//! The examples on a real Envoy with the listeners, routes and clusters that a real istiod sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use halftone_cases::{Observed, Request};
use halftone_lab::client::{Answer, Client};
use halftone_lab::envoy::Written;
use halftone_lab::istio::{PASSTHROUGH, cluster, waypoint_cluster};
use halftone_lab::recorded::Recording;
use halftone_lab::upstream::Upstream;
use halftone_lab::{tools, wait};
use halftone_resources::Resource;
use serde_json::Value;

use super::folder::Folder;
use super::{is_routed, reviews, services};
use crate::replay::replay;
use crate::scene::SOON;

const MIRRORS: &str = "halftone_mirrors_total";

/// A complete recording.
struct Recorded {
    name: &'static str,
    /// The listener or filter chain.
    chain: &'static str,
    namespace: &'static str,
    cluster: fn(&str, u16, &str) -> String,
    /// The host of all requests, up to the first dot or colon. None: every host.
    only_host: Option<&'static str>,
}

const SIDECAR: Recorded = Recorded {
    name: "sidecar.bookinfo",
    chain: "0.0.0.0_9080",
    namespace: "bookinfo",
    cluster,
    only_host: None,
};

const GATEWAY: Recorded = Recorded {
    name: "gateway.sessions",
    chain: "0.0.0.0_8080",
    namespace: "istio-ingress",
    cluster,
    only_host: None,
};

/// Istio chooses the filter chain of a waypoint by address, so it sees only requests for its service.
const WAYPOINT: Recorded = Recorded {
    name: "waypoint.manifests",
    chain: "inbound-vip|9080|http|reviews.bookinfo.svc.cluster.local",
    namespace: "bookinfo",
    cluster: waypoint_cluster,
    only_host: Some("reviews"),
};

impl Recorded {
    /// Runs the cases of an example that this proxy sees. Returns their number, and that of the copies.
    async fn run(&self, example: &str) -> Result<(usize, u64)> {
        let mut folders = Folder::all()?.into_iter();
        let folder = folders.find(|folder| folder.name == example);
        let folder = folder.context("no such example")?;
        let recording = Recording::read(self.name)?;
        let mut upstreams = BTreeMap::new();
        for cluster in recording.cluster_names()? {
            if cluster == PASSTHROUGH || cluster.ends_with(".svc.cluster.local") {
                let upstream = Upstream::start(&cluster).await?;
                upstream.remember(false);
                upstream.script(reviews(&cluster, 5));
                upstreams.insert(cluster, upstream);
            }
        }
        let addresses = upstreams
            .iter()
            .map(|(name, it)| (name.clone(), it.address()));
        let configuration = self.configuration(&folder)?.to_string();
        let config = recording.envoy(
            self.chain,
            self.namespace,
            &tools::module()?,
            &addresses.collect(),
            |_| configuration.clone(),
        )?;
        let envoy = Written::start(&config.to_string()).await?;
        let cases = self
            .cases(&folder, &Arc::new(Client::http1(envoy.address())))
            .await?;
        let mut copies = 0;
        wait::until(SOON, "every copy to be answered", async || {
            let metrics = envoy.metrics().await?;
            copies = metrics.sum(MIRRORS, &[]) as u64;
            Ok(metrics.sum(MIRRORS, &[("outcome", "answered")]) as u64 == copies)
        })
        .await?;
        let received: u64 = upstreams.values().map(Upstream::received).sum();
        ensure!(
            received > copies,
            "the upstreams received {received} requests"
        );
        envoy.stop().await?;
        Ok((cases, copies))
    }

    /// The configuration of the example's plugin. Istio passes it on without reading it, so the recorded one need not be
    /// that of today. At a waypoint, each release that it sees claims every host.
    fn configuration(&self, folder: &Folder) -> Result<Value> {
        let mut configs = folder.resources.iter().filter_map(Resource::configuration);
        let (_, config) = configs.next().context("no configuration")?;
        let mut config = config.clone();
        if let Some(host) = self.only_host {
            let releases = config["releases"].as_array_mut().context("releases")?;
            releases.retain(|release| release["name"] == host);
            for release in releases {
                let release = release.as_object_mut().context("a release")?;
                release.remove("services");
                release.insert("hosts".to_owned(), vec!["*"].into());
            }
        }
        Ok(config)
    }

    async fn cases(&self, folder: &Folder, client: &Arc<Client>) -> Result<usize> {
        let (services, cluster) = (services(&folder.resources)?, self.cluster);
        let routed = move |request: &Request, observed: &mut Observed, answer: &Answer| {
            is_routed(&services, cluster, observed, answer).with_context(|| request.host.clone())
        };
        let mut count = 0;
        for (file, cases) in &folder.cases {
            for case in cases {
                let host = case
                    .requests()
                    .next()
                    .context("a case without requests")?
                    .host;
                let first = host.split(['.', ':']).next();
                if self.only_host.is_some() && self.only_host != first {
                    continue;
                }
                let judged = case.judge(replay(client, case, &routed).await?);
                if let Err(mismatch) = judged {
                    anyhow::bail!("{file}: {}: {mismatch}", case.name);
                }
                count += 1;
            }
        }
        Ok(count)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_hold_on_what_istio_sent_to_a_sidecar_a_gateway_and_a_waypoint() -> Result<()> {
    for (recorded, example, has_mirrors) in [
        (SIDECAR, "bookinfo", true),
        (GATEWAY, "sessions", false),
        (WAYPOINT, "bookinfo", false),
        (WAYPOINT, "canary-by-header", false),
        // A destination has another name there.
        (WAYPOINT, "mirror", true),
    ] {
        let ran = recorded.run(example).await;
        let (cases, copies) =
            ran.with_context(|| format!("examples/{example} on {}", recorded.name))?;
        assert!(cases > 2, "{example} on {}: {cases} cases", recorded.name);
        assert_eq!(copies > 0, has_mirrors, "{example} on {}", recorded.name);
    }
    Ok(())
}

/// Callers go by the address of the service, by any name, and Istio does not compare it.
#[tokio::test]
async fn at_a_waypoint_the_host_any_decides_for_every_name_and_a_name_only_for_itself() -> Result<()>
{
    let names = [
        "reviews:9080",
        "reviews.bookinfo.svc.cluster.local.",
        "10.96.0.12:9080",
        "shop.example.com",
    ];
    let recording = Recording::read(WAYPOINT.name)?;
    for (hosts, decided) in [("*", 4), ("reviews", 1)] {
        let release = serde_json::json!({"releases": [
            {"name": "reviews", "hosts": [hosts], "principal": "v1", "blueGreen": {"active": "v2"}},
        ]});
        let name = waypoint_cluster("reviews.bookinfo.svc.cluster.local", 9080, "v2");
        let v2 = Upstream::start(&name).await?;
        let v1 = waypoint_cluster("reviews.bookinfo.svc.cluster.local", 9080, "v1");
        let others = Upstream::start(&v1).await?;
        let endpoints = BTreeMap::from([(name, v2.address()), (v1, others.address())]);
        let (chain, namespace) = (WAYPOINT.chain, WAYPOINT.namespace);
        let config = recording.envoy(chain, namespace, &tools::module()?, &endpoints, |_| {
            release.to_string()
        })?;
        let envoy = Written::start(&config.to_string()).await?;
        let client = Client::http1(envoy.address());
        for name in names {
            assert_eq!(client.get(name, "/", &[]).await?.status, 200, "{name}");
        }
        assert_eq!(v2.received(), decided, "hosts: {hosts}");
        assert_eq!(others.received(), 4 - decided, "hosts: {hosts}");
        envoy.stop().await?;
    }
    Ok(())
}
