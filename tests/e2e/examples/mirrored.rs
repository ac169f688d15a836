//! The mirrors of an example: their copies arrive and their answers are compared.

use anyhow::{Context, Result, ensure};
use halftone_lab::istio::cluster;
use halftone_lab::wait;
use halftone_resources::Resource;
use serde_json::Value;

use super::{Stage, reviews};
use crate::scene::SOON;

const MIRRORS: &str = "halftone_mirrors_total";
const COMPARISONS: &str = "halftone_comparisons_total";

/// The methods that a mirror without `methods` copies.
const READS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// The header that marks a copy.
const MARK: &str = "x-halftone-mirror";

/// A mirror of a configuration.
pub struct Mirror {
    release: String,
    name: String,
    host: String,
    pub cluster: String,
    methods: Vec<String>,
    compares: bool,
}

impl Mirror {
    /// The mirrors of all plugins.
    pub fn of(resources: &[Resource]) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        for (_, config) in resources.iter().filter_map(Resource::configuration) {
            for release in config["releases"].as_array().into_iter().flatten() {
                for mirror in release["mirrors"].as_array().into_iter().flatten() {
                    found.push(Self::read(release, mirror)?);
                }
            }
        }
        Ok(found)
    }

    fn read(release: &Value, mirror: &Value) -> Result<Self> {
        let text = |value: &Value, name: &str| {
            let text = value[name].as_str().map(str::to_owned);
            text.with_context(|| format!("a mirror without {name}"))
        };
        let destination = &mirror["destination"];
        let port = destination["port"].as_u64().context("a mirror's port")?;
        let subset = destination["subset"].as_str().unwrap_or_default();
        let methods = mirror["methods"].as_array().into_iter().flatten();
        let mut methods: Vec<&str> = methods.filter_map(Value::as_str).collect();
        if methods.is_empty() {
            methods = READS.to_vec();
        }
        Ok(Self {
            release: text(release, "name")?,
            name: text(mirror, "name")?,
            host: release["hosts"][0]
                .as_str()
                .or(release["services"][0]["name"].as_str())
                .context("a host or a service")?
                .to_owned(),
            cluster: cluster(&text(destination, "host")?, u16::try_from(port)?, subset),
            methods: methods.into_iter().map(str::to_owned).collect(),
            compares: mirror.get("compare").is_some(),
        })
    }

    /// Checks that every copy arrived, had one of the mirror's methods and had the mark of a copy, and that the results of comparisons are
    /// right. Returns whether answers are compared.
    pub async fn judge(&self, stage: &Stage<'_>) -> Result<bool> {
        let shadow = stage.upstream(&self.cluster)?;
        let arrived = async || {
            let all = self.count(stage, MIRRORS, &[]).await?;
            let answered = self
                .count(stage, MIRRORS, &[("outcome", "answered")])
                .await?;
            ensure!(all == answered, "{} was not mirrored", all - answered);
            Ok(answered > 0 && answered == shadow.received())
        };
        wait::until(SOON, "every copy to be answered", arrived).await?;
        for copy in shadow.requests() {
            ensure!(copy.header(MARK).as_ref() == Some(&self.release));
            ensure!(self.methods.contains(&copy.method), "{}", copy.method);
        }
        if self.compares {
            self.judge_comparisons(stage, shadow.received()).await?;
        }
        Ok(self.compares)
    }

    async fn judge_comparisons(&self, stage: &Stage<'_>, copies: u64) -> Result<()> {
        self.until(stage, "same", copies).await?;
        let shadow = stage.upstream(&self.cluster)?;
        shadow.script(reviews(&self.cluster, 4));
        stage.client.get(&self.host, "/reviews/0", &[]).await?;
        self.until(stage, "body", 1).await?;
        assert_eq!(self.count(stage, COMPARISONS, &[]).await?, copies + 1);
        let pointer = r#""differences":[{"pointer":"/reviews/0/rating/stars","production":"5","mirror":"4"}]"#;
        let is_logged = async || Ok(stage.envoy.log()?.contains(pointer));
        wait::until(SOON, "the difference to be logged", is_logged).await
    }

    async fn until(&self, stage: &Stage<'_>, result: &str, count: u64) -> Result<()> {
        let what = format!("{count} comparisons with the result {result}");
        let there = async || {
            let labels = [("result", result)];
            Ok(self.count(stage, COMPARISONS, &labels).await? == count)
        };
        wait::until(SOON, &what, there).await
    }

    async fn count(&self, stage: &Stage<'_>, name: &str, more: &[(&str, &str)]) -> Result<u64> {
        let mut labels = vec![("release", self.release.as_str()), ("mirror", &self.name)];
        labels.extend(more);
        Ok(stage.envoy.metrics_like(name).await?.sum(name, &labels) as u64)
    }
}
