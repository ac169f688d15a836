//! The plugins of `manifests/` in the proxies that they are for, with the routes of Bookinfo.

use std::fs;

use anyhow::{Context, Result};
use halftone_lab::client::Client;
use halftone_lab::envoy::Envoy;
use halftone_lab::istio::{Mesh, Role, Workload};
use halftone_lab::tools::workspace;
use halftone_resources::{Resource, read};

use crate::scene::REQUESTS;

const REVIEWS: &str = "reviews.bookinfo.svc.cluster.local";

/// The requests to each host.
const EACH: u32 = 25;

fn resources(files: &[&str]) -> Result<Vec<Resource>> {
    let mut resources = Vec::new();
    for file in files {
        let text = fs::read_to_string(workspace().join(file)).context(file.to_string())?;
        resources.extend(read(&text)?);
    }
    Ok(resources)
}

#[tokio::test]
async fn each_manifest_decides_for_every_host_that_istio_routes_to_the_service() -> Result<()> {
    let waypoint = Role::Waypoint {
        gateway: "waypoint".to_owned(),
        service: REVIEWS.to_owned(),
    };
    let in_mesh: &[&str] = &[
        "reviews",
        "reviews:9080",
        "reviews.bookinfo",
        "reviews.bookinfo.svc",
        REVIEWS,
        "reviews.bookinfo.svc.cluster.local.",
    ];
    let by_address: &[&str] = &["10.96.0.12:9080", "shop.example.com", "details"];
    for (manifest, namespace, role, decided, others) in [
        (
            "sidecars",
            "bookinfo",
            Role::Sidecar,
            in_mesh,
            &["details", "reviews.shop"][..],
        ),
        (
            "gateway",
            "istio-system",
            Role::Gateway,
            &["reviews.example.com", "Reviews.Example.com:8080"][..],
            &["www.example.com", "reviews"],
        ),
        ("waypoint", "bookinfo", waypoint.clone(), in_mesh, &[]),
        ("waypoint", "bookinfo", waypoint, by_address, &[]),
    ] {
        let plugin = format!("manifests/{manifest}/wasmplugin.yaml");
        let resources = resources(&[
            &plugin,
            "examples/bookinfo/virtual-service.yaml",
            "examples/bookinfo/destination-rule.yaml",
            "lab/recorded/gateway.manifests.input.yaml",
        ])?;
        let workload = Workload {
            namespace: namespace.to_owned(),
            role,
            port: None,
        };
        let mesh = Mesh::new(&resources, &workload)?;
        let upstreams = mesh.upstreams().await?;
        let envoy = Envoy::start(mesh.proxy(&upstreams)).await?;
        let client = Client::http1(envoy.address());
        for host in decided.iter().chain(others) {
            for _ in 0..EACH {
                client.get(host, "/", &[]).await?;
            }
        }
        let metrics = envoy.metrics().await?;
        let count = |version: &str| metrics.sum(REQUESTS, &[("version", version)]) as u64;
        let all = u64::from(EACH) * decided.len() as u64;
        assert_eq!(count("v1") + count("v2"), all, "{manifest}: {decided:?}");
        for version in ["v1", "v2"] {
            let name = workload.role.cluster(REVIEWS, 9080, version);
            let received = upstreams.get(&name).context(name)?.received();
            assert_eq!(received, count(version), "{manifest}: {version}");
        }
        envoy.check_health().await?;
        envoy.stop().await?;
    }
    Ok(())
}
