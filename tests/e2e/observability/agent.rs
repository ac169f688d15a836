//! The alerts for what only Istio's agent, istiod, and the lack of metrics show, on a real Prometheus. Scripted
//! upstreams print the metrics by the names that an agent and istiod use.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use halftone_lab::prometheus::{Prometheus, Scrape, Settings};
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};

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

/// The metrics of a proxy that runs Halftone. After an update whose module could not be fetched it has none: the filter
/// is gone, and its metrics with it.
const RUNNING: &str = "halftone_releases 2\n";

/// What the agent of such a proxy prints: the metrics of the proxy too.
const FETCHED: &str = "halftone_releases 2
envoy_server_live 1
istio_agent_wasm_cache_entries 1
istio_agent_wasm_config_conversion_count{result=\"success\"} 1
istio_agent_wasm_remote_fetch_count{result=\"success\"} 1
";

/// The same after an update whose module could not be fetched.
const UNFETCHED: &str = "envoy_server_live 1
istio_agent_wasm_cache_entries 1
istio_agent_wasm_config_conversion_count{result=\"fetch_failure\"} 1
istio_agent_wasm_config_conversion_count{result=\"success\"} 1
istio_agent_wasm_remote_fetch_count{result=\"manifest_failure\"} 1
istio_agent_wasm_remote_fetch_count{result=\"success\"} 1
";

const IN_SYNC: &str = "pilot_total_xds_rejects{type=\"cds\"} 1\npilot_xds 3\n";

const REJECTED: &str =
    "pilot_total_xds_rejects{type=\"cds\"} 1\npilot_total_xds_rejects{type=\"ecds\"} 1\n";

/// The job that the operator makes of an endpoint of a PodMonitor, for a server at `port` instead of `instead_of`.
fn job(monitor: &str, endpoint: usize, port: u16, instead_of: &str) -> Result<Value> {
    let monitor = manifest(monitor)?;
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][endpoint];
    let rules = |field: &str| -> Result<Value> {
        let text = endpoint[field].to_string();
        let text = text.replace("sourceLabels", "source_labels");
        let text = text.replace("targetLabel", "target_label");
        Ok(serde_json::from_str(
            &text.replace(instead_of, &port.to_string()),
        )?)
    };
    Ok(json!({
        "metrics_path": endpoint["path"],
        "params": endpoint["params"],
        "relabel_configs": rules("relabelings")?,
        "metric_relabel_configs": rules("metricRelabelings")?,
    }))
}

/// A pod of the mesh. The address of the target is another port of it: relabelling must replace that.
fn pod(name: &str, port: &str) -> Scrape {
    Scrape::new(SocketAddr::from(([127, 0, 0, 1], 9)), NAMESPACE, name)
        .label("__meta_kubernetes_pod_ip", "127.0.0.1")
        .label("__meta_kubernetes_pod_container_port_number", port)
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
    let proxy = Upstream::start("proxy").await?;
    let agent = Upstream::start("agent").await?;
    let istiod = Upstream::start("istiod").await?;
    let metrics = |text: &'static str| {
        let script = Script::status(200).header("content-type", "text/plain; version=0.0.4");
        script.body(text)
    };
    proxy.script(metrics(RUNNING));
    agent.script(metrics(FETCHED));
    istiod.script(metrics(IN_SYNC));
    let port = |upstream: &Upstream| upstream.address().port();
    let settings = Settings::new("/stats/prometheus", Value::Null)
        .scrape(Scrape::new(proxy.address(), NAMESPACE, POD))
        .other(
            job("mesh/pod-monitor.yaml", 1, port(&agent), "15020")?,
            pod(POD, "15090"),
        )
        .other(
            job("mesh/istiod-monitor.yaml", 0, port(&istiod), "15014")?,
            pod("istiod", "8080"),
        )
        .rules(rules()?);
    let prometheus = Prometheus::start(&settings).await?;
    let until = async |promql: &str| {
        let found = async || Ok(!prometheus.query(promql).await?.is_empty());
        wait::until(SOON, promql, found).await
    };
    until("halftone_releases").await?;
    until("istio_agent_wasm_cache_entries").await?;
    until("pilot_total_xds_rejects").await?;
    for (series, count) in [
        ("halftone_releases", 1),
        ("envoy_server_live", 0),
        ("pilot_xds", 0),
    ] {
        let found = prometheus.query(series).await?;
        assert_eq!(found.len(), count, "{series}: {found:?}");
    }
    let evaluated = async || Ok(prometheus.alerts().await.ok());
    let raised = wait::some(SOON, "the rules to be evaluated", evaluated).await?;
    assert!(raised.is_empty(), "{raised:?}");

    proxy.script(metrics(""));
    agent.script(metrics(UNFETCHED));
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
