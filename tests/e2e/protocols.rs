//! Every protocol over HTTP gets a decision and passes unchanged.

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Raw, Tunnel};
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Proxy, Route};
use halftone_lab::upstream::{Script, Upstream};
use serde_json::{Value, json};

use crate::scene::{ASKED, DECISION, PROTOCOLS, Scene, VERSION, active, decided, plugin, reviews};

/// Websockets and CONNECT go to v2, so a missing decision shows.
fn config() -> Value {
    reviews(json!({"canary": {"rules": [
        {"name": "websockets", "match": [{"headers": {"upgrade": {"exact": "websocket"}}}], "version": "v2"},
        {"name": "tunnels", "match": [{"method": {"exact": "CONNECT"}}], "version": "v2"},
    ]}}))
}

#[tokio::test]
async fn tunnels_are_routed_and_carry_bytes_both_ways() -> Result<()> {
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&config())).upgrades()).await?;
    let websocket = Tunnel::websocket(scene.envoy.address(), "reviews", "/chat").await?;
    let connect = Tunnel::connect(scene.envoy.address(), "reviews:80").await?;
    for mut tunnel in [websocket, connect] {
        for message in [b"ping".as_slice(), b"\xff\xfe\0\r\n\r\n", &[7; 100_000]] {
            assert!(tunnel.echo(message).await? == message);
        }
    }
    let requests = scene.upstreams.v2.requests();
    let methods: Vec<&str> = requests
        .iter()
        .map(|request| request.method.as_str())
        .collect();
    assert_eq!(methods, ["GET", "CONNECT"]);
    for request in &requests {
        assert_eq!(request.values(VERSION), [b"v2"], "{}", request.method);
    }
    scene.end().await
}

#[tokio::test]
async fn every_method_is_routed() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for method in [
            "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "PURGE",
        ] {
            let answer = client
                .request(
                    method.parse()?,
                    "reviews",
                    "/",
                    &[ASKED],
                    Default::default(),
                )
                .await?;
            assert_eq!(answer.status, 200, "{protocol:?} {method}");
            assert_eq!(
                decided(&answer, "reason"),
                Some("active"),
                "{protocol:?} {method}"
            );
            let request = scene.upstreams.v2.requests().pop();
            assert_eq!(
                request.context("v2 got no request")?.method,
                method,
                "{protocol:?}"
            );
        }
    }
    scene.end().await
}

#[tokio::test]
async fn bodies_pass_unchanged() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for length in [0, 1, 65_537, 1 << 20] {
            let body: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            scene
                .upstreams
                .v2
                .direct(|request| Script::status(200).body(request.body.clone()));
            let answer = client.post("reviews", "/", &[ASKED], body.clone()).await?;
            assert_eq!(answer.status, 200, "{protocol:?} {length}");
            assert_eq!(
                decided(&answer, "version"),
                Some("v2"),
                "{protocol:?} {length}"
            );
            assert!(answer.body == body, "{protocol:?} {length}");
            let request = scene
                .upstreams
                .v2
                .requests()
                .pop()
                .context("v2 got no request")?;
            assert!(
                request.complete && request.body == body,
                "{protocol:?} {length}"
            );
        }
    }
    scene.end().await
}

#[tokio::test]
async fn a_client_can_wait_for_100_continue() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    let mut connection = Raw::open(scene.envoy.address()).await?;
    let head = "POST / HTTP/1.1\r\nhost: reviews\r\nx-halftone-explain: 1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    connection.say(head.as_bytes()).await?;
    let heard = connection.hear_until(b"\r\n\r\n").await?;
    assert!(
        heard.starts_with(b"HTTP/1.1 100 Continue\r\n\r\n"),
        "{}",
        heard.escape_ascii()
    );
    connection.say(b"body").await?;
    let heard = connection.hear_until(b"\r\n\r\n").await?;
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{heard}");
    assert!(heard.contains(DECISION), "{heard}");
    assert_eq!(
        scene
            .upstreams
            .v2
            .requests()
            .pop()
            .context("v2 got no request")?
            .body,
        "body"
    );
    scene.end().await
}

#[tokio::test]
async fn grpc_keeps_its_frames_and_trailers() -> Result<()> {
    let v2 = Upstream::start("v2").await?;
    let proxy = Proxy::new()
        .plugin(plugin(&active("v2")))
        .cluster(Cluster::new("v2", v2.address()).http2())
        .route(Route::header(VERSION, "v2").to("v2"));
    let envoy = Envoy::start(proxy).await?;
    let client = Client::http2(envoy.address());
    let call: [(&str, &[u8]); 3] = [
        ASKED,
        ("content-type", b"application/grpc"),
        ("te", b"trailers"),
    ];
    for status in [0, 5] {
        v2.script(Script::grpc(status, b"answer").trailer("x-trailer", b"\xff"));
        let answer = client
            .post(
                "reviews",
                "/shop.Reviews/Get",
                &call,
                b"\0\0\0\0\x04call".as_slice(),
            )
            .await?;
        assert_eq!(
            (answer.status.as_u16(), decided(&answer, "version")),
            (200, Some("v2"))
        );
        assert_eq!(answer.body, b"\0\0\0\0\x06answer".as_slice());
        assert_eq!(answer.trailers["grpc-status"], status.to_string().as_str());
        assert_eq!(answer.trailers["x-trailer"].as_bytes(), b"\xff");
        let request = v2.requests().pop().context("v2 got no request")?;
        assert_eq!(request.body, b"\0\0\0\0\x04call".as_slice());
        assert_eq!(request.version, "HTTP/2.0");
    }
    envoy.check_health().await?;
    envoy.stop().await
}
