//! The outcomes of mirrored requests, from Halftone's metrics.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::envoy::Metrics;
use halftone_lab::wait;

use crate::stage::Stage;
use crate::table::thousands;

/// The configuration without mirrors. The scenes with mirrors append theirs.
pub const PRODUCTION: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  blueGreen: { active: v1 }
";

/// The longest time until all copies are counted.
const PATIENCE: Duration = Duration::from_secs(10);

/// The outcomes of all `copies` to `mirror`, each with its count: `300 timeout`.
pub async fn outcomes(stage: &Stage, mirror: &str, copies: u64) -> Result<String> {
    tally(stage, "halftone_mirrors_total", "outcome", mirror, copies).await
}

/// The results of all `copies` comparisons, each with its count: `2,000 body`.
pub async fn results(stage: &Stage, mirror: &str, copies: u64) -> Result<String> {
    tally(
        stage,
        "halftone_comparisons_total",
        "result",
        mirror,
        copies,
    )
    .await
}

/// The count of each value of `label`, after the sum of all has reached `copies`.
async fn tally(
    stage: &Stage,
    name: &str,
    label: &str,
    mirror: &str,
    copies: u64,
) -> Result<String> {
    let counted = |metrics: &Metrics| metrics.sum(name, &[("mirror", mirror)]) as u64;
    let all = async || Ok(counted(&stage.envoy.metrics().await?) >= copies);
    // If some are missing, the table shows it.
    let _ = wait::until(PATIENCE, name, all).await;

    let metrics = stage.envoy.metrics().await?;
    let mut tally = Vec::new();
    for value in metrics.label_values(name, label) {
        let count = metrics.sum(name, &[("mirror", mirror), (label, value)]) as u64;
        if count > 0 {
            tally.push(format!("{} {value}", thousands(count)));
        }
    }
    Ok(tally.join(", "))
}
