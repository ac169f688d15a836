//! Requests that an earlier filter answers: the plugin sees only their end.

use anyhow::Result;
use serde_json::json;

use crate::scene::{ASKED, DECISION, PROTOCOLS, REQUESTS, RESPONSES, Scene, active, plugin};

#[tokio::test]
async fn a_request_that_never_reaches_the_plugin_is_not_counted() -> Result<()> {
    let refuse_some = json!({
        "name": "rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "DENY", "policies": {"some": {
                "permissions": [{"header": {"name": "x-refuse", "present_match": true}}],
                "principals": [{"any": true}],
            }}},
        },
    });
    let scene = Scene::of(|proxy| proxy.before(refuse_some).plugin(plugin(&active("v2")))).await?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for _ in 0..5 {
            let answer = client
                .post("reviews", "/", &[ASKED, ("x-refuse", b"1")], "body")
                .await?;
            assert_eq!(
                (answer.status.as_u16(), answer.header(DECISION)),
                (403, None),
                "{protocol:?}"
            );
            let answer = client.get("reviews", "/", &[ASKED]).await?;
            assert_eq!(answer.upstream(), Some("v2"), "{protocol:?}");
        }
    }
    for name in [REQUESTS, RESPONSES] {
        assert_eq!(scene.metric(name, &[]).await?, 10.0, "{name}");
    }
    scene.end().await
}
