//! A configuration that Envoy reads from files, on a real Envoy, under traffic.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use halftone_lab::client::Client;
use halftone_lab::envoy::Written;
use halftone_lab::load::Load;
use halftone_lab::upstream::Upstream;
use halftone_lab::{ports, tools, wait};
use halftone_resources::discovery;
use serde_json::{Value, json};

use crate::render::rendered;

/// A configuration in a folder, and the flags that render it to another folder.
struct Live {
    folder: tempfile::TempDir,
    flags: Vec<String>,
}

impl Live {
    fn new(upstreams: &[Upstream]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut flags = vec![path("shop.yaml"), "--live".into(), path("live")];
        flags.extend(["--kind", "envoy", "--url"].map(str::to_owned));
        flags.push(format!("file://{}", tools::module()?.display()));
        for (index, upstream) in (1..).zip(upstreams) {
            flags.push("--upstream".into());
            flags.push(format!("v{index}={}", upstream.address()));
        }
        Ok(Self { folder, flags })
    }

    fn config(versions: &[&str]) -> Value {
        let last = versions.last();
        let split: Vec<Value> = versions
            .iter()
            .map(|name| json!({"version": name, "weight": u8::from(Some(name) == last)}))
            .collect();
        json!({"releases": [
            {"name": "shop", "hosts": ["shop"], "principal": "v1", "canary": {"split": split}},
        ]})
    }

    /// Renders a configuration that sends everything to the last of `versions`.
    fn render(&self, versions: &[&str], addresses: &[String; 2]) -> Result<String> {
        let config = Self::config(versions);
        fs::write(self.folder.path().join("shop.yaml"), config.to_string())?;
        let [listen, admin] = addresses;
        let mut flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let upstreams = flags.iter().position(|flag| *flag == "--upstream");
        // A flag for a version that the configuration lacks is an error.
        flags.truncate(upstreams.unwrap_or_default() + 2 * versions.len());
        flags.extend(["--listen", listen, "--admin", admin]);
        Ok(rendered(&flags))
    }

    /// The names of the clusters that Envoy reads.
    fn clusters(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.live("clusters.yaml"))?;
        let clusters: Value = serde_saphyr::from_str(&text)?;
        let clusters = clusters["resources"].as_array().unwrap().iter();
        Ok(clusters
            .map(|cluster| cluster["name"].as_str().unwrap().to_owned())
            .collect())
    }

    fn live(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("live").join(name)
    }

    /// An Envoy on free ports. It retries, because another program can take a port first.
    async fn start(&self) -> Result<(Written, [String; 2])> {
        let mut tries = 0;
        loop {
            let addresses = [
                format!("127.0.0.1:{}", ports::free()?),
                ports::free()?.to_string(),
            ];
            self.render(&["v1"], &addresses)?;
            tries += 1;
            match Written::start(&fs::read_to_string(self.live("envoy.yaml"))?).await {
                Err(error) if tries < 5 && format!("{error:#}").contains("already in use") => {}
                started => return Ok((started?, addresses)),
            }
        }
    }
}

async fn reaches(client: &Client, version: &str) -> Result<()> {
    let what = format!("a request to reach {version}");
    wait::until(Duration::from_secs(30), &what, async || {
        let answer = client.get("shop", "/", &[]).await?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(answer.upstream() == Some(version))
    })
    .await
}

fn is_unchanged(said: &str, name: &str) -> bool {
    said.lines()
        .any(|line| line.ends_with(&format!("/{name}: unchanged")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_live_at_once_and_loses_no_request() -> Result<()> {
    let mut upstreams = Vec::new();
    for name in ["v1", "v2"] {
        upstreams.push(Upstream::start(name).await?);
    }
    let live = Live::new(&upstreams)?;
    let (envoy, addresses) = live.start().await?;
    let client = Client::http1(envoy.address());
    reaches(&client, "v1").await?;
    let load = Load::new(envoy.address())
        .host("shop")
        .connections(4)
        .start();

    // A version that Envoy did not know when it started: its cluster and its route are new too.
    let said = live.render(&["v1", "v2"], &addresses)?;
    assert!(is_unchanged(&said, "envoy.yaml"), "{said}");
    reaches(&client, "v2").await?;

    // The same version without a request to it: only the releases change.
    let said = live.render(&["v2", "v1"], &addresses)?;
    assert!(is_unchanged(&said, "clusters.yaml"), "{said}");
    reaches(&client, "v1").await?;

    // A version is removed while it has all the traffic, and comes back. Its cluster stays for one change.
    for _ in 0..3 {
        live.render(&["v1", "v2"], &addresses)?;
        reaches(&client, "v2").await?;
        assert_eq!(live.clusters()?, ["shop/v1", "shop/v2"]);
        live.render(&["v1"], &addresses)?;
        assert_eq!(live.clusters()?, ["shop/v1", "shop/v2"]);
        reaches(&client, "v1").await?;
    }
    live.render(&["v1"], &addresses)?;
    assert_eq!(live.clusters()?, ["shop/v1"]);

    // Another program changes only the plugin configuration. Envoy has the route and the cluster.
    live.render(&["v2", "v1"], &addresses)?;
    let releases = live.live("releases.json");
    assert!(discovery::configure(
        &releases,
        &Live::config(&["v1", "v2"])
    )?);
    reaches(&client, "v2").await?;

    // The filter rejects a configuration, and the last good one serves.
    assert!(discovery::configure(&releases, &json!({"releases": 1}))?);
    rejected(&envoy).await?;
    reaches(&client, "v2").await?;

    let report = load.stop().await?;
    assert_eq!(
        report.failed(),
        0,
        "{:?}: {:?}",
        report.statuses,
        report.first_failure
    );
    for version in ["v1", "v2"] {
        assert!(
            report.upstreams.contains_key(version),
            "{:?}",
            report.upstreams
        );
    }
    leaves_no_other_file(&live.live(""));
    envoy.stop().await
}

async fn rejected(envoy: &Written) -> Result<()> {
    wait::until(
        Duration::from_secs(30),
        "a rejection in the log",
        async || Ok(envoy.log()?.contains("releases: expected an array")),
    )
    .await
}

fn leaves_no_other_file(folder: &Path) {
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(files, 4, "clusters, routes, releases and bootstrap");
}
