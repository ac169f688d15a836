//! `mirror-to-a-test-cluster`: copies leave production by TLS, to the Envoy of another cluster, and production does not
//! wait for them.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result};
use halftone_lab::client::{Client, Fields};
use halftone_lab::envoy::Envoy;
use halftone_lab::istio::cluster;
use halftone_lab::ports;
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::tools;
use halftone_lab::upstream::{Gate, Refusing, Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

use super::folder::Folder;
use crate::scene::{SOON, plugin};

const EXAMPLE: &str = "mirror-to-a-test-cluster";

/// The host of production, and that of the test cluster.
const HOST: &str = "shop.example.com";
const TEST_HOST: &str = "shop.test.example.com";

const PRODUCTION: &str = "production";
const MIRRORS: &str = "halftone_mirrors_total";

/// The example's `maxInFlight`.
const MAX_IN_FLIGHT: u64 = 64;

/// The number of workers of production's Envoy.
const WORKERS: u64 = 2;

/// A certificate for [`TEST_HOST`], signed by its own key. It is valid until 2120, and no program trusts it but these
/// tests.
const CERTIFICATE: &str = include_str!("test-cluster.crt");
const KEY: &str = include_str!("test-cluster.key");

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a client of production sends.
const SENT: Fields<'_> = &[
    ("x-forwarded-for", b"203.0.113.7"),
    ("x-forwarded-proto", b"https"),
    ("authorization", b"Bearer secret"),
    ("proxy-authorization", b"Basic secret"),
    ("cookie", b"session=secret"),
    ("x-api-key", b"secret"),
    ("accept-language", b"de"),
    ("traceparent", TRACE.as_bytes()),
];

/// The example's configuration with fields of its mirror replaced. It mirrors every request.
fn config(fields: &Value) -> Result<Value> {
    let mut config = Folder::named(EXAMPLE)?.config()?;
    let mirror = &mut config["releases"][0]["mirrors"][0];
    assert_eq!(mirror["maxInFlight"], MAX_IN_FLIGHT);
    mirror["percentage"] = 100.into();
    for (name, value) in fields.as_object().into_iter().flatten() {
        mirror[name] = value.clone();
    }
    Ok(config)
}

/// The cluster that Istio makes from the ServiceEntry and the DestinationRule of the example, for `host`.
fn link(host: &str, endpoint: SocketAddr) -> Result<Cluster> {
    let path = format!("examples/{EXAMPLE}/destination-rule.yaml");
    let rule = std::fs::read_to_string(tools::workspace().join(path))?;
    let rule: Value = serde_saphyr::from_str(&rule)?;
    let policy = &rule["spec"]["trafficPolicy"];
    let tls = &policy["tls"];
    assert_eq!(tls["mode"], "SIMPLE");
    let names = tls["subjectAltNames"].as_array().context("names")?;
    let names: Vec<Value> = names
        .iter()
        .map(|name| json!({"san_type": "DNS", "matcher": {"exact": name}}))
        .collect();
    let context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": tls["sni"],
        "common_tls_context": {"validation_context": {
            "trusted_ca": {"inline_string": CERTIFICATE},
            "match_typed_subject_alt_names": names,
        }},
    });
    Ok(Cluster::new(&cluster(host, 80, ""), endpoint).with(json!({
        "connect_timeout": policy["connectionPool"]["tcp"]["connectTimeout"],
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
    })))
}

/// The gateway of the test cluster: TLS for [`TEST_HOST`] alone, one trusted proxy before it, and a route.
fn gateway(app: SocketAddr) -> Proxy {
    let context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [
            {"certificate_chain": {"inline_string": CERTIFICATE}, "private_key": {"inline_string": KEY}},
        ]},
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": true,
        "xff_num_trusted_hops": 1,
        "route_config": {"virtual_hosts": [
            {"name": "shop", "domains": [TEST_HOST], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}]},
        ]},
        "http_filters": [{"name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }}],
    });
    let inspector = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    });
    Proxy::new().cluster(Cluster::new("app", app)).listener(json!({
        "listener_filters": [{"name": "tls_inspector", "typed_config": inspector}],
        "filter_chains": [{
            "filter_chain_match": {"server_names": [TEST_HOST]},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
            "filters": [{"name": "http_connection_manager", "typed_config": manager}],
        }],
    }))
}

