//! A destination is a cluster with one name in sidecars and gateways, and another at waypoints.

use anyhow::Result;
use halftone_lab::proxy::Cluster;
use halftone_lab::upstream::Upstream;
use serde_json::{Value, json};

use super::stage::{mirrored, unlimited, until_outcomes};
use crate::scene::{Scene, plugin};

const REQUESTS: u64 = 20;

fn mirror(name: &str, subset: Option<&str>) -> Value {
    let mut destination = json!({"host": format!("{name}.shop.svc.cluster.local"), "port": 80});
    if let Some(subset) = subset {
        destination["subset"] = subset.into();
    }
    json!({"name": name, "destination": destination, "timeout": "1m"})
}

#[tokio::test]
async fn a_destination_reaches_its_cluster_in_a_sidecar_and_at_a_waypoint() -> Result<()> {
    let table = [
        (
            mirror("sidecar", Some("v2")),
            Some("outbound|80|v2|sidecar.shop.svc.cluster.local"),
        ),
        (
            mirror("waypoint", Some("v2")),
            Some("inbound-vip|80|http/v2|waypoint.shop.svc.cluster.local"),
        ),
        (
            mirror("whole", None),
            Some("inbound-vip|80|http|whole.shop.svc.cluster.local"),
        ),
        (mirror("absent", Some("v2")), None),
    ];
    let shadow = Upstream::start("shadow").await?;
    let config = mirrored(table.iter().map(|(mirror, _)| mirror.clone()));
    let scene = Scene::of(|proxy| {
        let clusters = table.iter().filter_map(|(_, cluster)| *cluster);
        clusters.fold(proxy.plugin(plugin(&config)), |proxy, name| {
            proxy.cluster(unlimited(Cluster::new(name, shadow.address())))
        })
    })
    .await?;
    for _ in 0..REQUESTS {
        assert_eq!(scene.get(&[]).await?.status, 200);
    }
    for (mirror, cluster) in &table {
        let name = mirror["name"].as_str().unwrap_or_default();
        let outcome = if cluster.is_some() {
            "answered"
        } else {
            "no_cluster"
        };
        until_outcomes(&scene, name, &[(outcome, REQUESTS)]).await?;
    }
    assert_eq!(shadow.received(), 3 * REQUESTS);
    scene.end().await
}
