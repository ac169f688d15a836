//! A copy that returns to the proxy is not mirrored again.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use halftone_lab::load::Load;
use halftone_lab::ports;
use halftone_lab::proxy::{Cluster, Plugin};
use serde_json::json;

use super::stage::{MARK, Stage, mirror, mirrored, until_outcomes};
use crate::scene::{REQUESTS, Scene, plugin};

/// A proxy at `port` that mirrors to the proxy at `peer`.
async fn proxy(port: u16, peer: u16) -> Result<Scene> {
    let config = mirrored([mirror("peer", json!({}))]);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, peer));
    Scene::of(|proxy| {
        proxy
            .plugin(plugin(&config))
            .port(port)
            .cluster(Cluster::new("peer", peer))
    })
    .await
}

/// The number of requests of clients and the number of copies that v1 got.
fn received(scene: &Scene) -> (usize, usize) {
    let requests = scene.upstreams.v1.requests();
    let copies = requests
        .iter()
        .filter(|request| request.header(MARK).as_deref() == Some("reviews"))
        .count();
    (requests.len() - copies, copies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_returns_to_the_proxy_gets_one_copy_of_each_request() -> Result<()> {
    let port = ports::free()?;
    let scene = proxy(port, port).await?;
    let load = Load::new(scene.envoy.address()).host("reviews");
    assert_eq!(load.run(200).await?.failed(), 0);
    until_outcomes(&scene, "peer", &[("answered", 200)]).await?;
    assert_eq!(received(&scene), (200, 200));
    assert_eq!(scene.metric(REQUESTS, &[]).await?, 400.0);
    scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_proxies_that_mirror_to_each_other_send_one_copy_of_each_request() -> Result<()> {
    let ports = [ports::free()?, ports::free()?];
    let first = proxy(ports[0], ports[1]).await?;
    let second = proxy(ports[1], ports[0]).await?;
    for (scene, requests) in [(&first, 100), (&second, 50)] {
        let load = Load::new(scene.envoy.address()).host("reviews");
        assert_eq!(load.run(requests).await?.failed(), 0);
    }
    until_outcomes(&first, "peer", &[("answered", 100)]).await?;
    until_outcomes(&second, "peer", &[("answered", 50)]).await?;
    assert_eq!(received(&first), (100, 50));
    assert_eq!(received(&second), (50, 100));
    for scene in [&first, &second] {
        assert_eq!(scene.metric(REQUESTS, &[]).await?, 150.0);
    }
    first.end().await?;
    second.end().await
}

/// If an earlier plugin decided, only that plugin mirrors.
#[tokio::test]
async fn only_the_plugin_that_decides_mirrors() -> Result<()> {
    let stage = Stage::of(|proxy| {
        let config = |mirror: &str| {
            let fields = json!({"name": mirror, "cluster": "shadow"});
            Plugin::new(mirror).config(&mirrored([fields]).to_string())
        };
        proxy.plugin(config("outer")).plugin(config("inner"))
    })
    .await?;
    for _ in 0..10 {
        stage.scene.get(&[]).await?;
    }
    until_outcomes(&stage.scene, "outer", &[("answered", 10)]).await?;
    until_outcomes(&stage.scene, "inner", &[]).await?;
    let conflicts = stage.scene.metric("halftone_conflicts_total", &[]).await?;
    assert_eq!((conflicts, stage.shadow.received()), (10.0, 10));
    stage.end().await
}
