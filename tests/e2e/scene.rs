//! The setup of most tests: a service in two versions, and an Envoy with the filter before them.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::{Answer, Client, Fields, Protocol};
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Plugin, Proxy, Route};
use halftone_lab::upstream::Upstream;
use serde_json::{Value, json};

/// The name of the plugin in scenes with one plugin.
pub const PLUGIN: &str = "halftone";

/// The request header with the version, which the routes match.
pub const VERSION: &str = "x-halftone-version";

/// The header that asks for the decision in the configurations of these tests.
pub const ASK: &str = "x-halftone-explain";

/// Header fields in a table.
pub type Sent = &'static [(&'static str, &'static [u8])];

/// A header field that asks for the decision.
pub const ASKED: (&str, &[u8]) = (ASK, b"1");

/// The response header with the decision.
pub const DECISION: &str = "x-halftone-decision";

pub const REQUESTS: &str = "halftone_requests_total";
pub const RESPONSES: &str = "halftone_responses_total";

/// The classes of responses.
pub const CLASSES: [&str; 8] = [
    "1xx",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "aborted",
    "grpc_error",
    "reset",
];

/// The longest time until a condition is met. Only a test that fails waits until then.
pub const SOON: Duration = Duration::from_secs(60);

pub const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// A configuration with one release: `reviews`, whose principal is v1, with this strategy.
pub fn reviews(strategy: Value) -> Value {
    let mut release = json!({"name": "reviews", "hosts": ["reviews"], "principal": "v1"});
    if let (Some(release), Value::Object(strategy)) = (release.as_object_mut(), strategy) {
        release.extend(strategy);
    }
    json!({"releases": [release], "explain": {"header": ASK}})
}

/// Sends half of the sessions to each version.
pub fn halves(session: Value) -> Value {
    let split = json!([{"version": "v2", "weight": 1}, {"version": "v1", "weight": 1}]);
    reviews(json!({"canary": {"split": split, "session": session}}))
}

/// Sends all traffic to `version`.
pub fn active(version: &str) -> Value {
    reviews(json!({"blueGreen": {"active": version}}))
}

/// The upstreams.
pub struct Upstreams {
    pub v1: Upstream,
    pub v2: Upstream,
    /// The upstream of requests without a version.
    pub nobody: Upstream,
}

impl Upstreams {
    pub async fn start() -> Result<Self> {
        Ok(Self {
            v1: Upstream::start("v1").await?,
            v2: Upstream::start("v2").await?,
            nobody: Upstream::start("nobody").await?,
        })
    }

    /// An Envoy with their clusters and without routes.
    pub fn proxy(&self) -> Proxy {
        Proxy::new()
            .cluster(Cluster::new("v1", self.v1.address()))
            .cluster(Cluster::new("v2", self.v2.address()))
            .cluster(Cluster::new("nobody", self.nobody.address()))
    }
}

/// The upstreams and an Envoy before them.
pub struct Scene {
    pub envoy: Envoy,
    pub upstreams: Upstreams,
}

impl Scene {
    /// Starts a scene with one plugin.
    pub async fn new(config: &Value) -> Result<Self> {
        Self::of(|proxy| proxy.plugin(plugin(config))).await
    }

    /// Starts a scene with the Envoy that `complete` makes from one without plugins. Other requests are routed by
    /// [`VERSION`].
    pub async fn of(complete: impl FnOnce(Proxy) -> Proxy) -> Result<Self> {
        let upstreams = Upstreams::start().await?;
        let proxy = complete(upstreams.proxy())
            .route(Route::header(VERSION, "v1").to("v1"))
            .route(Route::header(VERSION, "v2").to("v2"))
            .fallback("nobody");
        let envoy = Envoy::start(proxy).await?;
        Ok(Self { envoy, upstreams })
    }

    pub fn client(&self, protocol: Protocol) -> Client {
        Client::new(self.envoy.address(), protocol)
    }

    /// Gets `/` of the host `reviews` over a new connection, which either worker can get.
    pub async fn get(&self, headers: Fields<'_>) -> Result<Answer> {
        let client = self.client(Protocol::Http1);
        client.get("reviews", "/", headers).await
    }

    /// The sum of the metrics with this name and these labels.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Result<f64> {
        Ok(self.envoy.metrics().await?.sum(name, labels))
    }

    /// Checks the health of Envoy and the plugin, and ends Envoy.
    pub async fn end(self) -> Result<()> {
        self.envoy.check_health().await?;
        self.envoy.stop().await
    }
}

/// The plugin called [`PLUGIN`].
pub fn plugin(config: &Value) -> Plugin {
    Plugin::new(PLUGIN).config(&config.to_string())
}

/// The values of a header that the upstream received and echoed.
pub fn echoed(answer: &Answer, name: &str) -> Result<Vec<String>> {
    let echo: Value = serde_json::from_slice(&answer.body)?;
    let headers: Vec<(String, String)> = serde_json::from_value(echo["headers"].clone())?;
    let headers = headers.into_iter().filter(|header| header.0 == name);
    Ok(headers.map(|(_, value)| value).collect())
}

/// A part of the decision of an answer: `release`, `version` or `reason`.
pub fn decided<'a>(answer: &'a Answer, what: &str) -> Option<&'a str> {
    let words = answer.header(DECISION)?.split(' ');
    let mut words = words.filter_map(|word| word.split_once('='));
    words.find(|(name, _)| *name == what).map(|(_, word)| word)
}
