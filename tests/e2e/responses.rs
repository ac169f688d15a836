//! How the metrics count the end of a response.

use anyhow::Result;
use halftone_lab::client::{Protocol, Raw, Tunnel};
use halftone_lab::envoy::Metrics;
use halftone_lab::proxy::{Cluster, Proxy, Route};
use halftone_lab::upstream::{Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{CLASSES, PROTOCOLS, REQUESTS, RESPONSES, SOON, Scene, active, plugin};

/// The end of a request, the script of its upstream, its route, and the class of its response.
type Ending = (&'static str, Script, &'static str, &'static str);

#[tokio::test]
async fn a_response_is_counted_by_its_status() -> Result<()> {
    let unused = Script::status(200);
    let endings: [Ending; 10] = [
        ("200", Script::status(200), "", "2xx"),
        ("204", Script::status(204), "", "2xx"),
        ("304", Script::status(304), "", "3xx"),
        ("404", Script::status(404), "", "4xx"),
        ("500", Script::status(500), "", "5xx"),
        ("a redirect by Envoy", unused.clone(), "moved", "3xx"),
        ("a connection refused", unused.clone(), "refusing", "5xx"),
        ("no endpoint", unused, "empty", "5xx"),
        ("a reset before the answer", Script::reset(), "", "5xx"),
        ("no answer in time", Script::hang(), "timeout", "5xx"),
    ];
    all_end(&endings).await
}

#[tokio::test]
async fn an_incomplete_answer_is_counted_as_reset() -> Result<()> {
    let begun = |status| Script::status(status).body("the beginning");
    all_end(&[
        ("of a 200", begun(200).break_off(), "", "reset"),
        ("of a 404", begun(404).break_off(), "", "reset"),
        (
            "by the route's timeout",
            begun(200).stall(),
            "timeout",
            "reset",
        ),
        (
            "by the route's idle timeout",
            begun(200).stall(),
            "idle",
            "reset",
        ),
        (
            "by the route's time limit",
            begun(200).stall(),
            "limit",
            "reset",
        ),
    ])
    .await
}

async fn all_end(endings: &[Ending]) -> Result<()> {
    let refusing = Refusing::new()?;
    let address = refusing.address()?;
    let scene = Scene::of(|proxy| {
        routes(proxy.plugin(plugin(&active("v2")))).cluster(Cluster::new("refusing", address))
    })
    .await?;
    let mut wrong = Vec::new();
    for protocol in PROTOCOLS {
        for (what, script, to, class) in endings {
            scene.upstreams.v2.script(script.clone());
            let before = scene.envoy.metrics().await?;
            // Some of these answers are incomplete.
            let _ = scene
                .client(protocol)
                .get("reviews", "/", &[("to", to.as_bytes())])
                .await;
            let counted = counted_since(&scene, &before).await?;
            if counted != [*class] {
                wrong.push(format!("{protocol:?} {what}: {counted:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    scene.end().await
}

/// Adds a route per end, by the header `to`. On a busy machine the beginning of an answer can take a second.
fn routes(proxy: Proxy) -> Proxy {
    let v2 = |to: &str, fields: Value| {
        Route::header("to", to)
            .to("v2")
            .with(json!({"route": fields}))
    };
    proxy
        .cluster(Cluster::empty("empty"))
        .route(Route::header("to", "refusing").to("refusing"))
        .route(Route::header("to", "empty").to("empty"))
        .route(
            Route::header("to", "moved").with(json!({"redirect": {"path_redirect": "/elsewhere"}})),
        )
        .route(v2("timeout", json!({"timeout": "2s"})))
        .route(v2("idle", json!({"idle_timeout": "2s"})))
        .route(v2(
            "limit",
            json!({"max_stream_duration": {"max_stream_duration": "2s"}}),
        ))
}

/// The classes of the responses of v2 counted since `before`, once there is one.
async fn counted_since(scene: &Scene, before: &Metrics) -> Result<Vec<&'static str>> {
    wait::some(SOON, "a response to be counted", async || {
        let now = scene.envoy.metrics().await?;
        let count = |metrics: &Metrics, class| {
            metrics.sum(RESPONSES, &[("version", "v2"), ("class", class)])
        };
        let counted = CLASSES
            .into_iter()
            .filter(|class| count(&now, class) > count(before, class));
        let counted: Vec<&str> = counted.collect();
        Ok((!counted.is_empty()).then_some(counted))
    })
    .await
}

#[tokio::test]
async fn a_request_whose_client_leaves_is_counted_as_aborted() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    for protocol in PROTOCOLS {
        scene.upstreams.v2.forget();
        scene.upstreams.v2.script(Script::hang());
        let before = scene.envoy.metrics().await?;
        let client = scene.client(protocol);
        let request = tokio::spawn(async move { client.get("reviews", "/", &[]).await });
        wait::until(SOON, "the request", async || {
            Ok(scene.upstreams.v2.received() == 1)
        })
        .await?;
        request.abort();
        assert_eq!(
            counted_since(&scene, &before).await?,
            ["aborted"],
            "{protocol:?}"
        );
    }
    // During the request, and during the answer.
    let before = scene.envoy.metrics().await?;
    let mut connection = Raw::open(scene.envoy.address()).await?;
    connection
        .say(b"POST / HTTP/1.1\r\nhost: reviews\r\ncontent-length: 5\r\n\r\nbo")
        .await?;
    wait::until(SOON, "the request", async || {
        Ok(scene.metric(REQUESTS, &[]).await? == 3.0)
    })
    .await?;
    drop(connection);
    assert_eq!(counted_since(&scene, &before).await?, ["aborted"]);

    scene
        .upstreams
        .v2
        .script(Script::status(200).body("the beginning").stall());
    let before = scene.envoy.metrics().await?;
    let mut connection = Raw::open(scene.envoy.address()).await?;
    connection
        .say(b"GET / HTTP/1.1\r\nhost: reviews\r\n\r\n")
        .await?;
    connection.hear_until(b"the beginning").await?;
    drop(connection);
    assert_eq!(counted_since(&scene, &before).await?, ["aborted"]);
    scene.end().await
}

#[tokio::test]
async fn a_call_of_grpc_on_which_the_server_fails_is_counted_as_grpc_error() -> Result<()> {
    const KIND: (&str, &[u8]) = ("content-type", b"application/grpc");
    let server = Upstream::start("grpc").await?;
    let scene = Scene::of(|proxy| {
        proxy
            .plugin(plugin(&active("v2")))
            .cluster(Cluster::new("grpc", server.address()).http2())
            .route(Route::header("to", "grpc").to("grpc"))
    })
    .await?;
    let in_trailers = |status| Script::grpc(status, b"answer");
    let in_head = |status: u8| {
        Script::status(200)
            .header(KIND.0, KIND.1)
            .header("grpc-status", status.to_string())
    };
    let call: [(&str, &[u8]); 3] = [KIND, ("te", b"trailers"), ("to", b"grpc")];
    let plain: [(&str, &[u8]); 1] = [("to", b"grpc")];
    let client = scene.client(Protocol::Http2);
    for (what, script, sent, class) in [
        ("OK", in_trailers(0), &call[..], "2xx"),
        ("NOT_FOUND in trailers", in_trailers(5), &call, "2xx"),
        ("INTERNAL in trailers", in_trailers(13), &call, "grpc_error"),
        ("NOT_FOUND in the head", in_head(5), &call, "2xx"),
        ("UNAVAILABLE in the head", in_head(14), &call, "grpc_error"),
        ("a status of HTTP", Script::status(503), &call, "5xx"),
        ("no call of gRPC", in_head(14), &plain, "2xx"),
    ] {
        server.script(script);
        let before = scene.envoy.metrics().await?;
        let message = b"\0\0\0\0\x04call".as_slice();
        client
            .post("reviews", "/shop.Reviews/Get", sent, message)
            .await?;
        assert_eq!(counted_since(&scene, &before).await?, [class], "{what}");
    }
    scene.end().await
}

/// A tunnel ends only when one side closes it.
#[tokio::test]
async fn a_websocket_is_counted_as_1xx() -> Result<()> {
    let scene = Scene::of(|proxy| proxy.plugin(plugin(&active("v2"))).upgrades()).await?;
    let before = scene.envoy.metrics().await?;
    let mut tunnel = Tunnel::websocket(scene.envoy.address(), "reviews", "/").await?;
    assert_eq!(tunnel.echo(b"ping").await?, b"ping");
    assert_eq!(scene.metric(REQUESTS, &[]).await?, 1.0);
    assert_eq!(scene.metric(RESPONSES, &[]).await?, 0.0);
    drop(tunnel);
    assert_eq!(counted_since(&scene, &before).await?, ["1xx"]);
    scene.end().await
}
