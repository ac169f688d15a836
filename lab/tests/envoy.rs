//! A real Envoy without a plugin: start, routes, logs and counters, end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use halftone_lab::client::{Client, Tunnel};
use halftone_lab::envoy::Envoy;
use halftone_lab::load::Load;
use halftone_lab::proxy::{Cluster, HEALTH_HOST, Proxy, Route};
use halftone_lab::upstream::{Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn requests_take_the_first_route_that_matches() -> anyhow::Result<()> {
    let v1 = Upstream::start("v1").await?;
    let v2 = Upstream::start("v2").await?;
    let proxy = Proxy::new()
        .cluster(Cluster::new("v1", v1.address()))
        .cluster(Cluster::new("outbound|80|v2|reviews", v2.address()).http2())
        .route(Route::header("x-version", "v2").to("outbound|80|v2|reviews"))
        .route(Route::authority("reviews-v2.shop").to("outbound|80|v2|reviews"))
        .fallback("v1");
    let envoy = Envoy::start(proxy).await?;

    for client in [
        Client::http1(envoy.address()),
        Client::http2(envoy.address()),
    ] {
        assert_eq!(
            client.get("reviews", "/", &[]).await?.upstream(),
            Some("v1")
        );
        assert_eq!(
            client
                .get("reviews", "/", &[("x-version", b"v2")])
                .await?
                .upstream(),
            Some("v2")
        );
        assert_eq!(
            client
                .get("reviews", "/", &[("x-version", b"v3")])
                .await?
                .upstream(),
            Some("v1")
        );
        assert_eq!(
            client.get("reviews-v2.shop:80", "/", &[]).await?.upstream(),
            Some("v2")
        );
        assert_eq!(client.get(HEALTH_HOST, "/", &[]).await?.upstream(), None);
    }
    assert!(
        v2.requests()
            .iter()
            .all(|request| request.version == "HTTP/2.0")
    );
    envoy.check_health().await?;
    envoy.stop().await
}

#[tokio::test]
async fn counters_and_logs_can_be_read() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let proxy = Proxy::new()
        .cluster(Cluster::new("v1", upstream.address()))
        .fallback("v1")
        .access_log("%REQ(:PATH)%");
    let envoy = Envoy::start(proxy).await?;
    let report = Load::new(envoy.address()).path("/here").run(50).await?;
    assert_eq!(report.failed(), 0);
    assert_eq!(envoy.stat("cluster.v1.upstream_rq_200").await?, 50);
    let cluster = [("envoy_cluster_name", "v1"), ("envoy_response_code", "200")];
    assert_eq!(
        envoy
            .metrics()
            .await?
            .sum("envoy_cluster_upstream_rq", &cluster),
        50.0
    );
    wait::until(SOON, "50 lines in the access log", async || {
        Ok(envoy
            .access_log()?
            .lines()
            .filter(|line| *line == "/here")
            .count()
            == 50)
    })
    .await?;
    ensure!(envoy.log()?.contains("starting main dispatch loop"));
    envoy.stop().await
}

#[tokio::test]
async fn clusters_can_be_empty_refuse_connections_or_have_overrides() -> anyhow::Result<()> {
    let refusing = Refusing::new()?;
    let slow = Upstream::start("slow").await?;
    slow.script(Script::hang());
    let proxy = Proxy::new()
        .cluster(Cluster::empty("empty"))
        .cluster(Cluster::new("refusing", refusing.address()?))
        .cluster(Cluster::new("slow", slow.address()).with(json!({"connect_timeout": "2s"})))
        .route(Route::header("to", "empty").to("empty"))
        .route(
            Route::header("to", "slow")
                .to("slow")
                .with(json!({"route": {"timeout": "0.05s"}})),
        )
        .fallback("refusing");
    let envoy = Envoy::start(proxy).await?;
    let client = Client::http1(envoy.address());
    assert_eq!(
        client.get("shop", "/", &[("to", b"empty")]).await?.status,
        503
    );
    assert_eq!(client.get("shop", "/", &[]).await?.status, 503);
    assert_eq!(
        client.get("shop", "/", &[("to", b"slow")]).await?.status,
        504
    );
    envoy.stop().await
}

