//! The fallback: a version that has no endpoint.

use std::time::{Duration, Instant};

use anyhow::Result;
use halftone_lab::client::{Client, Protocol};
use halftone_lab::endpoints::Endpoints;
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Route};
use halftone_lab::upstream::Script;
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::guard::traffic::{Traffic, user_of};
use crate::scene::{
    ASKED, PROTOCOLS, REQUESTS, RESPONSES, SOON, Scene, Upstreams, VERSION, decided, plugin,
    reviews,
};

const UNREACHABLE: [(&str, &str); 1] = [("version", "v2")];

/// Half of the sessions goes to v2.
fn halves(fallback: Value) -> Value {
    let split = json!([{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}]);
    let session = json!({"key": [{"header": "x-user-id"}]});
    let rules = json!([
        {"name": "all", "version": "v2", "match": [{"headers": {"x-all": {"present": true}}}]},
        {
            "name": "testers", "version": "v2", "guarded": false,
            "match": [{"headers": {"x-tester": {"present": true}}}],
        },
    ]);
    reviews(json!({
        "canary": {"rules": rules, "split": split, "session": session},
        "fallback": fallback,
        "guard": {},
    }))
}

/// A scene in which v2's endpoints can vanish.
struct Vanishing {
    scene: Scene,
    endpoints: Endpoints,
}

impl Vanishing {
    async fn new(config: &Value) -> Result<Self> {
        let upstreams = Upstreams::start().await?;
        let endpoints = Endpoints::new("reviews-v2", upstreams.v2.address())?;
        let proxy = upstreams
            .proxy()
            .plugin(plugin(config))
            .cluster(Cluster::new("reviews-v1", upstreams.v1.address()))
            .cluster(endpoints.cluster())
            .route(Route::header(VERSION, "v1").to("reviews-v1"))
            .route(Route::header(VERSION, "v2").to("reviews-v2"))
            .fallback("nobody");
        let envoy = Envoy::start(proxy).await?;
        let scene = Scene { envoy, upstreams };
        Ok(Self { scene, endpoints })
    }

    fn vanish(&self) -> Result<()> {
        self.endpoints.set(&[])
    }

    fn come_back(&self) -> Result<()> {
        self.endpoints.set(&[self.scene.upstreams.v2.address()])
    }

    async fn is_unreachable(&self, expected: bool) -> Result<()> {
        let what = format!("halftone_unreachable to be {expected}");
        wait::until(SOON, &what, async || {
            let gauge = self
                .scene
                .metric("halftone_unreachable", &UNREACHABLE)
                .await?;
            Ok((gauge > 0.0) == expected)
        })
        .await
    }

    async fn endpoints_of_v2(&self) -> Result<u64> {
        let stat = "cluster.reviews-v2.membership_total";
        self.scene.envoy.stat(stat).await
    }

