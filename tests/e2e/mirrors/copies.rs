//! The bytes of a copy on the wire.

use anyhow::{Context, Result};
use halftone_lab::client::{Fields, Protocol, Raw};
use halftone_lab::proxy::{Cluster, Route};
use halftone_lab::upstream::{Babbling, Received};
use halftone_lab::wait;
use serde_json::json;

use super::stage::{MARK, SHADOW, SHADOW_HTTP2, Stage, mirror, mirrored, until_outcomes};
use crate::scene::{ASKED, PROTOCOLS, REQUESTS, RESPONSES, SOON, Scene, VERSION, decided, plugin};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The headers that Envoy adds to a copy.
const ENVOYS: [&str; 2] = ["x-envoy-internal", "x-envoy-expected-rq-timeout-ms"];

/// Sends an unusual request, and returns the lines of its copy in the order of the wire.
async fn wire(scene: &Scene, server: &Babbling, request: &str) -> Result<Vec<String>> {
    let before = server.heard().len();
    let mut connection = Raw::open(scene.envoy.address()).await?;
    connection
        .say(request.replace('\n', "\r\n").as_bytes())
        .await?;
    let copy = wait::some(SOON, "a copy", async || {
        Ok(server.heard().into_iter().nth(before))
    });
    let copy = String::from_utf8(copy.await?)?;
    Ok(copy.split("\r\n").map(str::to_owned).collect())
}

#[tokio::test]
async fn a_copy_has_the_headers_of_its_request_in_order_except_those_for_one_hop() -> Result<()> {
    let server = Babbling::start(ANSWER).await?;
    let config = mirrored([mirror("wire", json!({"timeout": "5s"}))]);
    let cluster = Cluster::new("wire", server.address());
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&config)).cluster(cluster)).await?;
    let request = "GET /a%20b?q=1&q=%32 HTTP/1.1\nhost: Reviews:80\nx-b: 2\nx-a: 1\nx-b: 3\nX-C: \n\
        x-request-id: 7b6f1c1e-5a57-4d3e-8a1d-111111111111\naccept: */*\n\
        traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n\
        cookie: a=1\ncookie: b=2\nauthorization: Bearer x\n\n";
    let expected = [
        "GET /a%20b?q=1&q=%32 HTTP/1.1",
        "host: Reviews:80",
        "x-b: 2",
        "x-a: 1",
        "x-b: 3",
        "x-c: ",
        "x-request-id: 7b6f1c1e-5a57-4d3e-8a1d-111111111111",
        "accept: */*",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cookie: a=1",
        "cookie: b=2",
        "authorization: Bearer x",
        "x-forwarded-proto: http",
        "x-halftone-mirror: reviews",
        "x-envoy-internal: true",
        "x-envoy-expected-rq-timeout-ms: 5000",
        "",
        "",
    ];
    assert_eq!(wire(&scene, &server, request).await?, expected);

    let request = "POST / HTTP/1.1\nhost: reviews\nx-a: 1\nconnection: keep-alive, X-Hop\nx-hop: 1\n\
        keep-alive: timeout=5\nproxy-connection: keep-alive\nte: trailers\ntrailer: x-t\n\
        x-forwarded-client-cert: Hash=1\nx-halftone-version: v2\nx-envoy-attempt-count: 3\n\
        x-envoy-decorator-operation: forged\nx-envoy-original-path: /forged\n\
        x-request-id: 1\ncontent-length: 4\n\nbody";
    let expected = [
        "POST / HTTP/1.1",
        "host: reviews",
        "x-a: 1",
        "x-request-id: 1",
        "x-forwarded-proto: http",
        "x-halftone-mirror: reviews",
        "content-length: 4",
        "x-envoy-internal: true",
        "x-envoy-expected-rq-timeout-ms: 5000",
        "",
        "body",
    ];
    assert_eq!(wire(&scene, &server, request).await?, expected);
    until_outcomes(&scene, "wire", &[("answered", 2)]).await?;
    scene.end().await
}

/// Names and values, sorted, without those that Envoy adds to every request.
fn fields_of(copy: &Received) -> Vec<(&str, String)> {
    let names = copy.headers.iter().map(|(name, _)| name.as_str());
    let names = names.filter(|name| !ENVOYS.contains(name) && *name != "host");
    let mut fields_of: Vec<(&str, String)> = names
        .map(|name| (name, copy.header(name).unwrap_or_default()))
        .collect();
    fields_of.sort_unstable();
    fields_of
}

