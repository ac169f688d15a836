//! The metrics of all scenes.

use anyhow::{Result, ensure};
use halftone_lab::client::Client;
use halftone_lab::envoy::Metrics;

use crate::stage::Stage;
use crate::story::Story;
use crate::table::Row;

const REQUESTS: &str = "halftone_requests_total";
const RESPONSES: &str = "halftone_responses_total";

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "The metrics that Prometheus scrapes",
        "Halftone has counted every request of the scenes once, with its version and its reason.\n\
         The sums equal the numbers of requests that the versions received.",
    )?;
    let page = prometheus(stage).await?;
    let lines: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with(REQUESTS))
        .collect();
    story.quote("From /stats/prometheus", &lines.join("\n"))?;

    let metrics = Metrics::parse(&page)?;
    let sum = |name, labels: &[_]| metrics.sum(name, labels) as u64;
    let mut rows = Vec::new();
    for (version, upstream) in [("v1", &stage.v1), ("v2", &stage.v2)] {
        let (received, labels) = (upstream.received(), [("version", version)]);
        let answered = [("version", version), ("class", "2xx")];
        rows.extend([
            Row::count(
                &format!("requests to {version}"),
                received,
                sum(REQUESTS, &labels),
            ),
            Row::count("  answered 2xx", received, sum(RESPONSES, &answered)),
        ]);
    }
    story.observe(rows)
}

/// The page that Prometheus scrapes.
async fn prometheus(stage: &Stage) -> Result<String> {
    let admin = Client::http1(stage.envoy.admin());
    let answer = admin.get("admin", "/stats/prometheus", &[]).await?;
    ensure!(answer.status == 200, "Envoy answered {}", answer.status);
    Ok(answer.text())
}
