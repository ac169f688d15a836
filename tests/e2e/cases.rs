//! The case files through Envoy: each request is sent, and routed, by what the filter decided.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use halftone::release::{Releases, Route as ReleaseRoute};
use halftone_cases::{Case, CaseFile, Observed, Request};
use halftone_lab::client::{Answer, Client};
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::{Cluster, Plugin, Proxy, Route};
use halftone_lab::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::case_files::CASE_FILES;

const ASK: &str = "x-halftone-explain";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_case_holds() -> Result<()> {
    let mut failures = Vec::new();
    for (name, text) in CASE_FILES {
        run(name, text, &mut failures)
            .await
            .with_context(|| format!("case file {name}"))?;
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

async fn run(name: &str, text: &str, failures: &mut Vec<String>) -> Result<()> {
    let file = CaseFile::parse(text)?;
    let mut config = file
        .config()
        .context("the configuration stands elsewhere")?
        .clone();
    let releases = halftone::config::load_value(&config)?;
    config["explain"] = json!({ "header": ASK });

    let mesh = Mesh::start(&releases, &config).await?;
    for case in &file.cases {
        let mut observed = Vec::new();
        for request in case.requests() {
            observed.push(mesh.observe(case, &request).await?);
        }
        if let Err(mismatch) = case.judge(observed) {
            failures.push(format!("{name}: {}: {mismatch}", case.name));
        }
    }
    mesh.envoy.check_health().await?;
    mesh.envoy.stop().await
}

/// An Envoy with an upstream for each version that a configuration names, and one for what no
/// release decides.
struct Mesh {
    envoy: Envoy,
    client: Client,
    _upstreams: Vec<Upstream>,
}

const NOBODY: &str = "nobody";

impl Mesh {
    async fn start(releases: &Releases, config: &Value) -> Result<Self> {
        let versions = || {
            releases.all().iter().flat_map(|release| {
                release
                    .versions
                    .iter()
                    .map(move |version| (release, version))
            })
        };
        let names: BTreeSet<&str> = versions()
            .map(|(_, version)| version.name())
            .chain([NOBODY])
            .collect();
        let mut proxy = Proxy::new().plugin(Plugin::new("cases").config(&config.to_string()));
        let mut upstreams = Vec::new();
        for name in names {
            let upstream = Upstream::start(name).await?;
            upstream.remember(false);
            proxy = proxy.cluster(Cluster::new(name, upstream.address()));
            upstreams.push(upstream);
        }
        let mut routed = BTreeSet::new();
        for (release, version) in versions() {
            let route = match (&release.route, version.authority()) {
                (ReleaseRoute::Header(header), _) => Route::header(header, version.name()),
                // The lab's routes match hosts on every port.
                (ReleaseRoute::Authority, Some(authority)) => {
                    Route::authority(authority.split(':').next().unwrap_or(authority))
                }
                (ReleaseRoute::Authority, None) => {
                    bail!("version {} has no authority", version.name())
                }
            };
            if routed.insert(format!("{:?} {:?}", release.route, version.name())) {
                proxy = proxy.route(route.to(version.name()));
            }
        }
        let envoy = Envoy::start(proxy.fallback(NOBODY)).await?;
        let client = Client::http1(envoy.address()).deadline(Duration::from_secs(10));
        Ok(Self {
            envoy,
            client,
            _upstreams: upstreams,
        })
    }

    /// What became of `request`, by the explanation that came back; and its route must agree.
    async fn observe(&self, case: &Case, request: &Request) -> Result<Observed> {
        let answer = self
            .send(request)
            .await
            .with_context(|| case.name.clone())?;
        let observed = explained(answer.header("x-halftone-decision"));
        let expected = observed.version.as_deref().unwrap_or(NOBODY);
        ensure!(
            answer.upstream() == Some(expected),
            "{}: decided {expected}, but {:?} answered {}",
            case.name,
            answer.upstream(),
            answer.text()
        );
        Ok(observed)
    }

    async fn send(&self, request: &Request) -> Result<Answer> {
        let address = request.source_address.map(|address| address.to_string());
        let headers: Vec<(String, &str)> = request.headers().collect();
        let mut fields: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        fields.push((ASK, b"1"));
        if let Some(address) = &address {
            fields.push(("x-forwarded-for", address.as_bytes()));
        }
        let method = request.method.parse()?;
        self.client
            .request(
                method,
                &request.host,
                &request.path,
                &fields,
                Default::default(),
            )
            .await
    }
}

/// Reads `release=reviews version=v2 reason=split`.
fn explained(decision: Option<&str>) -> Observed {
    let field = |name: &str| {
        let mut words = decision?.split(' ').filter_map(|word| word.split_once('='));
        words
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    Observed {
        release: field("release"),
        version: field("version"),
        reason: field("reason"),
    }
}