    /// Has v2 vanish for `answers` requests and come back, and returns how many requests failed.
    async fn outage(&self, traffic: Traffic, answers: u64) -> Result<usize> {
        traffic.more(100).await?;
        self.vanish()?;
        self.is_unreachable(true).await?;
        let before = self.scene.upstreams.v2.received();
        traffic.more(answers).await?;
        assert_eq!(self.scene.upstreams.v2.received(), before);
        let start = Instant::now();
        self.come_back()?;
        let has_endpoint = async || Ok(self.endpoints_of_v2().await? == 1);
        wait::until(SOON, "the endpoint", has_endpoint).await?;
        let back = traffic.answered();
        self.is_unreachable(false).await?;
        println!("back after {:?}", start.elapsed());
        traffic.more(100).await?;
        assert!(self.scene.upstreams.v2.received() > before + 20);
        let seen = traffic.stop().await?;
        let of_v2 = seen
            .all
            .iter()
            .filter(|one| one.index >= back && one.version == "v2");
        let first = of_v2.map(|one| one.index).min().unwrap_or(u64::MAX);
        // 1.5 seconds.
        assert!(
            first <= back + 150,
            "v2 got no request from {back} to {first}"
        );
        Ok(seen.all.iter().filter(|one| one.status != 200).count())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_endpoints_a_version_loses_one_request_and_one_more_for_each_try() -> Result<()> {
    let vanishing = Vanishing::new(&halves(json!({}))).await?;
    let start = Instant::now();
    let traffic = Traffic::start(&vanishing.scene, 100);
    let failed = vanishing.outage(traffic, 400).await?;
    let seconds = start.elapsed().as_secs() as usize;
    println!("{failed} failed in {seconds} s");
    // Those that were on their way when the first failed, and one each second.
    assert!(
        (1..=seconds + 4).contains(&failed),
        "{failed} in {seconds} s"
    );
    let by_fallback = [("reason", "fallback"), ("version", "v1")];
    assert!(vanishing.scene.metric(REQUESTS, &by_fallback).await? > 100.0);
    assert_eq!(
        vanishing
            .scene
            .metric("halftone_guard", &UNREACHABLE)
            .await?,
        0.0
    );
    assert_eq!(
        vanishing
            .scene
            .metric("halftone_failures_total", &[])
            .await?,
        0.0
    );
    vanishing.scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_resend_and_a_probe_no_request_fails() -> Result<()> {
    let fallback = json!({"resend": true, "probe": {"path": "/healthz"}});
    let vanishing = Vanishing::new(&halves(fallback)).await?;
    let traffic = Traffic::start(&vanishing.scene, 100);
    assert_eq!(vanishing.outage(traffic, 1_000).await?, 0);
    let requests = vanishing.scene.upstreams.v2.requests();
    let mut probes = requests.iter().filter(|request| request.path == "/healthz");
    let probe = probes.next().unwrap();
    assert_eq!(probe.header("host").as_deref(), Some("reviews"));
    assert_eq!(probe.header(VERSION).as_deref(), Some("v2"));
    vanishing.scene.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_probe_one_request_fails() -> Result<()> {
    let vanishing = Vanishing::new(&halves(json!({"probe": {"path": "/"}}))).await?;
    let traffic = Traffic::in_turn(&vanishing.scene, 100);
    assert_eq!(vanishing.outage(traffic, 1_000).await?, 1);
    vanishing.scene.end().await
}

#[tokio::test]
async fn a_version_whose_probe_fails_stays_without_requests() -> Result<()> {
    let fallback = json!({"probe": {"path": "/healthz"}});
    let vanishing = Vanishing::new(&halves(fallback)).await?;
    let user = user_of(&vanishing.scene, "v2").await?;
    let user: [(&str, &[u8]); 2] = [ASKED, ("x-user-id", user.as_bytes())];
    vanishing.vanish()?;
    let gone = async || Ok(vanishing.scene.get(&user).await?.status == 503);
    wait::until(SOON, "a request that meets no endpoint", gone).await?;
    vanishing.is_unreachable(true).await?;

    let probed = || {
        let requests = vanishing.scene.upstreams.v2.requests();
        requests
            .iter()
            .filter(|request| request.path == "/healthz")
            .count()
    };
    vanishing.scene.upstreams.v2.script(Script::status(503));
    vanishing.come_back()?;
    wait::until(SOON, "two probes", async || Ok(probed() >= 2)).await?;
    let answer = vanishing.scene.get(&user).await?;
    assert_eq!(
        (answer.status.as_u16(), decided(&answer, "reason")),
        (200, Some("fallback"))
    );
    let tester = vanishing.scene.get(&[("x-tester", b"1")]).await?;
    assert_eq!(tester.status, 503, "a rule that is not guarded");

    vanishing.scene.upstreams.v2.script(Script::status(200));
    vanishing.is_unreachable(false).await?;
    let answer = vanishing.scene.get(&user).await?;
    assert_eq!(decided(&answer, "version"), Some("v2"));
    vanishing.scene.end().await
}

/// Sends a request for v2 right after v2's endpoints have vanished.
async fn first_without_endpoint(
    fallback: Value,
    script: Script,
    send: impl AsyncFn(&Client) -> Result<u16>,
) -> Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for protocol in PROTOCOLS {
        let vanishing = Vanishing::new(&halves(fallback.clone())).await?;
        let client = vanishing.scene.client(protocol);
        vanishing.scene.upstreams.v1.script(script.clone());
        vanishing.vanish()?;
        let vanished = async || Ok(vanishing.endpoints_of_v2().await? == 0);
        wait::until(SOON, "the endpoints to vanish", vanished).await?;
        statuses.push(send(&client).await?);
        vanishing.is_unreachable(true).await?;
        vanishing.scene.end().await?;
    }
    Ok(statuses)
}

/// The header of a request for v2.
const FOR_V2: (&str, &[u8]) = ("x-all", b"1");

#[tokio::test]
async fn only_a_request_without_a_body_is_sent_again() -> Result<()> {
    let resend = || json!({"resend": true});
    let get = async |client: &Client| {
        let answer = client.get("reviews", "/a?b=1", &[FOR_V2, ASKED]).await?;
        if answer.status == 200 {
            assert_eq!(answer.upstream(), Some("v1"));
            assert_eq!(decided(&answer, "reason"), Some("fallback"));
            assert_eq!(answer.header("x-of"), Some("v1"));
            assert_eq!(answer.body.len(), 100_000);
        }
        Ok(answer.status.as_u16())
    };
    let long = Script::status(200)
        .header("x-of", "v1")
        .body(vec![b'a'; 100_000]);
    let sent = first_without_endpoint(resend(), long.clone(), get).await?;
    assert_eq!(sent, [200, 200]);
    assert_eq!(
        first_without_endpoint(json!({}), long, get).await?,
        [503, 503]
    );

    let head = async |client: &Client| {
        let method = "HEAD".parse()?;
        let answer = client
            .request(method, "reviews", "/", &[FOR_V2], "".into())
            .await?;
        Ok(answer.status.as_u16())
    };
    let sent = first_without_endpoint(resend(), Script::status(200).body("a"), head).await?;
    assert_eq!(
        sent,
        [200, 200],
        "HEAD: the response that is replaced has no body"
    );

    let empty = async |client: &Client| {
        let answer = client.get("reviews", "/", &[FOR_V2]).await?;
        assert_eq!(answer.body.len(), 0);
        Ok(answer.status.as_u16())
    };
    let sent = first_without_endpoint(resend(), Script::status(204), empty).await?;
    assert_eq!(sent, [204, 204]);

    let post = async |client: &Client| {
        let answer = client.post("reviews", "/", &[FOR_V2], "body").await?;
        Ok(answer.status.as_u16())
    };
    assert_eq!(
        first_without_endpoint(resend(), Script::status(200), post).await?,
        [503, 503]
    );
    Ok(())
}

#[tokio::test]
async fn a_version_without_a_cluster_falls_back_too() -> Result<()> {
    let upstreams = Upstreams::start().await?;
    for resend in [false, true] {
        let config = halves(json!({"resend": resend}));
        let proxy = upstreams
            .proxy()
            .plugin(plugin(&config))
            .route(Route::header(VERSION, "v1").to("v1"))
            .route(
                Route::header(VERSION, "v2")
                    .with(json!({"route": {"cluster_header": "x-cluster"}})),
            )
            .fallback("nobody");
        let scene = Scene {
            envoy: Envoy::start(proxy).await?,
            upstreams: Upstreams::start().await?,
        };
        let client =
            Client::new(scene.envoy.address(), Protocol::Http1).deadline(Duration::from_secs(5));
        // The principal's cluster is learned from its responses: this one's name says nothing.
        client
            .get("reviews", "/", &[(VERSION, b"v1"), ("x-user-id", b"1")])
            .await?;
        for user in 0..20 {
            let user = user.to_string();
            client
                .get(
                    "reviews",
                    "/",
                    &[("x-user-id", user.as_bytes()), ("x-cluster", b"v1")],
                )
                .await?;
        }
        let headers: [(&str, &[u8]); 2] = [FOR_V2, ("x-cluster", b"gone")];
        let answer = client.get("reviews", "/", &headers).await?;
        assert_eq!(answer.status, if resend { 200 } else { 503 });
        let responses = [("version", "v1"), ("class", "2xx")];
        assert!(scene.metric(RESPONSES, &responses).await? > 0.0);
        scene.end().await?;
    }
    Ok(())
}
