//! Whether Envoy's counters agree with what the clients saw.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::wait;

use crate::plan::{COMPARED, MIRRORED, SILENT};
use crate::stage::Stage;
use crate::summary::Row;
use crate::traffic::{Kind, Tally};

const REQUESTS: &str = "halftone_requests_total";
const RESPONSES: &str = "halftone_responses_total";
const MIRRORS: &str = "halftone_mirrors_total";
const COMPARISONS: &str = "halftone_comparisons_total";

/// The outcomes of a mirror.
const OUTCOMES: [&str; 7] = [
    "answered",
    "timeout",
    "failed",
    "too_large",
    "too_many",
    "no_cluster",
    "skipped",
];

/// The time in which the last copies end and the last tunnels are counted.
const SETTLED: Duration = Duration::from_secs(30);

/// Compares the counters after all clients have stopped.
///
/// # Errors
///
/// If the admin interface does not answer.
pub async fn rows(stage: &Stage, tallies: &[(Kind, Tally)], tunnels: u64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (kind, tally) in tallies {
        let is_mirrored = kind.host == MIRRORED;
        let expected = tally.answers + if is_mirrored { tunnels } else { 0 };
        for name in [REQUESTS, RESPONSES] {
            let labels = [("release", kind.host)];
            let counted = settled(stage, name, &labels, expected).await?;
            rows.push(Row::equal(
                &format!("{name} of {}", kind.host),
                expected,
                counted,
            ));
        }
        if is_mirrored {
            rows.extend(of_mirrors(stage, tally, expected, tunnels).await?);
        }
    }
    Ok(rows)
}

async fn of_mirrors(stage: &Stage, tally: &Tally, all: u64, tunnels: u64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for mirror in [COMPARED, SILENT] {
        let labels = [("release", MIRRORED), ("mirror", mirror)];
        settled(stage, MIRRORS, &labels, all).await?;
        let metrics = stage.envoy.metrics_like(MIRRORS).await?;
        let count = |outcome| {
            let [release, mirror] = labels;
            metrics.sum(MIRRORS, &[release, mirror, ("outcome", outcome)]) as u64
        };
        let named = OUTCOMES.into_iter().map(count).sum();
        rows.push(Row::equal(
            &format!("{mirror}: copies, by outcome"),
            all,
            named,
        ));
        rows.push(Row::equal(
            &format!("{mirror}: tunnels that were skipped"),
            tunnels,
            count("skipped"),
        ));
        if mirror == SILENT {
            rows.push(Row::equal(
                "silent: copies that were answered",
                0,
                count("answered"),
            ));
            continue;
        }
        rows.push(Row::equal(
            "compared: copies that arrived",
            all - tunnels,
            stage.compared.received(),
        ));
        let compared = count("answered") + count("timeout") + count("failed");
        let results = settled(stage, COMPARISONS, &labels, compared).await?;
        rows.push(Row::equal(
            "compared: results of comparisons",
            compared,
            results,
        ));
        let result = |result| async move {
            let [release, mirror] = labels;
            let labels = [release, mirror, ("result", result)];
            anyhow::Ok(stage.metric(COMPARISONS, &labels).await? as u64)
        };
        rows.push(Row::equal(
            "compared: answers whose body differs",
            tally.differing,
            result("body").await?,
        ));
        rows.push(Row::equal(
            "compared: answers that are the same",
            tally.answers - tally.differing,
            result("same").await?,
        ));
    }
    Ok(rows)
}

/// The sum of the counters with these labels, as soon as it is `expected`, or after [`SETTLED`].
async fn settled(stage: &Stage, name: &str, labels: &[(&str, &str)], expected: u64) -> Result<u64> {
    // Not an error: the table shows what was counted.
    let _ = wait::until(SETTLED, name, async || {
        Ok(stage.metric(name, labels).await? as u64 >= expected)
    })
    .await;
    Ok(stage.metric(name, labels).await? as u64)
}
