//! The rules that make labels from names of metrics. They are the published ones, so the tests use what operators use.

use std::fs;

use anyhow::Context;
use serde_json::Value;

use crate::tools;

const MANIFEST: &str = "manifests/envoy-stats-tags.yaml";

/// The `stats_config` of the published manifest.
pub(super) fn shipped() -> anyhow::Result<Value> {
    let text = fs::read_to_string(tools::workspace().join(MANIFEST))
        .with_context(|| format!("reading {MANIFEST}"))?;
    let mut manifest: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("parsing {MANIFEST}"))?;
    let config = manifest.get_mut("stats_config").map(Value::take);
    config.with_context(|| format!("{MANIFEST} has no stats_config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_of_the_metrics_has_a_rule() -> anyhow::Result<()> {
        let config = shipped()?;
        let tags = config
            .get("stats_tags")
            .and_then(Value::as_array)
            .context("stats_tags")?;
        let names: Vec<&str> = tags
            .iter()
            .filter_map(|tag| tag.get("tag_name")?.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "release", "version", "reason", "class", "mirror", "outcome", "result", "kind"
            ]
        );
        for tag in tags {
            let name = tag
                .get("tag_name")
                .and_then(Value::as_str)
                .context("tag_name")?;
            let regex = tag.get("regex").and_then(Value::as_str).context("regex")?;
            assert_eq!(regex, format!(r"({name}=\.=(.*?);\.;)"));
        }
        Ok(())
    }
}
