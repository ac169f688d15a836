//! What the guard and the fallback know, through all that can happen to a proxy: a second plugin in its VM, a crash of a
//! VM, and a hot restart.

use anyhow::Result;
use halftone_lab::client::{Client, Protocol};
use halftone_lab::proxy::{Cluster, FailurePolicy, Plugin, Route};
use halftone_lab::upstream::{Received, Script};
use halftone_lab::{tools, wait};
use serde_json::{Value, json};

use crate::guard::traffic::Traffic;
use crate::scene::{ASK, ASKED, PLUGIN, SOON, Scene, decided, plugin};

const OTHER: &str = "x-other-version";

/// The version of the routes to a cluster without endpoints.
const GONE: &str = "gone";

/// A release `shop` of `host`: a third of the sessions goes to v2, and testers go to a version without endpoints.
fn shop(host: &str, route: &str, guard: Value) -> Value {
    let split = json!([{"version": "v2", "weight": 1}, {"version": "v1", "weight": 2}]);
    let testers = json!([{
        "name": "testers", "version": GONE,
        "match": [{"headers": {"x-tester": {"present": true}}}],
    }]);
    json!({
        "releases": [{
            "name": "shop", "hosts": [host], "principal": "v1", "guard": guard, "fallback": {},
            "route": {"header": route},
            "canary": {
                "rules": testers, "split": split,
                "session": {"key": [{"header": "x-user-id"}]},
            },
        }],
        "explain": {"header": ASK},
    })
}

/// The reasons and versions of the answers to 40 users of `host`, each over its own connection, and whether a request was
/// decided at all.
async fn decisions(scene: &Scene, host: &str) -> Result<Vec<String>> {
    let mut decisions = Vec::new();
    for user in 0..40 {
        let user = user.to_string();
        let headers = [ASKED, ("x-user-id", user.as_bytes())];
        let answer = scene
            .client(Protocol::Http1)
            .get(host, "/", &headers)
            .await?;
        let part = |what| decided(&answer, what).unwrap_or("none").to_owned();
        decisions.push(format!("{} {}", part("version"), part("reason")));
    }
    decisions.sort();
    decisions.dedup();
    Ok(decisions)
}

/// The reason of the answer to a tester, over its own connection.
async fn of_tester(scene: &Scene, host: &str) -> Result<String> {
    let headers = [ASKED, ("x-tester", b"1")];
    let answer = Client::http1(scene.envoy.address())
        .get(host, "/", &headers)
        .await?;
    Ok(decided(&answer, "reason").unwrap_or_default().to_owned())
}

async fn verdict(scene: &Scene) -> Result<()> {
    wait::until(SOON, "the verdict", async || {
        let guard = scene.metric("halftone_guard", &[("version", "v2")]);
        Ok(guard.await? > 0.0)
    })
    .await
}

