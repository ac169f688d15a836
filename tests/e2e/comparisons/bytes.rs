//! No bytes in the heads of both answers crash the filter.

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::upstream::Babbling;
use halftone_lab::wait;
use serde_json::json;

use super::stage::{COMPARISONS, MIRRORS};
use crate::scene::{SOON, plugin, reviews};

/// The answer of both production and the mirror in HTTP/1.1, and the outcome of the copy. A name that is not UTF-8
/// never reaches the filter: Envoy rejects the answer.
const HTTP1: [(&str, &[u8], &str); 7] = [
    ("a value", b"HTTP/1.1 200 OK\r\nx-kind: \xff\xfe\r\ncontent-length: 0\r\n\r\n", "answered"),
    ("a name", b"HTTP/1.1 200 OK\r\nx-\xff\xfe: a\r\ncontent-length: 0\r\n\r\n", "failed"),
    ("a name that begins so", b"HTTP/1.1 200 OK\r\n\xff: a\r\ncontent-length: 0\r\n\r\n", "failed"),
    ("no name", b"HTTP/1.1 200 OK\r\n: a\r\ncontent-length: 0\r\n\r\n", "failed"),
    ("a type", b"HTTP/1.1 200 OK\r\ncontent-type: \xff/json\r\ncontent-length: 1\r\n\r\n\xff", "answered"),
    ("an encoding", b"HTTP/1.1 200 OK\r\ncontent-encoding: \xff\r\ncontent-length: 1\r\n\r\n\xff", "answered"),
    (
        "a trailer",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\xff\r\n0\r\nx-\xff: \xff\r\n\r\n",
        "failed",
    ),
];

/// The answers in HTTP/2: settings, their acknowledgement, and a head with the status 200 (RFC 7541: 0x88) and a
/// literal field, 0x00. A trailer is in a second head.
const HTTP2: [(&str, &[u8], &str); 3] = [
    (
        "a value",
        b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\
          \0\0\x07\x01\x05\0\0\0\x01\x88\0\x02xa\x01\xff",
        "answered",
    ),
    (
        "a name",
        b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\
          \0\0\x07\x01\x05\0\0\0\x01\x88\0\x02x\xff\x01a",
        "failed",
    ),
    (
        "a trailer",
        b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\
          \0\0\x01\x01\x04\0\0\0\x01\x88\
          \0\0\x06\x01\x05\0\0\0\x01\0\x02x\xff\x01a",
        "failed",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_in_an_answer_crash_the_filter() -> Result<()> {
    let config = reviews(json!({"mirrors": [{
        "name": "shadow", "cluster": "shadow", "timeout": "1m", "compare": {"headers": ["x-kind"]},
    }]}));
    let http1 = json!({"http_protocol_options": {"enable_trailers": true}});
    let http2 = json!({"http2_protocol_options": {}});
    let rows = HTTP1
        .map(|row| (row, &http1))
        .into_iter()
        .chain(HTTP2.map(|row| (row, &http2)));
    let mut wrong = Vec::new();
    for ((name, bytes, outcome), protocol) in rows {
        let (production, shadow) = (Babbling::start(bytes).await?, Babbling::start(bytes).await?);
        let options = json!({"typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
                // The server ends each connection. Envoy must not send another copy on it before it notices.
                "common_http_protocol_options": {"max_requests_per_connection": 1},
            },
        }});
        let proxy = Proxy::new()
            .plugin(plugin(&config))
            .cluster(Cluster::new("v1", production.address()).with(options.clone()))
            .cluster(Cluster::new("shadow", shadow.address()).with(options))
            .fallback("v1");
        let envoy = Envoy::start(proxy).await?;
        for _ in 0..3 {
            // Envoy resets an invalid answer of production.
            let _ = Client::http1(envoy.address())
                .get("reviews", "/", &[])
                .await;
        }
        wait::until(SOON, "three copies to be compared", async || {
            let metrics = envoy.metrics().await?;
            Ok([COMPARISONS, MIRRORS].map(|name| metrics.sum(name, &[])) == [3.0, 3.0])
        })
        .await?;
        if envoy.metrics().await?.sum(MIRRORS, &[("outcome", outcome)]) != 3.0 {
            wrong.push(format!("{protocol} {name}: expected {outcome}"));
        }
        envoy.check_health().await?;
        envoy.stop().await?;
    }
    assert_eq!(wrong, [""; 0]);
    Ok(())
}
