//! A gRPC call of one message is mirrored, and Envoy's own answers do not count as the mirror's.

use anyhow::Result;
use halftone_lab::client::{Client, Fields, Protocol, Upload};
use halftone_lab::proxy::{Cluster, Route};
use halftone_lab::upstream::{Refusing, Script, Upstream};
use serde_json::{Value, json};

use super::stage::{SHADOW, SHADOW_HTTP2, Stage, mirror, mirrored, outcomes, until_counted};
use crate::scene::{VERSION, plugin};

const CALL: Fields<'_> = &[
    ("content-type", b"application/grpc+proto"),
    ("te", b"trailers"),
];
const MESSAGE: &[u8] = b"\0\0\0\0\x04call";

/// A stage whose mirrors accept calls, with a production that does and an address that refuses connections.
async fn stage(mirrors: Vec<Value>) -> Result<(Stage, (Upstream, Refusing))> {
    let production = Upstream::start("production").await?;
    production.script(Script::grpc(0, b"answer"));
    let refusing = Refusing::new()?;
    let refused = refusing.address()?;
    let stage = Stage::of(|proxy| {
        proxy
            .plugin(plugin(&mirrored(mirrors)))
            .cluster(Cluster::new("production", production.address()).http2())
            .cluster(Cluster::new("refusing", refused).http2())
            .route(Route::header(VERSION, "v1").to("production"))
    })
    .await?;
    Ok((stage, (production, refusing)))
}

fn shadow() -> Value {
    let methods = ["POST"];
    mirror(SHADOW, json!({"cluster": SHADOW_HTTP2, "methods": methods}))
}

async fn call(stage: &Stage) -> Result<()> {
    let client = Client::http2(stage.scene.envoy.address());
    let answer = client
        .post("reviews", "/shop.Reviews/Get", CALL, MESSAGE)
        .await?;
    assert_eq!(answer.body, &b"\0\0\0\0\x06answer"[..]);
    assert_eq!(answer.trailers["grpc-status"], "0");
    Ok(())
}

#[tokio::test]
async fn a_call_of_one_message_is_mirrored_unchanged() -> Result<()> {
    let (stage, (production, _refusing)) = stage(vec![shadow()]).await?;
    // With any answer of the mirror: with trailers, or with trailers only.
    let late = "upstream request timeout";
    let unavailable = Script::status(200)
        .header("content-type", "application/grpc")
        .header("grpc-status", "14")
        .header("grpc-message", late);
    let answers = [
        Script::grpc(0, b"answer"),
        Script::grpc(5, b"answer"),
        Script::grpc(14, b"").trailer("grpc-message", late),
        unavailable,
        Script::status(503),
    ];
    for (place, script) in answers.into_iter().enumerate() {
        stage.shadow.script(script);
        call(&stage).await?;
        stage.until(&[("answered", place as u64 + 1)]).await?;
    }
    for copy in stage.shadow.requests() {
        assert_eq!(
            (copy.method.as_str(), copy.version.as_str()),
            ("POST", "HTTP/2.0")
        );
        assert_eq!(
            (copy.path.as_str(), copy.body.as_ref()),
            ("/shop.Reviews/Get", MESSAGE)
        );
        assert_eq!(copy.header("te").as_deref(), Some("trailers"));
        let kind = copy.header("content-type");
        assert_eq!(kind.as_deref(), Some("application/grpc+proto"));
    }
    assert_eq!(production.received(), 5);
    for (class, answers) in [("2xx", 2.0), ("grpc_error", 2.0), ("5xx", 1.0)] {
        let name = "halftone_mirror_responses_total";
        let counted = stage.scene.metric(name, &[("class", class)]).await?;
        assert_eq!(counted, answers, "{class}");
    }
    stage.end().await
}

#[tokio::test]
async fn a_call_whose_mirror_does_not_answer_is_counted_like_any_request() -> Result<()> {
    let expected = [
        ("hangs", "timeout"),
        ("stalls", "timeout"),
        ("resets", "failed"),
        ("breaks-off", "failed"),
        ("refusing", "failed"),
        ("missing", "no_cluster"),
    ];
    let mirrors = expected.map(|(name, outcome)| {
        let cluster = if ["refusing", "missing"].contains(&name) {
            name
        } else {
            SHADOW_HTTP2
        };
        // Envoy's timers fire early by a turn of its event loop, and the filter allows for 250 ms.
        let timeout = if outcome == "timeout" { "4s" } else { "1m" };
        let headers = json!({"set": {"x-do": name}});
        mirror(
            cluster,
            json!({"name": name, "timeout": timeout, "headers": headers}),
        )
    });
    let (stage, _servers) = stage(mirrors.into()).await?;
    stage.shadow.direct(|copy| {
        let answer = Script::grpc(0, b"answer");
        match copy.header("x-do").unwrap_or_default().as_str() {
            "hangs" => Script::hang(),
            "stalls" => answer.stall(),
            "resets" => Script::reset(),
            _ => answer.break_off(),
        }
    });
    call(&stage).await?;
    let mut wrong = Vec::new();
    for (mirror, outcome) in expected {
        until_counted(&stage.scene, mirror, 1).await?;
        let counted = outcomes(&stage.scene, mirror).await?;
        if counted != [(outcome, 1)] {
            wrong.push(format!("{mirror}: expected {outcome}, got {counted:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    stage.end().await
}

/// The pieces of the body of a request, and its outcome.
type Row = (&'static [&'static [u8]], &'static str);

#[tokio::test]
async fn a_stream_of_messages_is_skipped() -> Result<()> {
    let (stage, _servers) = stage(vec![shadow()]).await?;
    let rows: [Row; 5] = [
        (&[MESSAGE], "answered"),
        (&[b"\0\0", b"\0\0\x04ca", b"ll"], "answered"),
        (&[b"\0\0\0\0\0"], "answered"),
        (&[b"\0\0\0\0\x04call\0\0\0\0\x04call"], "skipped"),
        (&[MESSAGE, MESSAGE, MESSAGE], "skipped"),
    ];
    let mut counts = [("answered", 0), ("skipped", 0)];
    for (pieces, outcome) in rows {
        let address = stage.scene.envoy.address();
        let mut upload = Upload::begin(address, Protocol::Http2, "reviews", "/a.B/C", CALL)?;
        for piece in pieces {
            upload.say(*piece).await?;
        }
        assert_eq!(upload.end().await?.trailers["grpc-status"], "0");
        for (name, count) in &mut counts {
            *count += u64::from(*name == outcome);
        }
        let expected: Vec<_> = counts
            .iter()
            .copied()
            .filter(|(_, count)| *count > 0)
            .collect();
        stage.until(&expected).await?;
    }
    let copies = stage.shadow.requests();
    let bodies: Vec<&[u8]> = copies.iter().map(|copy| copy.body.as_ref()).collect();
    assert_eq!(bodies, [MESSAGE, MESSAGE, b"\0\0\0\0\0"]);
    stage.end().await
}
