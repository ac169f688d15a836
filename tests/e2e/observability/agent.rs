//! The alerts for what only Istio's agent, istiod, and the lack of metrics show, on a real Prometheus. The metrics are
//! those that a real agent and a real istiod printed.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use halftone_lab::prometheus::{Prometheus, Scrape, Settings};
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::Value;

use super::alerts::{alerts, described, rules};
use super::manifest;
use super::stage::{NAMESPACE, POD};
use crate::scene::SOON;

/// The alerts that this test raises.
pub const ALERTS: [&str; 3] = [
    "HalftoneModuleNotFetched",
    "HalftoneFilterRejected",
    VANISHED,
];

const VANISHED: &str = "HalftoneVanished";

/// The metrics of a proxy that runs Halftone, and of its agent.
const RUNNING: &str = "halftone_releases 2
istio_agent_wasm_cache_entries 1
istio_agent_wasm_config_conversion_count{result=\"success\"} 1
istio_agent_wasm_remote_fetch_count{result=\"success\"} 1
";

/// The same after an update whose module could not be fetched: the filter is gone, and its metrics with it.
const REPLACED: &str = "istio_agent_wasm_cache_entries 1
istio_agent_wasm_config_conversion_count{result=\"fetch_failure\"} 1
istio_agent_wasm_config_conversion_count{result=\"success\"} 1
istio_agent_wasm_remote_fetch_count{result=\"manifest_failure\"} 1
istio_agent_wasm_remote_fetch_count{result=\"success\"} 1
";

const IN_SYNC: &str = "pilot_total_xds_rejects{type=\"cds\"} 1\n";

const REJECTED: &str =
    "pilot_total_xds_rejects{type=\"cds\"} 1\npilot_total_xds_rejects{type=\"ecds\"} 1\n";

/// The path from which the second endpoint of the PodMonitor scrapes, or the first of another one.
fn path(file: &str, endpoint: usize) -> Result<String> {
    let monitor = manifest(file)?;
    let path = &monitor["spec"]["podMetricsEndpoints"][endpoint]["path"];
    Ok(path.as_str().context("a path")?.to_owned())
}

fn expression(name: &str) -> Result<String> {
    let alerts = alerts()?;
    let mut named = alerts.iter().filter(|alert| alert["alert"] == name);
    let expression = named.next().map(|alert| &alert["expr"]);
    Ok(expression
        .and_then(Value::as_str)
        .context("expr")?
        .to_owned())
}

#[tokio::test]
async fn a_module_that_is_not_fetched_and_a_rejected_filter_raise_alerts() -> Result<()> {
    let (agent, istiod) = (
        Upstream::start("agent").await?,
        Upstream::start("istiod").await?,
    );
    let metrics = |text: &'static str| {
        let script = Script::status(200).header("content-type", "text/plain; version=0.0.4");
        script.body(text)
    };
    agent.script(metrics(RUNNING));
    istiod.script(metrics(IN_SYNC));
    let settings = Settings::new("/stats/prometheus", Value::Null)
        .other(
            &path("mesh/pod-monitor.yaml", 1)?,
            Scrape::new(agent.address(), NAMESPACE, POD),
        )
        .other(
            &path("mesh/istiod-monitor.yaml", 0)?,
            Scrape::new(istiod.address(), NAMESPACE, "istiod"),
        )
        .rules(rules()?);
    let prometheus = Prometheus::start(&settings).await?;
    let until = async |promql: &str| {
        let found = async || Ok(!prometheus.query(promql).await?.is_empty());
        wait::until(SOON, promql, found).await
    };
    until("halftone_releases").await?;
    until("pilot_total_xds_rejects").await?;
    let evaluated = async || Ok(prometheus.alerts().await.ok());
    let raised = wait::some(SOON, "the rules to be evaluated", evaluated).await?;
    assert!(raised.is_empty(), "{raised:?}");

    agent.script(metrics(REPLACED));
    istiod.script(metrics(REJECTED));
    let both = async || {
        let raised = prometheus.alerts().await?;
        Ok((raised.len() > 1).then_some(raised))
    };
    let raised = wait::some(SOON, "two alerts", both).await?;
    let mut found: Vec<String> = raised.iter().map(described).collect();
    found.sort_unstable();
    let expected = [
        "HalftoneFilterRejected".to_owned(),
        format!("HalftoneModuleNotFetched {POD}"),
    ];
    assert_eq!(found, expected);

    // The test does not wait five minutes. It evaluates the expression at a time at which the metrics have been gone
    // for five minutes, and the proxy has answered within them.
    let vanished = expression(VANISHED)?;
    assert!(prometheus.query(&vanished).await?.is_empty());
    let raised = async || {
        let later = SystemTime::now() + Duration::from_secs(5 * 60 - 5);
        let samples = prometheus.query_at(&vanished, later).await?;
        Ok((!samples.is_empty()).then_some(samples))
    };
    let raised = wait::some(6 * SOON, VANISHED, raised).await?;
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(raised[0].labels["pod"], POD);
    Ok(())
}
