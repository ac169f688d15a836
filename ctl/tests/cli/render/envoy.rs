//! The configuration for an Envoy without a mesh, on a real Envoy.

mod live;

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Fields, Tunnel};
use halftone_lab::envoy::{Written, validate};
use halftone_lab::upstream::Upstream;
use halftone_lab::{ports, tools, wait};
use serde_json::json;

use super::{BOOKINFO, SHOP, rendered, rendered_of};

/// The configuration with the filter that was built.
fn with_module(args: &[&str]) -> Result<String> {
    let module = format!("file://{}", tools::module()?.display());
    Ok(rendered(
        &[args, &["--kind", "envoy", "--url", &module]].concat(),
    ))
}

#[test]
fn envoy_takes_what_is_rendered_without_a_warning() -> Result<()> {
    for file in [BOOKINFO, SHOP] {
        let said = validate(&with_module(&[file])?)?;
        let complaint = said
            .lines()
            .find(|line| line.contains("[warning]") || line.contains("[error]"));
        assert_eq!(complaint, None, "{file}");
    }
    Ok(())
}

/// Envoy loads the filter when it validates a configuration, so it notices a missing module.
#[test]
fn envoy_refuses_what_it_cannot_run() {
    let refused = validate(&rendered(&[
        SHOP,
        "--kind",
        "envoy",
        "--url",
        "file:///not/there.wasm",
    ]));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("/not/there.wasm"), "{said}");
}