#[tokio::test]
async fn a_mirror_can_change_headers_and_authority_of_a_copy() -> Result<()> {
    let edited = json!({
        "authority": "shadow.example:8080",
        "headers": {
            "set": {"x-env": "shadow", "X-New": "1"},
            "remove": ["Authorization", "cookie", "x-forwarded-proto", "x-request-id"],
        },
    });
    let mirrors = [mirror(SHADOW, edited.clone()), mirror(SHADOW_HTTP2, edited)];
    let stage = Stage::new(&mirrored(mirrors)).await?;
    let sent: Fields<'_> = &[
        ("x-env", b"1"),
        ("x-env", b"2"),
        ("authorization", b"secret"),
        ("cookie", b"secret=1"),
        ("x-kept", b"3"),
    ];
    for (place, protocol) in PROTOCOLS.into_iter().enumerate() {
        let client = stage.scene.client(protocol);
        client.get("reviews", "/", sent).await?;
        stage.until_received(place as u64 * 2 + 2).await?;
    }
    let expected = [
        ("x-env", "shadow"),
        (MARK, "reviews"),
        ("x-kept", "3"),
        ("x-new", "1"),
    ];
    for copy in stage.shadow.requests() {
        assert_eq!(copy.authority, "shadow.example:8080");
        assert_eq!(
            fields_of(&copy),
            expected.map(|(name, value)| (name, value.into()))
        );
        assert_eq!(copy.values("x-env").len(), 1);
    }
    for request in stage.scene.upstreams.v1.requests() {
        assert_eq!(request.authority, "reviews");
        assert_eq!(request.values("x-env").len(), 2);
        assert_eq!(request.header("authorization").as_deref(), Some("secret"));
        assert_eq!(request.header("x-new"), None);
    }
    stage.end().await
}

#[tokio::test]
async fn with_a_route_by_authority_a_copy_has_the_authority_of_the_client() -> Result<()> {
    let mut config = mirrored([mirror(SHADOW, json!({}))]);
    config["releases"][0]["route"] = json!({"authority": {"v1": "reviews-v1"}});
    let stage = Stage::of(|proxy| {
        let route = Route::authority("reviews-v1").to("v1");
        proxy.plugin(plugin(&config)).route(route)
    })
    .await?;
    for protocol in PROTOCOLS {
        let client = stage.scene.client(protocol);
        let answer = client.get("reviews:80", "/", &[]).await?;
        assert_eq!(answer.upstream(), Some("v1"));
    }
    stage.until(&[("answered", 2)]).await?;
    let authorities = |requests: Vec<Received>| -> Vec<String> {
        requests
            .into_iter()
            .map(|request| request.authority)
            .collect()
    };
    assert_eq!(authorities(stage.shadow.requests()), ["reviews:80"; 2]);
    assert_eq!(
        authorities(stage.scene.upstreams.v1.requests()),
        ["reviews-v1"; 2]
    );
    stage.end().await
}

#[tokio::test]
async fn each_mirror_of_a_release_gets_a_copy() -> Result<()> {
    let named = |name: &str, cluster| {
        let set = json!({"x-mirror": name});
        mirror(cluster, json!({"name": name, "headers": {"set": set}}))
    };
    let mut others = named("posts", SHADOW);
    others["methods"] = json!(["POST"]);
    let mut matching = named("testers", SHADOW);
    matching["match"] = json!([{"headers": {"end-user": {"exact": "jason"}}}]);
    let stage = Stage::new(&mirrored([
        named("http1", SHADOW),
        named("http2", SHADOW_HTTP2),
        others,
        matching,
    ]))
    .await?;
    let client = stage.scene.client(Protocol::Http2);
    client.get("reviews", "/1", &[]).await?;
    client.post("reviews", "/2", &[], "body").await?;
    client
        .get("reviews", "/3", &[("end-user", b"jason")])
        .await?;
    stage.until_received(8).await?;
    for (mirror, answered) in [("http1", 3), ("http2", 3), ("posts", 1), ("testers", 1)] {
        let expected = [("answered", answered)];
        until_outcomes(&stage.scene, mirror, &expected).await?;
    }
    let copies = stage.shadow.requests();
    let to = |copy: &Received| copy.header("x-mirror").unwrap_or_default();
    let mut got: Vec<(String, String)> = copies
        .iter()
        .map(|copy| (to(copy), copy.path.clone()))
        .collect();
    got.sort_unstable();
    let expected = [
        ("http1", "/1"),
        ("http1", "/2"),
        ("http1", "/3"),
        ("http2", "/1"),
        ("http2", "/2"),
        ("http2", "/3"),
        ("posts", "/2"),
        ("testers", "/3"),
    ];
    assert_eq!(got, expected.map(|(to, path)| (to.into(), path.into())));
    stage.end().await
}