const RULED: [&str; 2] = ["v1 guard", "v1 session"];
const HEALTHY: [&str; 2] = ["v1 session", "v2 session"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_in_the_same_vm_shares_no_verdict_with_a_release_of_the_same_name() -> Result<()> {
    let scene = Scene::of(|proxy| {
        let first = shop("reviews", "x-halftone-version", json!({})).to_string();
        let second = shop("ratings", OTHER, json!({})).to_string();
        proxy
            .plugin(Plugin::new("first").config(&first))
            .plugin(Plugin::new("second").config(&second))
            .cluster(Cluster::empty(GONE))
            .route(Route::header("x-halftone-version", GONE).to(GONE))
            .route(Route::header(OTHER, GONE).to("nobody"))
            .route(Route::header(OTHER, "v1").to("v1"))
            .route(Route::header(OTHER, "v2").to("v2"))
    })
    .await?;
    // v2 fails for the first plugin alone.
    let fails = |request: &Received| {
        Script::status(if request.authority == "reviews" {
            500
        } else {
            200
        })
    };
    scene.upstreams.v2.direct(fails);
    let traffic = Traffic::start(&scene, 50);
    while scene.metric("halftone_guard", &[]).await? == 0.0 {
        assert_eq!(decisions(&scene, "ratings").await?, HEALTHY);
    }
    // What the second plugin's responses would be evidence for, the next ticks would show.
    for _ in 0..4 {
        traffic.more(50).await?;
        assert_eq!(decisions(&scene, "ratings").await?, HEALTHY);
    }
    traffic.stop().await?;
    assert_eq!(decisions(&scene, "reviews").await?, RULED);
    let log = scene.envoy.log()?;
    let ruled = log.lines().filter(|line| line.contains("guard of release"));
    assert_eq!(ruled.count(), 1);

    // The testers' version has no endpoint for the first plugin alone.
    wait::until(SOON, "the fallback", async || {
        Ok(of_tester(&scene, "reviews").await? == "fallback")
    })
    .await?;
    for _ in 0..20 {
        assert_eq!(of_tester(&scene, "ratings").await?, "rule:testers");
    }
    scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_a_vm_loses_no_verdict_and_no_missing_endpoint() -> Result<()> {
    let module = tools::trap_module()?;
    let scene = Scene::of(|proxy| {
        let config = shop("reviews", "x-halftone-version", json!({})).to_string();
        let plugin = Plugin::new(PLUGIN)
            .config(&config)
            .failure_policy(FailurePolicy::FailReload);
        proxy
            .module(module)
            .plugin(plugin)
            .cluster(Cluster::empty(GONE))
            .route(Route::header("x-halftone-version", GONE).to(GONE))
    })
    .await?;
    scene.upstreams.v2.script(Script::status(500));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    traffic.more(150).await?;
    traffic.stop().await?;
    of_tester(&scene, "reviews").await?;
    assert_eq!(decisions(&scene, "reviews").await?, RULED);
    let before = scene.upstreams.v2.received();

    for _ in 0..2 {
        // Requests to a VM that does not serve again yet get 503. Some crash the VM of the other worker.
        for _ in 0..8 {
            let trap = [("x-halftone-trap", &b"1"[..])];
            Client::http1(scene.envoy.address())
                .get("reviews", "/", &trap)
                .await?;
        }
        wait::until(SOON, "both VMs to serve again", async || {
            let decisions = decisions(&scene, "reviews").await?;
            Ok(!decisions.iter().any(|one| one.starts_with("none")))
        })
        .await?;
        // A VM that does not serve again yet may get a request now: 503.
        let mut seen = decisions(&scene, "reviews").await?;
        seen.retain(|one| !one.starts_with("none"));
        assert_eq!(seen, RULED);
        assert_eq!(
            scene.metric("halftone_guard", &[("version", "v2")]).await?,
            1.0
        );
        let mut tried = 0;
        for _ in 0..20 {
            tried += usize::from(of_tester(&scene, "reviews").await? == "rule:testers");
        }
        // One request a second tries.
        assert!(tried < 15, "{tried} of 20 testers met no endpoint");
    }
    assert_eq!(scene.upstreams.v2.received(), before);
    let reloads = format!("wasm.{PLUGIN}.vm_reload_success");
    assert!(scene.envoy.stat(&reloads).await? > 0);
    scene.envoy.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_restart_forgets_verdicts_and_missing_endpoints_and_fails_no_request() -> Result<()> {
    let mut scene = Scene::of(|proxy| {
        let config = shop("reviews", "x-halftone-version", json!({}));
        proxy
            .hot_restart()
            .plugin(plugin(&config))
            .cluster(Cluster::empty(GONE))
            .route(Route::header("x-halftone-version", GONE).to(GONE))
    })
    .await?;
    scene.upstreams.v2.script(Script::status(500));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    traffic.more(150).await?;
    traffic.stop().await?;
    wait::until(SOON, "the fallback", async || {
        Ok(of_tester(&scene, "reviews").await? == "fallback")
    })
    .await?;
    scene.upstreams.v2.script(Script::status(200));

    let traffic = Traffic::start(&scene, 50);
    scene.envoy.restart().await?;
    traffic.more(50).await?;
    let seen = traffic.stop().await?;
    assert!(
        seen.all.iter().all(|one| one.status == 200),
        "a request failed"
    );
    scene.envoy.parent_ended().await?;

    assert_eq!(decisions(&scene, "reviews").await?, HEALTHY);
    for gauge in ["halftone_guard", "halftone_unreachable"] {
        wait::until(SOON, gauge, async || {
            Ok(scene.metric(gauge, &[]).await? == 0.0)
        })
        .await?;
    }
    assert_eq!(of_tester(&scene, "reviews").await?, "rule:testers");
    wait::until(SOON, "the fallback again", async || {
        Ok(of_tester(&scene, "reviews").await? == "fallback")
    })
    .await?;

    // The guard judges again, from nothing.
    scene.upstreams.v2.script(Script::status(500));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    traffic.more(150).await?;
    traffic.stop().await?;
    assert_eq!(decisions(&scene, "reviews").await?, RULED);
    scene.end().await
}
