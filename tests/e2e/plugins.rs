//! Several plugins in one proxy, one for each service, say.

use anyhow::Result;
use halftone_lab::proxy::{Plugin, Route};
use serde_json::{Value, json};

use crate::scene::{DECISION, PROTOCOLS, Scene, VERSION, echoed};

const HEADER: &str = "x-other-version";

/// A configuration with one release, called like the plugin, that asks with `explain-<name>`.
fn config(name: &str, host: &str, active: &str, route: Value) -> Value {
    json!({
        "releases": [{"name": name, "hosts": [host], "principal": "v1", "blueGreen": {"active": active}, "route": route}],
        "explain": {"header": format!("explain-{name}")},
    })
}

/// Two plugins, `first` and `second`.
async fn scene(first: Value, second: Value) -> Result<Scene> {
    Scene::of(|proxy| {
        proxy
            .plugin(Plugin::new("first").config(&first.to_string()))
            .plugin(Plugin::new("second").config(&second.to_string()))
            .route(Route::header(HEADER, "v1").to("v1"))
            .route(Route::header(HEADER, "v2").to("v2"))
            .route(Route::authority("reviews-v1").to("v1"))
            .route(Route::authority("reviews-v2").to("v2"))
    })
    .await
}

fn by(header: &str) -> Value {
    json!({"header": header})
}

fn by_authority() -> Value {
    json!({"authority": {"v1": "reviews-v1", "v2": "reviews-v2"}})
}

/// What the second plugin counted.
async fn conflicts(scene: &Scene) -> Result<f64> {
    scene.metric("halftone_conflicts_total", &[("release", "second")]).await
}

#[tokio::test]
async fn each_decides_for_its_own_hosts() -> Result<()> {
    // With one routing header, and with one each.
    for (first, second) in [(VERSION, VERSION), (VERSION, HEADER), (HEADER, VERSION)] {
        let scene = scene(
            config("first", "reviews", "v2", by(first)),
            config("second", "ratings", "v1", by(second)),
        )
        .await?;
        let none: [&str; 0] = [];
        for protocol in PROTOCOLS {
            for sent in ["", "v1", "v2"] {
                let forged: [(&str, &[u8]); 2] = [(VERSION, sent.as_bytes()), (HEADER, sent.as_bytes())];
                let forged = if sent.is_empty() { &[][..] } else { &forged };
                for (host, header, version) in [("reviews", first, "v2"), ("ratings", second, "v1"), ("other", "", "nobody")] {
                    let what = format!("{first} {second} {protocol:?} {host} {sent}");
                    let answer = scene.client(protocol).get(host, "/", forged).await?;
                    assert_eq!(answer.upstream(), Some(version), "{what}");
                    for name in [VERSION, HEADER] {
                        if name == header {
                            assert_eq!(echoed(&answer, name)?, [version], "{what}");
                        } else {
                            assert_eq!(echoed(&answer, name)?, none, "{what}: {name}");
                        }
                    }
                }
            }
        }
        assert_eq!(scene.metric("halftone_conflicts_total", &[]).await?, 0.0);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_first_decides_where_both_claim_a_host() -> Result<()> {
    for (first, second, host) in [
        (by(VERSION), by(VERSION), "reviews"),
        (by(VERSION), by(HEADER), "reviews"),
        (by(VERSION), by(VERSION), "*"),
        (by(VERSION), by_authority(), "reviews"),
        (by_authority(), by(VERSION), "*"),
        // The first one's rewritten :authority is the second one's host.
        (by_authority(), by(VERSION), "reviews-v2"),
    ] {
        let what = format!("{first} {second} {host}");
        let scene = scene(
            config("first", "reviews", "v2", first.clone()),
            config("second", host, "v1", second.clone()),
        )
        .await?;
        let header = first["header"].as_str();
        for (place, protocol) in PROTOCOLS.into_iter().enumerate() {
            let asked: [(&str, &[u8]); 4] =
                [("explain-first", b"1"), ("explain-second", b"1"), (VERSION, b"v1"), (HEADER, b"v1")];
            let answer = scene.client(protocol).get("reviews", "/", &asked).await?;
            assert_eq!(answer.upstream(), Some("v2"), "{what}");
            assert_eq!(answer.header(DECISION), Some("release=first version=v2 reason=active"), "{what}");
            assert_eq!(answer.headers.get_all(DECISION).iter().count(), 1, "{what}");
            for name in [VERSION, HEADER] {
                let expected: &[&str] = if header == Some(name) { &["v2"] } else { &[] };
                // A header that neither plugin routes by is the client's own affair.
                if header == Some(name) || second["header"] == name {
                    assert_eq!(echoed(&answer, name)?, expected, "{what}: {name}");
                }
            }
            assert_eq!(conflicts(&scene).await?, (place + 1) as f64, "{what}");
        }
        let counted = [("halftone_requests_total", "second"), ("halftone_conflicts_total", "first")];
        for (name, release) in counted {
            assert_eq!(scene.metric(name, &[("release", release)]).await?, 0.0, "{what}: {name}");
        }
        scene.end().await?;
    }
    Ok(())
}