#[tokio::test]
async fn a_request_that_envoy_does_not_accept_from_a_plugin_is_not_copied() -> Result<()> {
    let named = json!({"name": SHADOW});
    let removing = json!({"name": "removing", "headers": {"remove": ["x-bytes"]}});
    let mirrors = [named, removing].map(|fields| mirror(SHADOW_HTTP2, fields));
    let stage = Stage::new(&mirrored(mirrors)).await?;
    // A value that is not UTF-8, unless the mirror removes the header.
    for protocol in PROTOCOLS {
        let sent: Fields<'_> = &[("x-bytes", b"\xff\xfe"), ("x-a", b"1")];
        let answer = stage
            .scene
            .client(protocol)
            .get("reviews", "/", sent)
            .await?;
        assert_eq!(answer.status, 200);
    }
    stage.until(&[("skipped", 2)]).await?;
    until_outcomes(&stage.scene, "removing", &[("answered", 2)]).await?;
    for request in stage.scene.upstreams.v1.requests() {
        assert_eq!(request.values("x-bytes"), [b"\xff\xfe"]);
    }
    for copy in stage.shadow.requests() {
        assert_eq!(
            (copy.values("x-bytes").len(), copy.values("x-a").len()),
            (0, 1)
        );
    }

    // More than 1,024 headers, and headers of more than a mebibyte.
    let many = |count| {
        (0..count)
            .map(|place| format!("x-{place}: {place}\r\n"))
            .collect()
    };
    let long = |length| format!("x-long: {}\r\n", "a".repeat(length));
    let headers: [String; 4] = [many(1000), many(1100), long(1_000_000), long(1_100_000)];
    for headers in headers {
        let mut connection = Raw::open(stage.scene.envoy.address()).await?;
        let request = format!("GET / HTTP/1.1\r\nhost: reviews\r\n{headers}\r\n");
        connection.say(request.as_bytes()).await?;
        connection.hear_until(b"\r\n\r\n").await?;
    }
    let counted = [("answered", 2), ("too_large", 2), ("skipped", 2)];
    stage.until(&counted).await?;
    let counted = [("answered", 4), ("too_large", 2)];
    until_outcomes(&stage.scene, "removing", &counted).await?;
    assert_eq!(stage.shadow.received(), 2 + 4);
    stage.end().await
}

/// The mark of a copy has no other effect than that the request is not mirrored.
#[tokio::test]
async fn a_request_with_the_mark_is_decided_and_never_mirrored() -> Result<()> {
    let stage = Stage::new(&mirrored([mirror(SHADOW, json!({}))])).await?;
    for protocol in PROTOCOLS {
        for mark in [&b"reviews"[..], b"", b"\xff", b"another"] {
            let sent: Fields<'_> = &[(MARK, mark), ASKED];
            let answer = stage
                .scene
                .client(protocol)
                .get("reviews", "/", sent)
                .await?;
            assert_eq!(decided(&answer, "reason"), Some("active"));
            let request = stage.scene.upstreams.v1.requests().pop();
            let request = request.context("v1 got no request")?;
            assert_eq!(request.values(MARK), [mark]);
            assert_eq!(request.values(VERSION), [b"v1"]);
        }
    }
    stage.scene.get(&[]).await?;
    stage.until(&[("answered", 1)]).await?;
    assert_eq!(stage.shadow.received(), 1);
    assert_eq!(stage.scene.metric(REQUESTS, &[]).await?, 9.0);
    let responses = async || Ok(stage.scene.metric(RESPONSES, &[]).await? == 9.0);
    wait::until(SOON, "nine responses", responses).await?;
    stage.end().await
}