#[tokio::test]
async fn upgrades_pass_if_they_are_allowed() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let proxy = Proxy::new()
        .cluster(Cluster::new("v1", upstream.address()))
        .fallback("v1");
    let closed = Envoy::start(proxy.clone()).await?;
    assert!(
        Tunnel::websocket(closed.address(), "shop", "/")
            .await
            .is_err()
    );
    let open = Envoy::start(proxy.upgrades()).await?;
    assert_eq!(
        Tunnel::websocket(open.address(), "shop", "/")
            .await?
            .echo(b"ping")
            .await?,
        b"ping"
    );
    assert_eq!(
        Tunnel::connect(open.address(), "shop:80")
            .await?
            .echo(b"pong")
            .await?,
        b"pong"
    );
    Ok(())
}

#[tokio::test]
async fn a_native_filter_goes_first() -> anyhow::Result<()> {
    let proxy = Proxy::new().before(json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": "function envoy_on_request(handle) handle:respond({[':status'] = '418'}, '') end"},
        },
    }));
    let envoy = Envoy::start(proxy).await?;
    assert_eq!(
        Client::http1(envoy.address())
            .get("shop", "/", &[])
            .await?
            .status,
        418
    );
    let sick = envoy.check_health().await.err().context("healthy")?;
    assert_eq!(sick.to_string(), "health.check answered 418 I'm a teapot");
    Ok(())
}

#[tokio::test]
async fn the_error_for_a_rejected_bootstrap_has_the_reason_of_envoy() -> anyhow::Result<()> {
    let failed = Envoy::start(Proxy::new().before(json!({"nonsense": 1})))
        .await
        .err()
        .context("it runs")?;
    assert!(format!("{failed:#}").contains("nonsense"), "{failed:#}");
    Ok(())
}

#[tokio::test]
async fn a_chosen_port_in_use_is_an_error() -> anyhow::Result<()> {
    let taken = Upstream::start("taken").await?;
    for proxy in [
        Proxy::new().port(taken.address().port()),
        Proxy::new().admin_port(taken.address().port()),
    ] {
        let failed = Envoy::start(proxy).await.err().context("it runs")?;
        assert!(
            format!("{failed:#}").contains("Address already in use"),
            "{failed:#}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn dropping_an_envoy_ends_its_process_and_removes_its_files() -> anyhow::Result<()> {
    let envoy = Envoy::start(Proxy::new()).await?;
    let pid = envoy.pid();
    assert!(runs(pid));
    drop(envoy);
    assert!(!runs(pid));
    Ok(())
}

#[tokio::test]
async fn an_envoy_that_ended_is_not_healthy() -> anyhow::Result<()> {
    let envoy = Envoy::start(Proxy::new()).await?;
    envoy.check_health().await?;
    Command::new("kill")
        .args(["-9", &envoy.pid().to_string()])
        .status()?;
    wait::until(SOON, "Envoy to end", async || Ok(!runs(envoy.pid()))).await?;
    assert!(envoy.check_health().await.is_err());
    assert!(envoy.stop().await.is_err());
    Ok(())
}

/// Runs this test program again, with the test `abandoned_envoy`, and kills it while its Envoy runs.
#[tokio::test]
async fn killing_the_test_runner_ends_its_envoy() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let pid_file = directory.path().join("pid");
    let mut runner = Command::new(std::env::current_exe()?)
        .args(["--exact", "abandoned_envoy", "--ignored"])
        .env("HALFTONE_LAB_PID_FILE", &pid_file)
        .env("TMPDIR", directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid: u32 = wait::some(
        Duration::from_secs(30),
        "an Envoy in the other process",
        async || {
            Ok(fs::read_to_string(&pid_file)
                .ok()
                .and_then(|text| text.trim().parse().ok()))
        },
    )
    .await?;
    assert!(runs(pid));
    // SIGKILL: no destructor and no handler runs.
    runner.kill()?;
    runner.wait()?;
    wait::until(SOON, "the abandoned Envoy to end", async || Ok(!runs(pid))).await
}

#[tokio::test]
#[ignore = "started by killing_the_test_runner_ends_its_envoy"]
async fn abandoned_envoy() -> anyhow::Result<()> {
    let pid_file =
        std::env::var_os("HALFTONE_LAB_PID_FILE").context("HALFTONE_LAB_PID_FILE is not set")?;
    let envoy = Envoy::start(Proxy::new()).await?;
    fs::write(Path::new(&pid_file), format!("{}\n", envoy.pid()))?;
    std::future::pending().await
}

fn runs(pid: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-0", &pid.to_string()]).stderr(Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}
