//! The alerts in a real Prometheus and in promtool.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use halftone_lab::prometheus::Alert;
use halftone_lab::{tools, wait};
use serde_json::Value;

use super::manifest;
use super::stage::{NAMESPACE, POD, Stage};
use crate::scene::SOON;

/// The alert that needs half an hour of traffic and five minutes without.
const STOPPED: &str = "HalftoneStoppedDeciding";

/// The rules of the PrometheusRule, in the format of Prometheus.
pub fn rules() -> Result<Value> {
    Ok(manifest("mesh/halftone-alerts.yaml")?["spec"].take())
}

/// The alerts among the rules.
pub fn alerts() -> Result<Vec<Value>> {
    let rules = rules()?;
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    Ok(rules
        .filter(|rule| rule["alert"].is_string())
        .cloned()
        .collect())
}

fn name(alert: &Value) -> &str {
    alert["alert"].as_str().unwrap()
}

/// Waits until all rules are evaluated. Before that the API returns an error for them.
pub async fn none_is_raised(stage: &Stage) -> Result<()> {
    let evaluated = async || Ok(stage.prometheus.alerts().await.ok());
    let raised = wait::some(SOON, "the rules to be evaluated", evaluated).await?;
    assert!(raised.is_empty(), "{raised:?}");
    Ok(())
}

/// Checks the published alerts, with their windows and thresholds. A pending alert counts as raised: promtool tests
/// `for`.
pub async fn all_are_raised(stage: &Stage) -> Result<()> {
    let expected = [
        "HalftoneAnswersDiffer answering reviews",
        "HalftoneConfigurationRejected",
        "HalftoneConflict claims-too",
        "HalftoneGuardHasRuled guarded v2",
        "HalftoneMirrorFails failing reviews",
        "HalftoneMirrorRefuses refusing reviews",
        "HalftoneMirrorUnanswered crowded reviews",
        "HalftoneMirrorUnanswered gone reviews",
        "HalftoneMirrorUnanswered late reviews",
        "HalftoneMirrorUnanswered nowhere reviews",
        "HalftoneRampHeld ratings",
        "HalftoneVersionFails reviews v2",
        "HalftoneVersionSlow reviews v2",
        "HalftoneVersionUnreachable reaching v3",
    ];
    let all = async || {
        let raised = stage.prometheus.alerts().await?;
        Ok((raised.len() >= expected.len()).then_some(raised))
    };
    let raised = wait::some(SOON, "the alerts", all).await?;
    let mut found: Vec<String> = raised.iter().map(described).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    for alert in &raised {
        for text in alert.annotations.values() {
            assert!(!text.contains('<'), "a label is missing in: {text}");
        }
    }
    stopped_is_raised(stage, &mut found).await?;

    for alert in alerts()? {
        let name = name(&alert);
        if super::agent::ALERTS.contains(&name) {
            continue;
        }
        assert!(
            found.iter().any(|described| described.starts_with(name)),
            "{name} was never raised"
        );
    }
    Ok(())
}

/// The name of an alert and its identifying labels, in their order.
pub fn described(alert: &Alert) -> String {
    assert_eq!(alert.labels["namespace"], NAMESPACE);
    let about = |name: &&String| !["alertname", "namespace", "severity"].contains(&name.as_str());
    let labels = alert.labels.iter().filter(|(name, _)| about(name));
    let values = labels.map(|(_, value)| value.as_str());
    let words: Vec<&str> = [alert.labels["alertname"].as_str()]
        .into_iter()
        .chain(values)
        .collect();
    words.join(" ")
}

/// The test does not wait half an hour. It evaluates the expression at a time five minutes from now, so all scrapes so
/// far are before the five minutes without traffic. Only the release `ratings` had enough requests.
async fn stopped_is_raised(stage: &Stage, found: &mut Vec<String>) -> Result<()> {
    let alerts = alerts()?;
    let alert = alerts
        .iter()
        .find(|alert| name(alert) == STOPPED)
        .context(STOPPED)?;
    let expression = alert["expr"].as_str().context("expr")?;
    assert!(stage.prometheus.query(expression).await?.is_empty());
    let later = SystemTime::now() + Duration::from_mins(5);
    let raised = async || {
        let samples = stage.prometheus.query_at(expression, later).await?;
        Ok((!samples.is_empty()).then_some(samples))
    };
    let raised = wait::some(SOON, STOPPED, raised).await?;
    let labels = [
        ("namespace", NAMESPACE),
        ("pod", POD),
        ("release", "ratings"),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(raised[0].labels, BTreeMap::from(labels));
    found.push(STOPPED.to_owned());
    Ok(())
}

#[test]
fn promtool_accepts_the_rules_and_their_unit_tests_pass() -> Result<()> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alerts");
    fs::create_dir_all(&directory)?;
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts.yaml");
    fs::copy(tests, directory.join("alerts.yaml"))?;
    // JSON is YAML too.
    fs::write(directory.join("halftone-rules.yaml"), rules()?.to_string())?;
    for arguments in [
        ["check", "rules", "halftone-rules.yaml"],
        ["test", "rules", "alerts.yaml"],
    ] {
        let output = Command::new(tools::promtool()?)
            .args(arguments)
            .current_dir(&directory)
            .output()?;
        assert!(output.status.success(), "{arguments:?}: {output:#?}");
    }
    Ok(())
}

#[test]
fn every_alert_has_instructions_a_unit_test_that_raises_it_and_one_that_does_not() -> Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts.yaml");
    let tests: Value = serde_saphyr::from_str(&fs::read_to_string(tests)?)?;
    let tests = tests["tests"].as_array().unwrap().iter();
    let tests = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let tests = Vec::from_iter(tests);
    for alert in alerts()? {
        let name = name(&alert);
        for text in [
            &alert["annotations"]["summary"],
            &alert["annotations"]["description"],
            &alert["for"],
        ] {
            assert!(text.is_string(), "{name}: {alert}");
        }
        let severity = alert["labels"]["severity"].as_str();
        assert!(
            matches!(severity, Some("warning" | "critical")),
            "{name}: {severity:?}"
        );
        for raises in [true, false] {
            let mut of_it = tests.iter().filter(|test| test["alertname"] == name);
            assert!(
                of_it.any(|test| test["exp_alerts"].is_array() == raises),
                "{name}: {raises}"
            );
        }
    }
    Ok(())
}
