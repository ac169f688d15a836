//! The case files through Envoy: Envoy routes each request by the decision of the filter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use halftone::release::{Releases, Route as ReleaseRoute};
use halftone_cases::{Case, CaseFile, Observed, Request};
use halftone_lab::client::{Answer, Client};
use halftone_lab::envoy::{Applied, Envoy};
use halftone_lab::proxy::{Cluster, Proxy, Route};
use halftone_lab::upstream::Upstream;
use serde_json::{Value, json};

use crate::replay::replay;
use crate::scene::{ASK, PLUGIN, plugin};
use crate::support::case_files::CASE_FILES;

/// The upstream of the requests that no release decides.
const NOBODY: &str = "nobody";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_holds() -> Result<()> {
    let files = CASE_FILES.map(|(name, text)| File::parse(name, text));
    let files: Vec<File> = files.into_iter().collect::<Result<_>>()?;
    let mesh = Mesh::start(&files).await?;
    let mut failures = Vec::new();
    for file in files {
        let applied = mesh.envoy.apply(PLUGIN, Some(&file.config)).await?;
        ensure!(applied == Applied::Accepted, "{} was rejected", file.name);
        let routing = Arc::new(file.routing_headers());
        for case in file.cases {
            let case = Arc::new(case);
            let complete = completed_by(Arc::clone(&routing));
            let observed = replay(&mesh.client, &case, &complete).await?;
            if let Err(mismatch) = case.judge(observed) {
                failures.push(format!("{}: {}: {mismatch}", file.name, case.name));
            }
        }
    }
    mesh.envoy.check_health().await?;
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// A case file and its compiled configuration.
struct File {
    name: &'static str,
    /// With `explain`.
    config: String,
    releases: Releases,
    cases: Vec<Case>,
}

impl File {
    fn parse(name: &'static str, text: &str) -> Result<Self> {
        let file = CaseFile::parse(text).with_context(|| format!("case file {name}"))?;
        let config = file.config();
        let config = config
            .inline()
            .context("the configuration is in another file")?;
        let mut config: Value = config.clone();
        let releases = halftone::config::load_value(&config)?;
        config["explain"] = json!({ "header": ASK });
        // Envoy has its own clock, and this one has no labels.
        let is_here = |case: &Case| case.at.is_none() && case.request.source_labels.is_empty();
        let cases = file.cases.into_iter().filter(is_here);
        Ok(Self {
            name,
            config: config.to_string(),
            releases,
            cases: cases.collect(),
        })
    }

    /// The names of the headers that its releases route by.
    fn routing_headers(&self) -> BTreeSet<String> {
        let releases = self.releases.all().iter();
        releases
            .map(|release| release.route.header().to_owned())
            .collect()
    }

    /// Each version, and the route that leads to it.
    fn routes(&self) -> impl Iterator<Item = Result<(String, Route)>> {
        self.releases.all().iter().flat_map(|release| {
            let versions = release.versions.iter();
            versions.map(|version| {
                let route = match (&release.route, version.authority()) {
                    (ReleaseRoute::Header(header), _) => Route::header(header, version.name()),
                    // The routes of the lab match hosts with any port.
                    (ReleaseRoute::Authority, Some(authority)) => {
                        Route::authority(authority.split(':').next().unwrap_or(authority))
                    }
                    (ReleaseRoute::Authority, None) => bail!("{} has no authority", version.name()),
                };
                Ok((version.name().to_owned(), route.to(version.name())))
            })
        })
    }
}

/// An Envoy with an upstream per version that a case file names.
struct Mesh {
    envoy: Envoy,
    client: Arc<Client>,
    _upstreams: Vec<Upstream>,
}

impl Mesh {
    async fn start(files: &[File]) -> Result<Self> {
        let mut proxy = Proxy::new().plugin(plugin(&json!({})));
        let (mut versions, mut routes) = (BTreeSet::new(), BTreeSet::new());
        versions.insert(NOBODY.to_owned());
        for named in files.iter().flat_map(File::routes) {
            let (version, route) = named?;
            versions.insert(version);
            if routes.insert(format!("{route:?}")) {
                proxy = proxy.route(route);
            }
        }
        let mut upstreams = Vec::new();
        for version in versions {
            let upstream = Upstream::start(&version).await?;
            upstream.remember(false);
            proxy = proxy.cluster(Cluster::new(&version, upstream.address()));
            upstreams.push(upstream);
        }
        let envoy = Envoy::start(proxy.fallback(NOBODY)).await?;
        let client = Arc::new(Client::http1(envoy.address()));
        Ok(Self {
            envoy,
            client,
            _upstreams: upstreams,
        })
    }
}

/// A check that the upstream of the version answered. It also adds the routing headers of the request that this upstream
/// received to the observation: those that were set, and those that were removed.
fn completed_by(
    routing: Arc<BTreeSet<String>>,
) -> impl Fn(&Request, &mut Observed, &Answer) -> Result<()> + Clone + Send + Sync + 'static {
    move |request, observed, answer| {
        let expected = observed.version.as_deref().unwrap_or(NOBODY);
        ensure!(
            answer.upstream() == Some(expected),
            "decided {expected}, but {:?} answered {}",
            answer.upstream(),
            answer.status
        );
        let received = received(answer)?;
        let is_set = |name: &&String| match name.as_str() {
            ":authority" => received.get(*name) != Some(&request.host),
            name => received.contains_key(name),
        };
        let set = routing.iter().filter(is_set);
        let set = set.filter_map(|name| Some((name.clone(), received.get(name)?.clone())));
        observed.set = set.collect();
        let sent = request.headers().map(|(name, _)| name);
        let removed = sent.filter(|name| routing.contains(name) && !received.contains_key(name));
        observed.removed = removed.collect();
        Ok(())
    }
}

/// The headers of the request that the upstream received, by name. The values of a repeated one are joined.
fn received(answer: &Answer) -> Result<BTreeMap<String, String>> {
    let echo: Value = serde_json::from_slice(&answer.body)?;
    let headers: Vec<(String, String)> = serde_json::from_value(echo["headers"].clone())?;
    let authority: String = serde_json::from_value(echo["authority"].clone())?;
    let mut received = BTreeMap::from([(":authority".to_owned(), authority)]);
    for (name, value) in headers {
        let values: &mut String = received.entry(name).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(&value);
    }
    Ok(received)
}
