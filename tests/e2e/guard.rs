//! The guard: a version that fails loses its traffic.

pub mod traffic;

use std::time::Duration;

use anyhow::Result;
use halftone_lab::upstream::{Received, Script};
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{PLUGIN, REQUESTS, Scene, reviews};
use traffic::Traffic;

const GUARD: &str = "halftone_guard";

/// The longest time until a verdict that is sure to come. A busy machine needs a multiple of what the
/// simulations in `tests/it/guard.rs` say.
const VERDICT: Duration = Duration::from_secs(60);

/// A tenth of the sessions goes to v2, under this guard.
fn guarded(guard: Value) -> Value {
    let split = json!([{"version": "v2", "weight": 10}, {"version": "v1", "weight": 90}]);
    let session = json!({"key": [{"header": "x-user-id"}]});
    let testers = json!([{
        "name": "testers", "version": "v2", "guarded": false,
        "match": [{"headers": {"x-tester": {"present": true}}}],
    }]);
    reviews(json!({
        "canary": {"rules": testers, "split": split, "session": session},
        "guard": guard,
    }))
}

/// Fails for the users whose number modulo `of` is 0.
fn fails_for_each(of: u64) -> impl Fn(&Received) -> Script + Send + Sync + 'static {
    move |request| {
        let user = request
            .header("x-user-id")
            .and_then(|user| user.parse::<u64>().ok());
        let fails = user.is_some_and(|user| user.is_multiple_of(of));
        Script::status(if fails { 500 } else { 200 })
    }
}

async fn guard_of(scene: &Scene, version: &str) -> Result<f64> {
    scene.metric(GUARD, &[("version", version)]).await
}

