//! Scripts of upstreams, without an Envoy between client and upstream.

use std::time::{Duration, Instant};

use anyhow::Context;
use halftone_lab::client::{Client, Protocol, Tunnel, raw};
use halftone_lab::load::Load;
use halftone_lab::upstream::{Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::Value;

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_echo_has_the_whole_request() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    for (protocol, version) in BOTH.into_iter().zip(["HTTP/1.1", "HTTP/2.0"]) {
        let client = Client::new(upstream.address(), protocol);
        let answer = client
            .post(
                "shop",
                "/cart?id=1",
                &[("x-a", b"1"), ("x-a", b"\xff")],
                "four",
            )
            .await?;
        assert_eq!(
            (answer.status.as_u16(), answer.upstream()),
            (200, Some("v1"))
        );
        let echo: Value = serde_json::from_str(&answer.text())?;
        for (key, value) in [
            ("method", "POST"),
            ("authority", "shop"),
            ("path", "/cart?id=1"),
            ("version", version),
        ] {
            assert_eq!(
                echo.get(key).and_then(Value::as_str),
                Some(value),
                "{protocol:?}"
            );
        }
        assert_eq!(echo.get("body_bytes"), Some(&Value::from(4)));
        let request = upstream.requests().pop().context("nothing remembered")?;
        assert_eq!(request.values("x-a"), [b"1".as_slice(), b"\xff"]);
        assert_eq!(request.body, "four");
        assert!(request.complete);
    }
    assert_eq!(upstream.received(), 2);
    Ok(())
}

#[tokio::test]
async fn an_answer_follows_its_script() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let delay = Duration::from_millis(60);
    upstream.script(
        Script::status(503)
            .header("x-b", "2")
            .header("x-b", b"\xfe")
            .body("no")
            .delay(delay),
    );
    for protocol in BOTH {
        let start = Instant::now();
        let answer = Client::new(upstream.address(), protocol)
            .get("shop", "/", &[])
            .await?;
        assert!(start.elapsed() >= delay);
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (503, "no")
        );
        let values: Vec<&[u8]> = answer
            .headers
            .get_all("x-b")
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        assert_eq!(values, [b"2".as_slice(), b"\xfe"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_grpc_answer_has_its_status_in_the_trailers() -> anyhow::Result<()> {
    let upstream = Upstream::start("grpc").await?;
    upstream.script(Script::grpc(5, b"hello"));
    let answer = Client::http2(upstream.address())
        .post("shop", "/Shop/Get", &[], "")
        .await?;
    assert_eq!(answer.body, b"\0\0\0\0\x05hello".as_slice());
    assert_eq!(
        answer
            .trailers
            .get("grpc-status")
            .map(|value| value.as_bytes()),
        Some(b"5".as_slice())
    );
    Ok(())
}

#[tokio::test]
async fn a_reset_happens_before_the_answer_and_an_abort_within_it() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    for protocol in BOTH {
        let client = Client::new(upstream.address(), protocol);
        for (script, says) in [
            (Script::reset(), "no answer"),
            (
                Script::echo().break_off(),
                "the answer 200 OK is incomplete",
            ),
        ] {
            upstream.script(script);
            let failed = client
                .get("shop", "/", &[])
                .await
                .err()
                .context("an answer")?;
            assert!(
                format!("{failed:#}").contains(says),
                "{protocol:?}: {failed:#}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn if_an_upstream_hangs_the_deadline_of_the_client_passes() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    upstream.script(Script::hang());
    let client = Client::http1(upstream.address()).deadline(Duration::from_millis(50));
    let failed = client
        .get("shop", "/slow", &[])
        .await
        .err()
        .context("an answer")?;
    assert_eq!(
        failed.to_string(),
        format!(
            "GET /slow to {}: no complete answer in 50ms",
            upstream.address()
        )
    );
    let received = async || Ok(upstream.received() == 1);
    wait::until(SOON, "the request", received).await
}

#[tokio::test]
async fn a_director_chooses_a_script_per_request() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    upstream.direct(|request| Script::status(if request.path == "/bad" { 500 } else { 204 }));
    let client = Client::http1(upstream.address());
    assert_eq!(client.get("shop", "/bad", &[]).await?.status, 500);
    assert_eq!(client.get("shop", "/good", &[]).await?.status, 204);
    Ok(())
}

#[tokio::test]
async fn tunnels_echo() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let mut websocket = Tunnel::websocket(upstream.address(), "shop", "/chat").await?;
    assert_eq!(websocket.echo(b"ping").await?, b"ping");
    let mut connect = Tunnel::connect(upstream.address(), "shop:80").await?;
    assert_eq!(connect.echo(b"pong").await?, b"pong");
    Ok(())
}

#[tokio::test]
async fn a_raw_connection_sends_any_bytes() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    let heard = raw(upstream.address(), b"NONSENSE\r\n\r\n").await?;
    assert!(
        heard.starts_with(b"HTTP/1.1 400"),
        "{}",
        String::from_utf8_lossy(&heard)
    );
    Ok(())
}

#[tokio::test]
async fn a_refusing_address_refuses_connections() -> anyhow::Result<()> {
    let refusing = Refusing::new()?;
    let client = Client::http1(refusing.address()?);
    assert!(client.get("shop", "/", &[]).await.is_err());
    Ok(())
}

#[tokio::test]
async fn load_counts_every_request() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    upstream.remember(false);
    let report = Load::new(upstream.address())
        .connections(4)
        .run(100)
        .await?;
    assert_eq!(
        (report.answers(), report.failed(), upstream.received()),
        (100, 0, 100)
    );
    assert_eq!(report.upstreams.get("v1"), Some(&100));
    assert!(report.latency(50) <= report.latency(99));

    upstream.script(Script::status(500));
    let report = Load::new(upstream.address())
        .http2()
        .connections(4)
        .run(100)
        .await?;
    assert_eq!((report.answers(), report.failed()), (100, 100));
    Ok(())
}
