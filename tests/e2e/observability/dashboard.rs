//! The queries of the dashboard, as Grafana sends them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use halftone_lab::prometheus::Sample;
use serde_json::Value;

use super::manifest;
use super::stage::{NAMESPACE, Stage};

/// The values of the dashboard's variables.
const VARIABLES: [(&str, &str); 4] = [
    ("$__rate_interval", "1m"),
    ("$namespace", NAMESPACE),
    ("$release", "reviews"),
    ("$version", "(v1|v2)"),
];

/// A query of a panel.
struct Query {
    panel: String,
    /// With the variables filled in.
    promql: String,
    /// Grafana's template for the name of a series, with `{{label}}` in it.
    legend: String,
}

impl Query {
    /// The labels that it groups by, without the `le` of histograms.
    fn groups(&self) -> BTreeSet<&str> {
        let lists = self.promql.split("by (").skip(1);
        let labels = lists.flat_map(|rest| rest.split(')').next().unwrap_or_default().split(", "));
        labels.filter(|label| *label != "le").collect()
    }

    /// The labels that the legend shows.
    fn shown(&self) -> BTreeSet<&str> {
        let labels = self.legend.split("{{").skip(1);
        labels.filter_map(|rest| rest.split("}}").next()).collect()
    }
}

fn filled(text: &str) -> String {
    let fill = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
    VARIABLES.iter().fold(text.to_owned(), fill)
}

fn queries(dashboard: &Value) -> Vec<Query> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(move |target| (panel, target))
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let queries = targets.map(|(panel, target)| Query {
        panel: text(&panel["title"]),
        promql: filled(&text(&target["expr"])),
        legend: text(&target["legendFormat"]),
    });
    queries.collect()
}

/// Checks that every query has an answer with the labels that it groups by and shows, and with each version.
pub async fn is_answered(stage: &Stage) -> Result<()> {
    let dashboard = manifest("mesh/grafana-dashboard.json")?;
    let queries = queries(&dashboard);
    assert!(queries.len() > 15, "only {} queries", queries.len());
    let mut answers = BTreeMap::new();
    for query in queries {
        let (panel, groups) = (&query.panel, query.groups());
        assert!(!query.promql.contains('$'), "{panel}: {}", query.promql);
        assert_eq!(
            query.shown(),
            groups,
            "{panel}: its legend does not distinguish the series"
        );
        let mut samples = stage
            .until(&query.promql)
            .await
            .with_context(|| panel.clone())?;
        for sample in &samples {
            let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
            assert_eq!(labels, groups, "{panel}: {}", query.promql);
        }
        // A mirror that does not answer has no latency.
        samples.retain(|sample| sample.value.is_finite());
        assert!(
            !samples.is_empty(),
            "{panel}: no samples for {}",
            query.promql
        );
        if groups.contains("version") {
            let versions: BTreeSet<&str> = samples
                .iter()
                .map(|sample| sample.labels["version"].as_str())
                .collect();
            assert_eq!(Vec::from_iter(versions), ["v1", "v2"], "{panel}");
        }
        answers.insert(query.panel.clone(), samples);
    }
    the_numbers_are_right(&answers)?;
    variables_have_values(stage, &dashboard).await
}

fn the_numbers_are_right(answers: &BTreeMap<String, Vec<Sample>>) -> Result<()> {
    let value = |panel: &str, label: &str, value: &str| -> Result<f64> {
        let samples = answers
            .get(panel)
            .with_context(|| format!("no panel {panel}"))?;
        let mut found = samples
            .iter()
            .filter(|sample| sample.labels[label] == value);
        Ok(found
            .next()
            .with_context(|| format!("{panel} has no {value}"))?
            .value)
    };
    for (panel, label, name, expected) in [
        ("Success rate", "version", "v1", 0.99..1.01),
        ("Success rate", "version", "v2", 0.73..0.77),
        ("Share of requests", "version", "v2", 0.35..0.65),
        ("Latency p50", "version", "v2", 1_000.0..10_000.0),
        ("Answered", "mirror", "answering", 0.99..1.01),
        ("Answered", "mirror", "late", 0.0..0.01),
        ("Same answers", "mirror", "answering", 0.0..0.01),
        (
            "Proxies with a rejected configuration",
            "namespace",
            NAMESPACE,
            0.9..1.1,
        ),
        ("Proxies with releases", "namespace", NAMESPACE, 0.9..1.1),
        ("Releases", "namespace", NAMESPACE, 4.9..5.1),
    ] {
        let found = value(panel, label, name)?;
        assert!(expected.contains(&found), "{panel}, {name}: {found}");
    }
    Ok(())
}

/// Checks that each variable offers the existing values.
async fn variables_have_values(stage: &Stage, dashboard: &Value) -> Result<()> {
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let mut found = BTreeMap::new();
    for variable in variables
        .iter()
        .filter(|variable| variable["type"] == "query")
    {
        let query = filled(variable["query"]["query"].as_str().unwrap());
        let arguments = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (selector, label) = arguments
            .and_then(|both| both.rsplit_once(", "))
            .context(query.clone())?;
        let values = stage.prometheus.label_values(selector, label).await?;
        found.insert(variable["name"].as_str().unwrap(), values.join(" "));
    }
    let expected = [
        ("namespace", NAMESPACE),
        ("release", "claims-too guarded ratings reaching reviews"),
        ("version", "v1 v2"),
    ];
    let expected = expected.map(|(name, values)| (name, values.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
    Ok(())
}

#[test]
fn panels_are_distinct_and_use_the_data_source_of_the_dashboard() -> Result<()> {
    let dashboard = manifest("mesh/grafana-dashboard.json")?;
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        let title = &panel["title"];
        assert!(
            ids.insert(panel["id"].as_u64()),
            "{title}: another panel has its id"
        );
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}: too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title}: overlaps another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title}: no unit"
        );
        assert!(panel["description"].is_string(), "{title}: no description");
        let sources = panel["targets"].as_array().unwrap().iter().chain([panel]);
        for source in sources.map(|holder| &holder["datasource"]) {
            assert_eq!(source["uid"], "${datasource}", "{title}");
        }
    }
    Ok(())
}
