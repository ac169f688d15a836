//! The dashboard and alerts of `manifests/`: a real Prometheus scrapes a real Envoy, evaluates the alerts and answers
//! the queries of the dashboard.

mod access_log;
mod agent;
mod alerts;
mod dashboard;
mod stage;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use stage::Stage;

/// A file below `manifests/`, in YAML or JSON.
fn manifest(name: &str) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("manifests")
        .join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

#[tokio::test]
async fn prometheus_answers_every_query_of_the_dashboard_and_raises_every_alert() -> Result<()> {
    let stage = Stage::new().await?;
    alerts::none_is_raised(&stage).await?;
    stage.trouble().await?;
    dashboard::is_answered(&stage).await?;
    alerts::all_are_raised(&stage).await?;
    stage.end().await
}
