//! A real Prometheus: scrapes of an Envoy, answers and errors.

use std::time::Duration;

use halftone_lab::envoy::Envoy;
use halftone_lab::prometheus::{Prometheus, Scrape, Settings};
use halftone_lab::proxy::Proxy;
use halftone_lab::wait;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings::new("/stats/prometheus", json!({"filter": ["server.live"]}))
}

fn rules(expression: &str) -> Value {
    let annotations = json!({"summary": "{{ $labels.pod }} lives"});
    let alert =
        json!({"alert": "Lives", "expr": expression, "for": "1h", "annotations": annotations});
    json!({"groups": [{"name": "lab", "rules": [alert]}]})
}

#[tokio::test]
async fn it_scrapes_its_envoys_with_the_labels_of_the_pod() -> anyhow::Result<()> {
    let envoy = Envoy::start(Proxy::new()).await?;
    let scrape = Scrape::new(envoy.admin(), "bookinfo", "pod-0");
    let settings = settings()
        .scrape(scrape)
        .rules(rules("envoy_server_live > 0"));
    let prometheus = Prometheus::start(&settings).await?;
    let scraped = wait::some(SOON, "a scrape", async || {
        let samples = prometheus.query("envoy_server_live").await?;
        Ok((!samples.is_empty()).then_some(samples))
    })
    .await?;
    assert_eq!(scraped.len(), 1);
    for sample in &scraped {
        assert_eq!(sample.value, 1.0);
        let label = |name: &str| sample.labels.get(name).map(String::as_str);
        assert_eq!(
            (label("namespace"), label("pod")),
            (Some("bookinfo"), Some("pod-0"))
        );
    }
    let names = prometheus
        .label_values("{job=\"envoy\"}", "__name__")
        .await?;
    let envoys: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with("envoy_"))
        .collect();
    assert_eq!(envoys, ["envoy_server_live"], "the filter");

    let raised = wait::some(SOON, "the alert", async || {
        let alerts = prometheus.alerts().await.unwrap_or_default();
        Ok((!alerts.is_empty()).then_some(alerts))
    })
    .await?;
    let texts = raised.iter().flat_map(|alert| alert.annotations.values());
    assert_eq!(Vec::from_iter(texts), ["pod-0 lives"]);
    envoy.stop().await
}

#[tokio::test]
async fn a_rejected_expression_is_an_error() -> anyhow::Result<()> {
    let prometheus = Prometheus::start(&settings()).await?;
    assert_eq!(prometheus.query("nothing").await?, []);
    for (expression, said) in [
        (
            "sum by (",
            "querying sum by (: Prometheus answered /api/v1/query?query=sum%20by%20%28 with 400",
        ),
        ("1", "querying 1: expected a vector, got a \"scalar\""),
    ] {
        let refused = prometheus
            .query(expression)
            .await
            .map_err(|error| format!("{error:#}"));
        assert!(
            refused.as_ref().is_err_and(|error| error.contains(said)),
            "{refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn it_does_not_start_with_invalid_rules() {
    let started = Prometheus::start(&settings().rules(rules("sum by ("))).await;
    let error = started.map(|_| ()).map_err(|error| format!("{error:#}"));
    assert!(
        error
            .as_ref()
            .is_err_and(|error| error.contains("could not parse expression")),
        "{error:?}"
    );
}
