//! The namespace of the proxy decides whether a service's name alone is one of its hosts.

use anyhow::Result;
use halftone_lab::client::Protocol;
use serde_json::json;

use crate::scene::{ASK, ASKED, Scene, decided, plugin};

/// Hosts, and the release that claims them in the namespaces bookinfo and shop, and in an unknown one.
const TABLE: [(&str, [Option<&str>; 3]); 9] = [
    ("reviews", [Some("bookinfo"), Some("shop"), None]),
    ("Reviews:9080", [Some("bookinfo"), Some("shop"), None]),
    ("reviews.bookinfo", [Some("bookinfo"); 3]),
    ("reviews.bookinfo.svc", [Some("bookinfo"); 3]),
    (
        "reviews.bookinfo.svc.cluster.local.:9080",
        [Some("bookinfo"); 3],
    ),
    ("reviews.shop.svc.example.org", [Some("shop"); 3]),
    ("reviews.shop.svc.cluster.local", [None; 3]),
    ("ratings", [Some("bookinfo"), None, None]),
    ("[0:0::1]:9080", [Some("bookinfo"); 3]),
];

#[tokio::test]
async fn a_service_has_its_short_name_in_proxies_of_its_own_namespace() -> Result<()> {
    let release = |name: &str| json!({"name": name, "principal": "v1", "canary": {}});
    let (mut bookinfo, mut shop) = (release("bookinfo"), release("shop"));
    bookinfo["services"] = json!([
        {"name": "reviews", "namespace": "bookinfo"}, {"name": "ratings", "namespace": "bookinfo"},
    ]);
    bookinfo["hosts"] = json!(["[::1]"]);
    shop["services"] =
        json!([{"name": "reviews", "namespace": "shop", "clusterDomain": "example.org"}]);
    let config = json!({"releases": [bookinfo, shop], "explain": {"header": ASK}});

    let namespaces = [Some("bookinfo"), Some("shop"), None];
    for (place, namespace) in namespaces.into_iter().enumerate() {
        let scene = Scene::of(|proxy| {
            let proxy = proxy.plugin(plugin(&config));
            match namespace {
                Some(namespace) => proxy.namespace(namespace),
                None => proxy,
            }
        })
        .await?;
        for (host, expected) in TABLE {
            let client = scene.client(Protocol::Http1);
            let answer = client.get(host, "/", &[ASKED]).await?;
            let found = decided(&answer, "release");
            assert_eq!(found, expected[place], "{host} in {namespace:?}");
        }
        scene.end().await?;
    }
    Ok(())
}
