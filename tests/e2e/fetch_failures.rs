//! A module that cannot be fetched: pilot-agent puts another filter in place of the plugin while traffic flows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::envoy::Applied;
use halftone_lab::recorded::fetch_failed;
use halftone_lab::wait;
use tokio::task::JoinHandle;

use crate::scene::{PLUGIN, REQUESTS, SOON, Scene, active};

/// A status, and the upstream that answered.
type Seen = (u16, Option<String>);

async fn ask(client: &Client) -> Result<Seen> {
    let answer = client.get("reviews", "/", &[]).await?;
    let upstream = answer.upstream().map(str::to_owned);
    Ok((answer.status.as_u16(), upstream))
}

/// Sends requests one after the other until it is stopped.
struct Traffic {
    is_over: Arc<AtomicBool>,
    seen: JoinHandle<Result<BTreeSet<Seen>>>,
}

impl Traffic {
    fn start(scene: &Scene) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let client = Client::http1(scene.envoy.address());
        let until = Arc::clone(&is_over);
        let seen = tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                seen.insert(ask(&client).await?);
            }
            Ok(seen)
        });
        Self { is_over, seen }
    }

    /// Everything that it saw.
    async fn stop(self) -> Result<BTreeSet<Seen>> {
        self.is_over.store(true, Ordering::Relaxed);
        self.seen.await?
    }
}

/// The number of time series of Halftone that Prometheus would scrape.
async fn series(scene: &Scene) -> Result<usize> {
    let admin = Client::http1(scene.envoy.admin());
    let page = "/stats/prometheus?filter=halftone_";
    let text = admin.get("admin", page, &[]).await?.text();
    // Names without the labels of releases, which the filter of the page would match too.
    Ok(text
        .lines()
        .filter(|line| line.starts_with("halftone_"))
        .count())
}

/// The number of requests that Envoy counts as denied. It does not count those that pass. The name differs between versions
/// of Envoy.
async fn denied(scene: &Scene) -> Result<u64> {
    let admin = Client::http1(scene.envoy.admin());
    let page = "/stats?filter=wasm-default-deny";
    let text = admin.get("admin", page, &[]).await?.text();
    let counts = text.lines().filter_map(|line| line.split_once("denied: "));
    let counts: Result<Vec<u64>, _> = counts.map(|(_, count)| count.parse()).collect();
    Ok(counts?.into_iter().sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_pass_undecided_or_get_403_until_the_module_can_be_fetched() -> Result<()> {
    let decided: Seen = (200, Some("v2".to_owned()));
    for (strategy, without) in [
        ("FAIL_OPEN", (200, Some("nobody".to_owned()))),
        ("FAIL_CLOSE", (403, None)),
    ] {
        let scene = Scene::new(&active("v2")).await?;
        let client = Client::http1(scene.envoy.address());
        assert_eq!(ask(&client).await?, decided);
        let traffic = Traffic::start(&scene);

        let filter = fetch_failed(strategy)?;
        let applied = scene.envoy.replace(PLUGIN, Some(&filter)).await?;
        // Envoy accepts it, so istiod reports the proxy as in sync.
        assert_eq!(applied, Applied::Accepted);
        for _ in 0..100 {
            assert_eq!(ask(&client).await?, without, "{strategy}");
        }
        let gone = async || Ok(series(&scene).await? == 0);
        wait::until(SOON, "the series of Halftone to vanish", gone).await?;
        assert_eq!(
            denied(&scene).await? >= 100,
            strategy == "FAIL_CLOSE",
            "{strategy}"
        );

        assert_eq!(scene.envoy.replace(PLUGIN, None).await?, Applied::Accepted);
        for _ in 0..100 {
            assert_eq!(ask(&client).await?, decided, "{strategy}");
        }
        let seen = traffic.stop().await?;
        let either = BTreeSet::from([decided.clone(), without]);
        assert!(
            !seen.is_empty() && seen.is_subset(&either),
            "{strategy}: {seen:?}"
        );
        // A new VM counts from 0.
        assert!(series(&scene).await? > 0);
        assert!(scene.metric(REQUESTS, &[("reason", "active")]).await? >= 100.0);
        scene.end().await?;
    }
    Ok(())
}