/// An Envoy with the rendered configuration, on free ports. It retries, because another program can take
/// a port first.
async fn serve(render: impl Fn(&[&str]) -> String) -> Result<Written> {
    let module = format!("file://{}", tools::module()?.display());
    let mut tries = 0;
    loop {
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let admin = ports::free()?.to_string();
        let text = render(&[
            "--kind", "envoy", "--url", &module, "--listen", &listen, "--admin", &admin,
        ]);
        tries += 1;
        match Written::start(&text).await {
            Err(error) if tries < 5 && format!("{error:#}").contains("already in use") => {}
            started => return started,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_by_the_header() -> Result<()> {
    let versions = [Upstream::start("v1").await?, Upstream::start("v3").await?];
    let mirror = Upstream::start("mirror").await?;
    let upstreams = [
        format!("v1={}", versions[0].address()),
        format!("reviews/v3={}", versions[1].address()),
        format!("ratings={}", mirror.address()),
    ];
    let config = json!({"releases": [{
        "name": "reviews",
        "hosts": ["reviews", "*.example.com"],
        "principal": "v1",
        "canary": {"rules": [{"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v3"}]},
        "mirrors": [{"name": "ratings", "destination": {"host": "ratings.bookinfo.svc.cluster.local", "port": 9080}}],
    }]});
    let envoy = serve(|flags| {
        let upstreams: Vec<&str> = upstreams
            .iter()
            .flat_map(|upstream| ["--upstream", upstream])
            .collect();
        rendered_of(&config, &[flags, &upstreams].concat())
    })
    .await?;

    let client = Client::http1(envoy.address());
    let jason: (&str, &[u8]) = ("end-user", b"jason");
    let forged: (&str, &[u8]) = ("x-halftone-version", b"v3");
    let table: [(&str, Fields<'_>, Option<&str>); 6] = [
        ("reviews", &[], Some("v1")),
        ("reviews:9080", &[jason], Some("v3")),
        ("REVIEWS", &[jason], Some("v3")),
        ("a.b.example.com", &[jason], Some("v3")),
        ("reviews", &[forged], Some("v1")),
        ("other", &[], None),
    ];
    for (host, headers, expected) in table {
        let answer = client.get(host, "/", headers).await?;
        assert_eq!(
            answer.upstream(),
            expected,
            "{host} {headers:?}: {}",
            answer.status
        );
    }

    let metrics = envoy.metrics().await?;
    for (version, reason, count) in [("v1", "principal", 2.0), ("v3", "rule:testers", 3.0)] {
        let labels = [
            ("release", "reviews"),
            ("version", version),
            ("reason", reason),
        ];
        assert_eq!(
            metrics.sum("halftone_requests_total", &labels),
            count,
            "{labels:?}"
        );
    }
    wait::until(
        std::time::Duration::from_secs(10),
        "five copies to be answered",
        async || {
            let labels = [
                ("release", "reviews"),
                ("mirror", "ratings"),
                ("outcome", "answered"),
            ];
            Ok(envoy
                .metrics()
                .await?
                .sum("halftone_mirrors_total", &labels)
                == 5.0)
        },
    )
    .await?;
    assert_eq!(mirror.received(), 5);
    envoy.stop().await
}

/// The flags `--upstream` for `upstreams`.
fn flags(upstreams: &[String]) -> Vec<&str> {
    let each = upstreams.iter();
    each.flat_map(|upstream| ["--upstream", upstream]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_of_a_release_has_its_own_upstreams() -> Result<()> {
    let mut upstreams = Vec::new();
    for name in ["web v1", "web v2", "api v1", "both v3"] {
        upstreams.push(Upstream::start(name).await?);
    }
    let of = |index: usize| upstreams[index].address();
    let said = [
        format!("v3={}", of(3)),
        format!("web/v1={}", of(0)),
        format!("shop/web/v2={}", of(1)),
        format!("api/v1={}", of(2)),
    ];
    let rule = |version: &str| {
        let matches = json!([{"headers": {"x-user": {"exact": version}}}]);
        json!({"name": version, "match": matches, "version": version})
    };
    let config = json!({"releases": [{
        "name": "shop", "hosts": ["web", "web.default", "api"], "principal": "v1",
        "canary": {"rules": [rule("v2"), rule("v3")]},
    }]});
    let envoy = serve(|all| rendered_of(&config, &[all, &flags(&said)].concat())).await?;
    let client = Client::http1(envoy.address());
    for (host, user, expected) in [
        ("web", "v1", "web v1"),
        ("web.default", "v2", "web v2"),
        ("api", "v1", "api v1"),
        ("api", "v3", "both v3"),
        ("web", "v3", "both v3"),
    ] {
        let answer = client
            .get(host, "/", &[("x-user", user.as_bytes())])
            .await?;
        assert_eq!(answer.upstream(), Some(expected), "{host} {user}");
    }
    envoy.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_and_http2_upstreams_work() -> Result<()> {
    let mirror = Upstream::start("mirror").await?;
    let versions = [Upstream::start("v1").await?, Upstream::start("v2").await?];
    let said = [
        format!("v1={}", versions[0].address()),
        format!("v2=http2://{}", versions[1].address()),
        format!("shadow=http2://{}", mirror.address()),
    ];
    let rule = json!({"name": "http2", "match": [{"headers": {"x-version": {"exact": "v2"}}}], "version": "v2"});
    let config = json!({"releases": [
        {
            "name": "shop", "hosts": ["shop"], "principal": "v1", "canary": {"rules": [rule]},
            "mirrors": [{"name": "shadow", "cluster": "shadow"}],
        },
    ]});
    let envoy = serve(|all| rendered_of(&config, &[all, &flags(&said)].concat())).await?;

    let mut tunnel = Tunnel::websocket(envoy.address(), "shop", "/chat").await?;
    assert!(tunnel.echo(b"\xff\0ping").await? == b"\xff\0ping");
    let second: (&str, &[u8]) = ("x-version", b"v2");
    for client in [
        Client::http1(envoy.address()),
        Client::http2(envoy.address()),
    ] {
        let answer = client.get("shop", "/", &[second]).await?;
        assert_eq!(answer.upstream(), Some("v2"));
    }
    let copies = async || Ok(mirror.received() == 2);
    wait::until(std::time::Duration::from_secs(30), "two copies", copies).await?;
    for (upstream, expected) in [
        (&versions[0], "HTTP/1.1"),
        (&versions[1], "HTTP/2.0"),
        (&mirror, "HTTP/2.0"),
    ] {
        let requests = upstream.requests();
        assert!(!requests.is_empty(), "{expected}");
        assert!(
            requests.iter().all(|request| request.version == expected),
            "{requests:?}"
        );
    }
    envoy.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_by_the_authority() -> Result<()> {
    let versions = [Upstream::start("v1").await?, Upstream::start("v2").await?];
    let authorities = versions
        .each_ref()
        .map(|version| version.address().to_string());
    let config = json!({"accessLog": true, "releases": [{
        "name": "cart",
        "hosts": ["cart"],
        "services": [{"name": "basket", "namespace": "shop"}],
        "principal": "v1",
        "blueGreen": {"active": "v1", "preview": {"version": "v2", "match": [{"queryParams": {"preview": {"present": true}}}]}},
        "route": {"authority": {"v1": authorities[0], "v2": authorities[1]}},
    }]});
    let envoy =
        serve(|flags| rendered_of(&config, &[flags, &["--namespace", "shop"]].concat())).await?;

    let client = Client::http1(envoy.address());
    for (path, expected) in [("/", "v1"), ("/?preview", "v2")] {
        let answer = client.get("cart", path, &[]).await?;
        assert_eq!(answer.upstream(), Some(expected), "{path}");
        for host in ["basket", "basket.shop.svc.cluster.local:80"] {
            let answer = client.get(host, path, &[]).await?;
            assert_eq!(answer.upstream(), Some(expected), "{host}{path}");
        }
    }
    let line = wait::some(
        std::time::Duration::from_secs(20),
        "the access log",
        async || {
            let log = envoy.log()?;
            Ok(log
                .lines()
                .find(|line| line.contains("/?preview"))
                .map(str::to_owned))
        },
    );
    let line = line.await.context("a decision in the access log")?;
    assert!(line.ends_with(" cart/v2/preview"), "{line}");
    envoy.stop().await
}
