//! Several plugins in one proxy, for example one per service.

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::proxy::{Plugin, Route};
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{DECISION, PROTOCOLS, REQUESTS, SOON, Scene, VERSION, echoed};

const HEADER: &str = "x-other-version";

/// A configuration with one release, with the name of the plugin. The header `explain-<name>` asks for its decision.
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

#[tokio::test]
async fn each_plugin_decides_for_its_hosts_and_both_remove_forged_headers() -> Result<()> {
    // With one shared routing header, and with one per plugin.
    for (first, second) in [(VERSION, VERSION), (VERSION, HEADER), (HEADER, VERSION)] {
        let scene = scene(
            config("first", "reviews", "v2", by(first)),
            config("second", "ratings", "v1", by(second)),
        )
        .await?;
        for protocol in PROTOCOLS {
            let client = scene.client(protocol);
            for forged in [
                &[][..],
                &[(first, b"v1".as_slice()), (second, b"v1")],
                &[(first, b"v2"), (second, b"v2")],
            ] {
                for (host, header, version) in [
                    ("reviews", Some(first), "v2"),
                    ("ratings", Some(second), "v1"),
                    ("other", None, "nobody"),
                ] {
                    let what = format!("{first} {second} {protocol:?} {host} {forged:?}");
                    let answer = client.get(host, "/", forged).await?;
                    assert_eq!(answer.upstream(), Some(version), "{what}");
                    for name in [first, second] {
                        let expected = (header == Some(name)).then_some(version);
                        assert_eq!(
                            echoed(&answer, name)?,
                            Vec::from_iter(expected),
                            "{what}: {name}"
                        );
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
async fn if_both_plugins_claim_a_host_the_first_decides() -> Result<()> {
    for (first, second, host) in [
        (by(VERSION), by(VERSION), "reviews"),
        (by(VERSION), by(HEADER), "reviews"),
        (by(VERSION), by(VERSION), "*"),
        (by(VERSION), by_authority(), "reviews"),
        (by_authority(), by(VERSION), "*"),
        // The first plugin rewrites :authority to the host of the second.
        (by_authority(), by(VERSION), "reviews-v2"),
    ] {
        let what = format!("{first} {second} {host}");
        let scene = scene(
            config("first", "reviews", "v2", first.clone()),
            config("second", host, "v1", second.clone()),
        )
        .await?;
        let headers = [&first, &second].map(|route| route["header"].as_str());
        let forged = headers
            .iter()
            .flatten()
            .map(|name| (*name, b"v1".as_slice()));
        let asking = [("explain-first", b"1".as_slice()), ("explain-second", b"1")];
        let sent: Vec<(&str, &[u8])> = asking.into_iter().chain(forged).collect();
        for protocol in PROTOCOLS {
            let answer = scene.client(protocol).get("reviews", "/", &sent).await?;
            assert_eq!(answer.upstream(), Some("v2"), "{what}");
            let decisions = answer.headers.get_all(DECISION).iter();
            assert_eq!(
                Vec::from_iter(decisions),
                ["release=first version=v2 reason=active"],
                "{what}"
            );
            for name in headers.into_iter().flatten() {
                let expected = (headers[0] == Some(name)).then_some("v2");
                assert_eq!(
                    echoed(&answer, name)?,
                    Vec::from_iter(expected),
                    "{what}: {name}"
                );
            }
        }
        for (name, release, counted) in [
            (REQUESTS, "first", 2.0),
            (REQUESTS, "second", 0.0),
            ("halftone_conflicts_total", "first", 0.0),
            ("halftone_conflicts_total", "second", 2.0),
        ] {
            assert_eq!(
                scene.metric(name, &[("release", release)]).await?,
                counted,
                "{what}: {name}"
            );
        }
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_plugin_publishes_its_decision_only_if_another_plugin_can_read_it() -> Result<()> {
    let first =
        || Plugin::new("first").config(&config("first", "reviews", "v2", by(VERSION)).to_string());
    // In its own VM, like another build of the filter.
    let second = Plugin::new("second")
        .config(&config("second", "*", "v1", by(VERSION)).to_string())
        .environment("VM", "second");
    let scene = Scene::of(|proxy| {
        proxy
            .plugin(first())
            .access_log("%FILTER_STATE(wasm.halftone.routed:PLAIN)%")
    })
    .await?;
    let published = async || -> Result<String> {
        let before = scene.envoy.access_log()?.lines().count();
        assert_eq!(scene.get(&[]).await?.upstream(), Some("v2"));
        wait::some(SOON, "a line", async || {
            let log = scene.envoy.access_log()?;
            Ok(log.lines().nth(before).map(str::to_owned))
        })
        .await
    };
    let plugins = async |count: f64| {
        wait::until(SOON, &format!("{count} plugins"), async || {
            Ok(scene.metric("halftone_plugins", &[]).await? == count)
        })
        .await
    };
    for _ in 0..2 {
        plugins(1.0).await?;
        wait::until(SOON, "no published decision", async || {
            Ok(published().await? == "-")
        })
        .await?;

        let both = scene
            .upstreams
            .proxy()
            .plugin(first())
            .plugin(second.clone());
        let both = both.route(Route::header(VERSION, "v2").to("v2"));
        let address = scene.envoy.open_second(both.fallback("nobody")).await?;
        assert_eq!(published().await?, VERSION);
        plugins(2.0).await?;
        let conflicts = scene.metric("halftone_conflicts_total", &[]).await?;
        let answer = Client::http1(address).get("reviews", "/", &[]).await?;
        assert_eq!(answer.upstream(), Some("v2"));
        let counted = scene.metric("halftone_conflicts_total", &[]).await?;
        assert_eq!(counted, conflicts + 1.0);
        scene.envoy.close_second().await?;
    }
    scene.end().await
}