/// Production's gateway, the test cluster's gateway, and a server behind each.
struct Clusters {
    production: Upstream,
    test: Upstream,
    envoy: Envoy,
    far: Envoy,
}

impl Clusters {
    async fn start(fields: &Value) -> Result<Self> {
        let production = Upstream::start(PRODUCTION).await?;
        let test = Upstream::start("test").await?;
        let far = Envoy::start(gateway(test.address())).await?;
        let proxy = near(&config(fields)?, &production).cluster(link(TEST_HOST, far.address())?);
        let envoy = Envoy::start(proxy).await?;
        Ok(Self {
            production,
            test,
            envoy,
            far,
        })
    }

    async fn end(self) -> Result<()> {
        self.envoy.check_health().await?;
        self.envoy.stop().await?;
        self.far.stop().await
    }
}

/// The gateway of production, without the clusters of mirrors.
fn near(config: &Value, production: &Upstream) -> Proxy {
    Proxy::new()
        .namespace("istio-ingress")
        .concurrency(WORKERS as u32)
        .plugin(plugin(config))
        .cluster(Cluster::new(PRODUCTION, production.address()))
        .fallback(PRODUCTION)
}

/// Gets `requests` answers of production.
async fn ask(envoy: &Envoy, requests: u64) -> Result<()> {
    let client = Client::http1(envoy.address());
    for _ in 0..requests {
        let answer = client.get(HOST, "/cart?item=17", SENT).await?;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.upstream(), Some(PRODUCTION));
    }
    Ok(())
}

async fn count(envoy: &Envoy, labels: &[(&str, &str)]) -> Result<u64> {
    Ok(envoy.metrics_like(MIRRORS).await?.sum(MIRRORS, labels) as u64)
}

