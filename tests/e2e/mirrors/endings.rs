//! A client that disconnects changes neither the copies nor their count.

use anyhow::Result;
use halftone_lab::client::{Raw, Upload};
use halftone_lab::load::Load;
use halftone_lab::upstream::{Gate, Script};
use halftone_lab::wait;
use serde_json::json;

use super::stage::{SHADOW, Stage, mirror, mirrored};
use crate::scene::{PROTOCOLS, REQUESTS, RESPONSES, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disconnects_before_the_mirror_answers_changes_nothing() -> Result<()> {
    let stage = Stage::new(&mirrored([mirror(SHADOW, json!({}))])).await?;
    let body = vec![7; 50_000];
    let mut copies = 0;
    for protocol in PROTOCOLS {
        // Production has answered, or never answers.
        for production in [Script::status(200), Script::hang()] {
            let gate = Gate::closed();
            let v1 = &stage.scene.upstreams.v1;
            v1.forget();
            v1.script(production);
            stage.shadow.script(Script::status(200).behind(&gate));
            let (client, sent) = (stage.scene.client(protocol), body.clone());
            let request = tokio::spawn(async move { client.post("reviews", "/", &[], sent).await });
            copies += 1;
            stage.until_received(copies).await?;
            let arrived = async || Ok(v1.received() == 1);
            wait::until(SOON, "the request itself", arrived).await?;
            request.abort();
            let left = async || Ok(stage.scene.metric(RESPONSES, &[]).await? == copies as f64);
            wait::until(SOON, "the client to disconnect", left).await?;
            gate.open();
            stage.until(&[("answered", copies)]).await?;
        }
    }
    for copy in stage.shadow.requests() {
        assert!(copy.complete && copy.body == body);
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incomplete_request_is_skipped() -> Result<()> {
    let stage = Stage::new(&mirrored([mirror(SHADOW, json!({}))])).await?;
    let mut broken_off = 0;
    for protocol in PROTOCOLS {
        // Without a body, with a part of it, and with all of it except its end.
        for (fields, pieces) in [
            (&[][..], 0),
            (&[], 2),
            (&[("content-length", &b"9"[..])], 2),
        ] {
            let address = stage.scene.envoy.address();
            let mut upload = Upload::begin(address, protocol, "reviews", "/", fields)?;
            for _ in 0..pieces {
                upload.say("body").await?;
            }
            broken_off += 1;
            let begun = async || Ok(stage.scene.metric(REQUESTS, &[]).await? == broken_off as f64);
            wait::until(SOON, "the request's head", begun).await?;
            upload.break_off().await;
            stage.until(&[("skipped", broken_off)]).await?;
        }
    }
    // A request that Envoy answers with 400 at its second chunk.
    let mut connection = Raw::open(stage.scene.envoy.address()).await?;
    let head = b"POST / HTTP/1.1\r\nhost: reviews\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.say(head).await?;
    connection.say(b"1\r\na\r\nnonsense\r\n").await?;
    stage.until(&[("skipped", broken_off + 1)]).await?;
    assert_eq!(stage.shadow.received(), 0);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_can_end_while_mirrors_hang() -> Result<()> {
    let stage = Stage::new(&mirrored([mirror(SHADOW, json!({"timeout": "1h"}))])).await?;
    stage.shadow.script(Script::hang());
    let load = Load::new(stage.scene.envoy.address()).host("reviews");
    assert_eq!(load.run(100).await?.failed(), 0);
    stage.until_received(100).await?;
    stage.scene.envoy.check_health().await?;
    stage.scene.envoy.stop().await
}
