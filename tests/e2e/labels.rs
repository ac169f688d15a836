//! The labels of the workload decide which version its calls reach.

use anyhow::Result;
use serde_json::json;

use crate::scene::{ASKED, Scene, decided, plugin, reviews};

#[tokio::test]
async fn calls_of_a_version_go_to_the_version_that_its_labels_say() -> Result<()> {
    let match_labels =
        json!([{"sourceLabels": {"app.kubernetes.io/version": "v2", "app": "cart"}}]);
    let config = reviews(json!({"canary": {
        "rules": [{"name": "from-v2", "match": match_labels, "version": "v2"}],
    }}));
    let table: [(&[(&str, &str)], &str); 4] = [
        (
            &[("app", "cart"), ("app.kubernetes.io/version", "v2")],
            "rule:from-v2",
        ),
        (
            &[("app", "cart"), ("app.kubernetes.io/version", "v1")],
            "principal",
        ),
        (&[("app", "cart")], "principal"),
        (&[], "principal"),
    ];
    for (labels, reason) in table {
        let scene = Scene::of(|proxy| {
            let proxy = proxy.plugin(plugin(&config));
            let add = |proxy: halftone_lab::proxy::Proxy, label: &(&str, &str)| {
                proxy.label(label.0, label.1)
            };
            labels.iter().fold(proxy, add)
        })
        .await?;
        // A client cannot claim to be of another version.
        let answer = scene.get(&[ASKED, ("version", b"v2")]).await?;
        assert_eq!(decided(&answer, "reason"), Some(reason), "{labels:?}");
        scene.end().await?;
    }
    Ok(())
}