async fn until(envoy: &Envoy, labels: &[(&str, &str)], copies: u64) -> Result<()> {
    let what = format!("{copies} copies of {labels:?}");
    let counted = async || Ok(count(envoy, labels).await? == copies);
    wait::until(SOON, &what, counted).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_has_the_test_clusters_host_and_no_token_of_production() -> Result<()> {
    let clusters = Clusters::start(&json!({"timeout": "1m"})).await?;
    ask(&clusters.envoy, 1).await?;
    until(&clusters.envoy, &[("outcome", "answered")], 1).await?;
    let client = Client::http1(clusters.envoy.address());
    let token = client.get(HOST, "/cart?access_token=secret", &[]).await?;
    assert_eq!(token.upstream(), Some(PRODUCTION));
    assert_eq!(count(&clusters.envoy, &[]).await?, 1);
    let [copy] = &clusters.test.requests()[..] else {
        panic!("expected one copy");
    };
    let [original, _] = &clusters.production.requests()[..] else {
        panic!("expected two requests");
    };
    assert_eq!(copy.authority, TEST_HOST);
    assert_eq!(original.authority, HOST);
    assert_eq!(copy.path, original.path);
    assert_eq!(
        original.header("x-forwarded-for").as_deref(),
        Some("203.0.113.7")
    );
    // The test cluster's gateway adds the address of production's.
    let addresses = copy.header("x-forwarded-for").unwrap_or_default();
    assert!(addresses.starts_with("203.0.113.7,"), "{addresses}");
    // It also writes an id of its own, because the client's address says that the request is from outside.
    let [of_copy, of_original] = [copy, original].map(|request| request.header("x-request-id"));
    assert!(of_original.is_some() && of_copy != of_original);
    for (name, of_copy, of_original) in [
        ("x-forwarded-proto", Some("https"), Some("https")),
        ("x-forwarded-host", Some(HOST), None),
        ("accept-language", Some("de"), Some("de")),
        ("traceparent", Some(TRACE), Some(TRACE)),
        ("x-env", Some("shadow"), None),
        ("x-halftone-mirror", Some("shop"), None),
        ("authorization", None, Some("Bearer secret")),
        ("proxy-authorization", None, Some("Basic secret")),
        ("cookie", None, Some("session=secret")),
        ("x-api-key", None, Some("secret")),
    ] {
        assert_eq!(copy.header(name).as_deref(), of_copy, "{name} of the copy");
        assert_eq!(original.header(name).as_deref(), of_original, "{name}");
    }
    clusters.end().await
}

/// An hour would pass before a copy ends by itself, so production's answers come while the copies wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_is_answered_while_the_test_cluster_holds_its_answers_back() -> Result<()> {
    let gate = Gate::closed();
    let clusters = Clusters::start(&json!({"timeout": "1h"})).await?;
    let envoy = &clusters.envoy;
    clusters.test.script(Script::status(200).behind(&gate));

    ask(envoy, 200).await?;
    assert_eq!(clusters.production.received(), 200);
    assert_eq!(count(envoy, &[("outcome", "answered")]).await?, 0);
    // The copies that wait are within the limit, and no other is sent.
    let too_many = count(envoy, &[]).await?;
    assert!(too_many >= 200 - WORKERS * MAX_IN_FLIGHT, "{too_many}");
    assert!(too_many <= 200 - MAX_IN_FLIGHT, "{too_many}");
    assert_eq!(count(envoy, &[("outcome", "too_many")]).await?, too_many);

    gate.open();
    until(envoy, &[("outcome", "answered")], 200 - too_many).await?;
    assert_eq!(count(envoy, &[]).await?, 200);
    assert_eq!(clusters.test.received(), 200 - too_many);
    clusters.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_cluster_that_cannot_answer_costs_copies_and_no_answer_of_production() -> Result<()>
{
    let hanging = Upstream::start("hanging").await?;
    hanging.script(Script::hang());
    let far = Envoy::start(gateway(hanging.address())).await?;
    let refusing = Refusing::new()?;
    // Connections wait in its queue, so the TLS handshake never begins.
    let silent = ports::bind(TcpListener::bind)?;
    let rows = [
        ("never-answers", TEST_HOST, far.address(), "2s", "timeout"),
        (
            "never-shakes-hands",
            "silent.example.com",
            silent.local_addr()?,
            "1m",
            "failed",
        ),
        (
            "refuses",
            "refusing.example.com",
            refusing.address()?,
            "1m",
            "failed",
        ),
    ];
    let mut config = config(&json!({}))?;
    let mirrors = &mut config["releases"][0]["mirrors"];
    let written = mirrors[0].clone();
    let mirror = |(name, host, _, timeout, _): &(&str, &str, _, &str, _)| {
        let mut mirror = written.clone();
        mirror["name"] = (*name).into();
        mirror["destination"]["host"] = (*host).into();
        mirror["timeout"] = (*timeout).into();
        mirror
    };
    *mirrors = rows.iter().map(mirror).collect();
    let production = Upstream::start(PRODUCTION).await?;
    let mut proxy = near(&config, &production);
    for (_, host, address, ..) in rows {
        proxy = proxy.cluster(link(host, address)?);
    }
    let envoy = Envoy::start(proxy).await?;

    ask(&envoy, 20).await?;
    for (name, _, _, _, outcome) in rows {
        until(&envoy, &[("mirror", name), ("outcome", outcome)], 20).await?;
        assert_eq!(count(&envoy, &[("mirror", name)]).await?, 20, "{name}");
    }
    envoy.check_health().await?;
    envoy.stop().await?;
    far.stop().await
}
