//! Clients and servers that behave unlike HTTP libraries, without an Envoy between them.

use std::time::Duration;

use anyhow::Context;
use halftone_lab::client::{Client, Fields, Protocol, Upload, raw, repeated};
use halftone_lab::upstream::{Babbling, Gate, Script, Upstream};
use halftone_lab::wait;
use tokio::task::JoinSet;

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_upload_is_sent_in_pieces_and_can_be_aborted() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    for protocol in BOTH {
        let begin = |fields| Upload::begin(upstream.address(), protocol, "shop", "/cart", fields);
        let length: Fields<'_> = &[("content-length", b"4")];
        for fields in [&[], length] {
            let mut upload = begin(fields)?;
            upload.say("pi").await?;
            upload.say("ec").await?;
            assert_eq!(upload.end().await?.status, 200);
            let request = upstream.requests().pop().context("nothing received")?;
            assert!(request.complete && request.body == "piec", "{protocol:?}");
            let length = request.header("content-length");
            assert_eq!(length.is_some(), !fields.is_empty(), "{protocol:?}");
        }

        let mut upload = begin(&[])?;
        upload.say("piece").await?;
        assert_eq!(upload.end_with(&[("x-end", b"1")]).await?.status, 200);
        let request = upstream.requests().pop().context("nothing received")?;
        let trailers = usize::from(protocol == Protocol::Http2);
        assert_eq!(request.trailers.len(), trailers);

        upstream.forget();
        let mut upload = begin(&[])?;
        // When the third is accepted, the first is sent.
        for _ in 0..3 {
            upload.say("piece").await?;
        }
        upload.break_off().await;
        let received = async || Ok(upstream.received() == 1);
        wait::until(SOON, "the aborted request", received).await?;
        assert!(upstream.requests().iter().all(|request| !request.complete));
    }
    Ok(())
}

#[tokio::test]
async fn answers_wait_for_a_gate_and_concurrent_requests_are_counted() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    for protocol in BOTH {
        let gate = Gate::closed();
        upstream.forget();
        upstream.script(Script::status(200).behind(&gate));
        let mut requests = JoinSet::new();
        for _ in 0..20 {
            let client = Client::new(upstream.address(), protocol);
            requests.spawn(async move { client.get("shop", "/", &[]).await });
        }
        let received = async || Ok(upstream.received() == 20);
        wait::until(SOON, "20 requests", received).await?;
        assert!(requests.try_join_next().is_none());
        gate.open();
        for answer in requests.join_all().await {
            assert_eq!(answer?.status, 200);
        }
        assert_eq!(upstream.most_at_once(), 20);
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_zeros_has_its_length_and_head_gets_none() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    for protocol in BOTH {
        let client = Client::new(upstream.address(), protocol);
        for length in [0, 1, 100_000] {
            upstream.script(Script::status(200).zeros(length));
            let answer = client.get("shop", "/", &[]).await?;
            assert_eq!(answer.body, vec![0; length]);
        }
        upstream.script(Script::status(200).body("body"));
        let head = client.request("HEAD".parse()?, "shop", "/", &[], Vec::new().into());
        assert_eq!(head.await?.body, "");
    }
    Ok(())
}

#[tokio::test]
async fn a_babbling_server_answers_each_connection_alike_and_records_the_requests()
-> anyhow::Result<()> {
    let babbling = Babbling::start(b"\0babble").await?;
    for request_bytes in [&b"hello"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        assert_eq!(raw(babbling.address(), request_bytes).await?, b"\0babble");
        assert_eq!(babbling.heard().pop().as_deref(), Some(request_bytes));
    }
    Ok(())
}

#[tokio::test]
async fn a_request_is_repeated_the_given_number_of_times() -> anyhow::Result<()> {
    let upstream = Upstream::start("v1").await?;
    upstream.script(Script::status(200));
    let get = b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n";
    repeated(upstream.address(), get, b"\r\n\r\n", 50).await?;
    assert_eq!(upstream.received(), 50);
    Ok(())
}
