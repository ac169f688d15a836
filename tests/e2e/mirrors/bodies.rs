//! Bodies pass unchanged, and a copy has the whole body or does not exist.

use anyhow::{Context, Result};
use halftone_lab::client::{Answer, Protocol, Raw, Upload};
use halftone_lab::upstream::Script;
use serde_json::{Value, json};

use super::stage::{SHADOW, SHADOW_HTTP2, Stage, mirror, mirrored, until_outcomes};
use crate::scene::{PROTOCOLS, Scene};

const MAX: usize = 64 << 10;
const LENGTHS: [usize; 6] = [0, 1, MAX - 1, MAX, MAX + 1, 10 << 20];

/// How a request gives the length of its body.
#[derive(Clone, Copy, Debug)]
enum Framing {
    /// In advance, by `content-length`.
    Length,
    /// By the end of the stream.
    End,
    /// By trailers after it.
    Trailers,
}

/// A mirror over HTTP/1.1 and one over HTTP/2.
fn both() -> [Value; 2] {
    [SHADOW, SHADOW_HTTP2].map(|cluster| mirror(cluster, json!({})))
}

async fn send(scene: &Scene, protocol: Protocol, framing: Framing, body: &[u8]) -> Result<Answer> {
    let path = format!("/{}", body.len());
    if let Framing::Length = framing {
        let client = scene.client(protocol);
        return client.post("reviews", &path, &[], body.to_vec()).await;
    }
    let address = scene.envoy.address();
    let mut upload = Upload::begin(address, protocol, "reviews", &path, &[])?;
    for piece in body.chunks(30_000) {
        upload.say(piece.to_vec()).await?;
    }
    match framing {
        Framing::Trailers => upload.end_with(&[("x-trailer", b"1")]).await,
        _ => upload.end().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_copied_whole_or_counted_too_large() -> Result<()> {
    let stage = Stage::new(&mirrored(both())).await?;
    let v1 = &stage.scene.upstreams.v1;
    v1.direct(|request| Script::status(200).body(request.body.clone()));
    let (mut answered, mut too_large) = (0, 0);
    for protocol in PROTOCOLS {
        for framing in [Framing::Length, Framing::End, Framing::Trailers] {
            for length in LENGTHS {
                let what = format!("{protocol:?} {framing:?} {length}");
                v1.forget();
                stage.shadow.forget();
                let body: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
                let answer = send(&stage.scene, protocol, framing, &body).await;
                let answer = answer.context(what.clone())?;
                assert!(answer.status == 200 && answer.body == body, "{what}");
                let request = v1.requests().pop().context("v1 got no request")?;
                assert!(request.complete && request.body == body, "{what}");

                let copies = if length > MAX {
                    too_large += 1;
                    0
                } else {
                    answered += 1;
                    2
                };
                let expected = [("answered", answered), ("too_large", too_large)];
                let expected = &expected[..if too_large == 0 { 1 } else { 2 }];
                for mirror in [SHADOW, SHADOW_HTTP2] {
                    until_outcomes(&stage.scene, mirror, expected).await?;
                }
                stage.until_received(copies).await?;
                for copy in stage.shadow.requests() {
                    assert!(copy.complete && copy.body == body, "{what}");
                    assert!(copy.trailers.is_empty(), "{what}");
                }
            }
        }
    }
    stage.end().await
}

#[tokio::test]
async fn a_request_can_arrive_in_odd_pieces() -> Result<()> {
    let stage = Stage::new(&mirrored(both())).await?;
    // A request without a body.
    for protocol in PROTOCOLS {
        let client = stage.scene.client(protocol);
        for method in ["GET", "HEAD", "POST"] {
            let (method, empty) = (method.parse()?, Default::default());
            let answer = client
                .request(method, "reviews", "/empty", &[], empty)
                .await?;
            assert_eq!(answer.status, 200);
        }
    }
    stage.until(&[("answered", 6)]).await?;

    // From a client that waits for `100 Continue`.
    let mut connection = Raw::open(stage.scene.envoy.address()).await?;
    let head = b"POST /wait HTTP/1.1\r\nhost: reviews\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    connection.say(head).await?;
    let heard = connection.hear_until(b"\r\n\r\n").await?;
    assert!(heard.starts_with(b"HTTP/1.1 100 Continue\r\n"));
    connection.say(b"body").await?;
    let heard = connection.hear_until(b"\r\n\r\n").await?;
    assert!(heard.starts_with(b"HTTP/1.1 200 OK\r\n"));
    stage.until(&[("answered", 7)]).await?;

    // Three requests in one packet, the first of them chunked.
    let requests = b"POST /1 HTTP/1.1\r\nhost: reviews\r\ntransfer-encoding: chunked\r\n\r\n\
        1\r\na\r\n2\r\nbc\r\n0\r\n\r\n\
        POST /2 HTTP/1.1\r\nhost: reviews\r\ncontent-length: 3\r\n\r\ndef\
        GET /3 HTTP/1.1\r\nhost: reviews\r\n\r\n";
    connection.say(requests).await?;
    until_outcomes(&stage.scene, SHADOW_HTTP2, &[("answered", 10)]).await?;
    stage.until(&[("answered", 10)]).await?;

    stage.until_received(20).await?;
    for copy in stage.shadow.requests() {
        let body: &[u8] = match copy.path.as_str() {
            "/wait" => b"body",
            "/1" => b"abc",
            "/2" => b"def",
            _ => b"",
        };
        assert!(copy.complete && copy.body == body, "{}", copy.path);
        assert_eq!(
            (copy.header("expect"), copy.header("transfer-encoding")),
            (None, None)
        );
    }
    stage.end().await
}
