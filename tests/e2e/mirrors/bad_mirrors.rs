//! No behaviour of a mirror changes production's answers, and each outcome is counted.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::{Answer, Protocol};
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::upstream::{Babbling, Received, Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use super::stage::{MIRRORS, mirror, mirrored, outcomes, until_counted};
use crate::scene::{PLUGIN, PROTOCOLS, SOON, Scene, active, plugin};

/// The behaviour of a mirror, and the outcome of a request that it selects.
type Row = (&'static str, &'static str);

/// Behaviour of the server. Each is a mirror over HTTP/1.1 and one over HTTP/2.
const BEHAVIOURS: [Row; 12] = [
    ("answers-200", "answered"),
    ("answers-404", "answered"),
    ("answers-408", "answered"),
    ("answers-500", "answered"),
    ("answers-503", "answered"),
    ("answers-504", "answered"),
    // Envoy's message for a timeout, sent by the mirror itself.
    ("answers-timeout-message", "answered"),
    ("hangs", "timeout"),
    ("stalls", "timeout"),
    ("resets", "failed"),
    ("breaks-off", "failed"),
    ("answers-too-much", "failed"),
];

/// Failures without a server.
const OTHERS: [Row; 8] = [
    ("refuses", "failed"),
    ("refuses-http2", "failed"),
    ("babbles", "failed"),
    ("babbles-http2", "failed"),
    ("ends-at-once", "failed"),
    ("has-no-endpoint", "failed"),
    ("has-an-open-circuit", "failed"),
    ("is-unknown", "no_cluster"),
];

fn behaviour(copy: &Received) -> Script {
    match copy.header("x-do").unwrap_or_default().as_str() {
        "answers-404" => Script::status(404),
        "answers-408" => Script::status(408),
        "answers-500" => Script::status(500),
        "answers-503" => Script::status(503).body("upstream connect error"),
        "answers-504" => Script::status(504),
        "answers-timeout-message" => Script::status(504).body("upstream request timeout"),
        "hangs" => Script::hang(),
        "stalls" => Script::status(200).body("the beginning").stall(),
        "resets" => Script::reset(),
        "breaks-off" => Script::status(200).body("the beginning").break_off(),
        "answers-too-much" => Script::status(200).zeros(100 << 20),
        _ => Script::status(200).body("fine"),
    }
}

/// All mirrors with their outcomes.
fn rows() -> Vec<(String, &'static str)> {
    let http1 = BEHAVIOURS.map(|(name, outcome)| (name.to_owned(), outcome));
    let http2 = BEHAVIOURS.map(|(name, outcome)| (format!("{name}-http2"), outcome));
    let others = OTHERS.map(|(name, outcome)| (name.to_owned(), outcome));
    http1.into_iter().chain(http2).chain(others).collect()
}

fn config() -> Value {
    mirrored(rows().iter().map(|(name, _)| {
        let behaviour = name.strip_suffix("-http2").unwrap_or(name);
        // Envoy's timers fire early by a turn of its event loop, and the filter allows for 250 ms.
        let timeout = if ["hangs", "stalls"].contains(&behaviour) {
            "4s"
        } else {
            "1m"
        };
        let headers = json!({"set": {"x-do": behaviour}});
        mirror(name, json!({"timeout": timeout, "headers": headers}))
    }))
}

fn clusters(
    mut proxy: Proxy,
    server: SocketAddr,
    refusing: SocketAddr,
    [babbling, ending]: [SocketAddr; 2],
) -> Proxy {
    for (name, _) in BEHAVIOURS {
        proxy = proxy
            .cluster(Cluster::new(name, server))
            .cluster(Cluster::new(&format!("{name}-http2"), server).http2());
    }
    let none = json!({"max_connections": 0, "max_pending_requests": 0, "max_requests": 0});
    let open = json!({"circuit_breakers": {"thresholds": [none]}});
    proxy
        .cluster(Cluster::new("refuses", refusing))
        .cluster(Cluster::new("refuses-http2", refusing).http2())
        .cluster(Cluster::new("babbles", babbling))
        .cluster(Cluster::new("babbles-http2", babbling).http2())
        .cluster(Cluster::new("ends-at-once", ending))
        .cluster(Cluster::empty("has-no-endpoint"))
        .cluster(Cluster::new("has-an-open-circuit", server).with(open))
}

/// The answer of production, by path.
fn production(request: &Received) -> Script {
    let body: Vec<u8> = (0..100_000).map(|place| (place % 249) as u8).collect();
    match request.path.as_str() {
        "/long" => Script::status(200).header("x-a", "1").body(body),
        "/echo" => Script::status(201).body(request.body.clone()),
        "/missing" => Script::status(404).body("nothing"),
        _ => Script::status(503).body("no"),
    }
}

async fn ask(scene: &Scene) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        answers.push(client.get("reviews", "/long", &[]).await?);
        answers.push(
            client
                .post("reviews", "/echo", &[], vec![7; 40_000])
                .await?,
        );
        answers.push(client.get("reviews", "/missing", &[]).await?);
        answers.push(client.get("reviews", "/broken", &[]).await?);
    }
    Ok(answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_answers_as_without_mirrors_and_each_outcome_is_counted() -> Result<()> {
    let server = Upstream::start("server").await?;
    server.direct(behaviour);
    let refusing = Refusing::new()?;
    let babbling = Babbling::start(b"\x16\x03\x01 this is not HTTP\r\n\r\n").await?;
    let ending = Babbling::start(b"").await?;
    let addresses = [babbling.address(), ending.address()];
    let refused = refusing.address()?;
    let scene = Scene::of(|proxy| {
        let proxy = proxy.plugin(plugin(&active("v1")));
        clusters(proxy, server.address(), refused, addresses)
    })
    .await?;
    scene.upstreams.v1.direct(production);
    let without = ask(&scene).await?;
    scene
        .envoy
        .apply(PLUGIN, Some(&config().to_string()))
        .await?;
    let with = ask(&scene).await?;
    assert_eq!(with.len(), 8);
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with.status, without.status);
        assert!(with.body == without.body, "{}", with.status);
        let names = |answer: &Answer| Vec::from_iter(answer.headers.keys().cloned());
        assert_eq!(names(with), names(without));
    }

    let (rows, asked) = (rows(), 8);
    wait::until(SOON, "an outcome for every copy", async || {
        Ok(scene.metric(MIRRORS, &[]).await? >= (rows.len() * asked) as f64)
    })
    .await?;
    let mut wrong = Vec::new();
    for (name, outcome) in &rows {
        let counted = outcomes(&scene, name).await?;
        if counted != [(*outcome, asked as u64)] {
            wrong.push(format!("{name}: expected {outcome}, got {counted:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn a_mirror_gets_each_copy_once() -> Result<()> {
    let server = Upstream::start("server").await?;
    let config = mirrored([mirror("server", json!({"timeout": "5s"}))]);
    let address = server.address();
    let scene = Scene::of(|proxy| {
        proxy
            .plugin(plugin(&config))
            .cluster(Cluster::new("server", address))
    })
    .await?;
    // Neither the filter nor headers of a client make Envoy retry, or change the timeout.
    let steering: [(&str, &[u8]); 6] = [
        ("x-envoy-retry-on", b"5xx,reset,connect-failure"),
        ("x-envoy-max-retries", b"3"),
        ("x-envoy-upstream-rq-timeout-ms", b"1"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", b"1"),
        ("x-envoy-hedge-on-per-try-timeout", b"true"),
        ("x-envoy-upstream-alt-stat-name", b"forged"),
    ];
    let client = scene.client(Protocol::Http1);
    for (asked, script) in [
        Script::status(503),
        Script::status(200).delay(Duration::from_millis(50)),
        Script::reset(),
    ]
    .into_iter()
    .enumerate()
    {
        server.script(script);
        // The headers do apply to production, so its answer is not checked.
        client.get("reviews", "/", &steering).await?;
        let asked = asked as u64 + 1;
        until_counted(&scene, "server", asked).await?;
        assert_eq!(server.received(), asked);
    }
    let expected = [("answered", 2), ("failed", 1)];
    assert_eq!(outcomes(&scene, "server").await?, expected);
    for copy in server.requests() {
        let timeout = copy.header("x-envoy-expected-rq-timeout-ms");
        assert_eq!(timeout.as_deref(), Some("5000"));
    }
    scene.end().await
}