async fn verdict(scene: &Scene) -> Result<()> {
    wait::until(VERDICT, "the verdict", async || {
        Ok(guard_of(scene, "v2").await? == 1.0)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_whose_every_response_fails_loses_its_traffic_on_all_workers() -> Result<()> {
    let scene = Scene::new(&guarded(json!({}))).await?;
    scene.upstreams.v2.script(Script::status(500));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    traffic.more(350).await?;
    let seen = traffic.stop().await?;
    println!("{}", seen.of_verdict());

    // 2 seconds from the first failure to the last request, and 1.5 seconds until all workers agree.
    let took = seen.requests_to_verdict();
    assert!(
        took <= 200,
        "v2 got the request {took} after its first failure"
    );
    let took = seen.requests_to_agreement();
    assert!(took <= 150, "some worker sends on for {took} requests");
    assert!(
        seen.all
            .iter()
            .all(|one| one.version == "v2" || one.status == 200)
    );
    assert!(
        scene
            .metric(REQUESTS, &[("reason", "guard"), ("version", "v1")])
            .await?
            > 0.0
    );
    let log = scene.envoy.log()?;
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("guard of release"))
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    for word in ["reviews", "v2 fails", "to v1", "of the principal"] {
        assert!(said[0].contains(word), "{said:?}");
    }

    let tester = scene.get(&[("x-tester", b"1")]).await?;
    assert_eq!(tester.status, 500, "an unguarded rule");
    scene.end().await
}

/// The median of the simulations in `tests/it/guard.rs` is half of these times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn less_traffic_and_fewer_failures_take_longer() -> Result<()> {
    // Requests a second, one of how many of v2's fails, and the longest time in seconds.
    for (rate, of, seconds) in [(10, 1, 15), (100, 5, 10)] {
        let scene = Scene::new(&guarded(json!({}))).await?;
        scene.upstreams.v2.direct(fails_for_each(of));
        let traffic = Traffic::start(&scene, rate);
        verdict(&scene).await?;
        traffic.more(u64::from(rate) * 3).await?;
        let seen = traffic.stop().await?;
        println!("{}", seen.of_verdict());
        let took = seen.requests_to_verdict();
        let most = u64::from(rate) * seconds;
        assert!(took <= most, "{took} requests at {rate} a second");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_holds_until_its_release_changes() -> Result<()> {
    let config = guarded(json!({}));
    let scene = Scene::new(&config).await?;
    scene.upstreams.v2.script(Script::status(500));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    scene.upstreams.v2.script(Script::status(200));

    let mut with_other = config.clone();
    let other = json!({"name": "other", "hosts": ["other"], "principal": "v1", "canary": {}});
    with_other["releases"]
        .as_array_mut()
        .unwrap()
        .insert(0, other);
    // The same release in another writing, compiled again.
    let mut rewritten = with_other.clone();
    rewritten["mirrorBudget"] = json!("1MiB");
    rewritten["releases"][1]["guard"] = json!({"retry": null});
    for (what, config) in [
        ("another release", &with_other),
        ("another writing", &rewritten),
    ] {
        scene.envoy.apply(PLUGIN, Some(&config.to_string())).await?;
        traffic.more(50).await?;
        let before = scene.upstreams.v2.received();
        traffic.more(150).await?;
        assert_eq!(scene.upstreams.v2.received(), before, "{what}");
        assert_eq!(guard_of(&scene, "v2").await?, 1.0, "{what}");
    }

    let changed = guarded(json!({"atLeast": 4}));
    scene
        .envoy
        .apply(PLUGIN, Some(&changed.to_string()))
        .await?;
    let before = scene.upstreams.v2.received();
    wait::until(VERDICT, "requests to v2", async || {
        Ok(scene.upstreams.v2.received() > before + 10)
    })
    .await?;
    assert_eq!(guard_of(&scene, "v2").await?, 0.0);

    // The first configuration again: its verdict is forgotten too.
    scene.envoy.apply(PLUGIN, Some(&config.to_string())).await?;
    traffic.more(50).await?;
    let before = scene.upstreams.v2.received();
    traffic.more(150).await?;
    assert!(scene.upstreams.v2.received() > before);
    assert_eq!(guard_of(&scene, "v2").await?, 0.0);

    scene.upstreams.v2.script(Script::status(500));
    verdict(&scene).await?;
    scene
        .envoy
        .apply(PLUGIN, Some(r#"{"releases": []}"#))
        .await?;
    wait::until(VERDICT, "the gauge of a removed release", async || {
        Ok(guard_of(&scene, "v2").await? == 0.0)
    })
    .await?;
    traffic.stop().await?;
    scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_fails_at_times_loses_its_traffic_and_gets_it_back() -> Result<()> {
    let scene = Scene::new(&guarded(json!({"retry": "2s"}))).await?;
    scene.upstreams.v2.direct(fails_for_each(5));
    let traffic = Traffic::start(&scene, 100);
    verdict(&scene).await?;
    scene.upstreams.v2.script(Script::status(200));
    let before = scene.upstreams.v2.received();
    wait::until(VERDICT, "the retry", async || {
        Ok(guard_of(&scene, "v2").await? == 0.0 && scene.upstreams.v2.received() > before + 20)
    })
    .await?;
    println!("{}", traffic.stop().await?.of_verdict());
    scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_canary_keeps_its_traffic() -> Result<()> {
    let scene = Scene::new(&guarded(json!({}))).await?;
    let (v1, v2) = (&scene.upstreams.v1, &scene.upstreams.v2);
    for upstream in [v1, v2] {
        upstream.remember(false);
        upstream.direct(fails_for_each(100));
    }
    // A minute, then ten seconds each.
    let traffic = Traffic::start(&scene, 500);
    traffic.more(30_000).await?;
    assert_eq!(guard_of(&scene, "v2").await?, 0.0);

    // Something that both need is down.
    for upstream in [v1, v2] {
        upstream.script(Script::status(503));
    }
    traffic.more(5_000).await?;
    for upstream in [v1, v2] {
        upstream.direct(fails_for_each(100));
    }

    // One client loops, and fails every time.
    let looping = traffic::user_of(&scene, "v2").await?;
    let user = looping.clone();
    v2.direct(move |request| {
        let is_looping = request.header("x-user-id").as_deref() == Some(&user);
        Script::status(if is_looping { 500 } else { 200 })
    });
    let failing = traffic::repeat(&scene, &looping, 20);
    traffic.more(5_000).await?;
    let looped = failing.stop().await?.all.len();
    assert!(looped > 50, "{looped}");
    assert_eq!(guard_of(&scene, "v2").await?, 0.0);
    let failures = scene
        .metric("halftone_failures_ignored_total", &[("version", "v2")])
        .await?;
    assert!(failures > looped as f64 / 2.0, "{failures} of {looped}");

    let before = v2.received();
    traffic.more(200).await?;
    assert!(v2.received() > before);
    traffic.stop().await?;
    assert!(!scene.envoy.log()?.contains("guard of release"));
    scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blue_green_release_has_the_ceiling() -> Result<()> {
    let scene = Scene::new(&reviews(json!({
        "blueGreen": {"active": "v2"}, "guard": {"failures": ["reset"], "ceiling": 50},
    })))
    .await?;
    let traffic = Traffic::start(&scene, 50);
    traffic.more(100).await?;
    scene.upstreams.v2.script(Script::status(500));
    traffic.more(150).await?;
    assert_eq!(
        guard_of(&scene, "v2").await?,
        0.0,
        "a status is no reset here"
    );
    scene.upstreams.v2.script(Script::reset());
    verdict(&scene).await?;
    traffic.more(50).await?;
    let before = scene.upstreams.v2.received();
    traffic.more(50).await?;
    assert_eq!(scene.upstreams.v2.received(), before);
    let resets = [("kind", "reset"), ("version", "v2")];
    assert!(scene.metric("halftone_failures_total", &resets).await? >= 20.0);
    traffic.stop().await?;
    scene.end().await
}
