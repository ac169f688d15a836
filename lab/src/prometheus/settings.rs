//! The settings of a Prometheus.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::bootstrap::merge;

/// The interval between scrapes, and between evaluations of rules.
const INTERVAL: &str = "500ms";

/// An Envoy, or another server, to scrape.
#[derive(Clone, Debug)]
pub struct Scrape {
    admin: SocketAddr,
    labels: Value,
}

impl Scrape {
    /// The Envoy with this admin address, or the server at this address, with the labels of this pod.
    #[must_use]
    pub fn new(admin: SocketAddr, namespace: &str, pod: &str) -> Self {
        let labels = json!({"namespace": namespace, "pod": pod});
        Self { admin, labels }
    }

    /// Adds a label, for example one that relabelling reads.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        merge(&mut self.labels, &json!({(name): value}));
        self
    }
}

/// The Envoys to scrape and the rules to evaluate, twice a second.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    path: String,
    parameters: Value,
    scrapes: Vec<Scrape>,
    /// The fields of other jobs, and what they scrape.
    others: Vec<(Value, Scrape)>,
    rules: Option<Value>,
    alertmanager: Option<SocketAddr>,
}

impl Settings {
    /// Scrapes `path` with these query parameters: arrays of values by name.
    #[must_use]
    pub fn new(path: &str, parameters: Value) -> Self {
        Self {
            path: path.to_owned(),
            parameters,
            ..Self::default()
        }
    }

    /// Adds an Envoy.
    #[must_use]
    pub fn scrape(mut self, scrape: Scrape) -> Self {
        self.scrapes.push(scrape);
        self
    }

    /// Adds a server that is scraped by a job of its own, with these fields of a `scrape_config`.
    #[must_use]
    pub fn other(mut self, fields: Value, scrape: Scrape) -> Self {
        self.others.push((fields, scrape));
        self
    }

    /// Sets the rules, in the format of a rule file.
    #[must_use]
    pub fn rules(mut self, rules: Value) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Sends alerts to the Alertmanager at this address.
    #[must_use]
    pub fn alertmanager(mut self, address: SocketAddr) -> Self {
        self.alertmanager = Some(address);
        self
    }

    /// The configuration for Prometheus. The files that it names are written into `directory`.
    pub(super) fn written(&self, directory: &Path) -> anyhow::Result<String> {
        let mut rule_files = Vec::new();
        if let Some(rules) = &self.rules {
            let file = directory.join("rules.yml");
            fs::write(&file, rules.to_string())
                .with_context(|| format!("writing {}", file.display()))?;
            rule_files.push(file);
        }
        let target = |scrape: &Scrape| json!({"targets": [scrape.admin.to_string()], "labels": scrape.labels});
        let targets = self.scrapes.iter().map(target);
        let scrapes = json!({
            "job_name": "envoy",
            "metrics_path": self.path,
            "params": self.parameters,
            "static_configs": Vec::from_iter(targets),
        });
        let others = self.others.iter().enumerate().map(|(index, other)| {
            let (fields, scrape) = other;
            let mut job = json!({
                "job_name": format!("other-{index}"),
                "static_configs": [target(scrape)],
            });
            merge(&mut job, fields);
            job
        });
        let alertmanagers = self.alertmanager.iter();
        let alertmanagers = alertmanagers
            .map(|address| json!({"static_configs": [{"targets": [address.to_string()]}]}));
        let configuration = json!({
            "alerting": {"alertmanagers": Vec::from_iter(alertmanagers)},
            "global": {
                "scrape_interval": INTERVAL,
                "scrape_timeout": INTERVAL,
                "evaluation_interval": INTERVAL,
            },
            "rule_files": rule_files,
            "scrape_configs": Vec::from_iter([scrapes].into_iter().chain(others)),
        });
        // JSON is valid YAML.
        Ok(configuration.to_string())
    }
}
