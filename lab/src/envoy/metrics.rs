//! Envoy's metrics with labels.

use std::collections::BTreeMap;

use anyhow::anyhow;
use halftone_exposition::samples;

/// The metrics of one scrape.
#[derive(Debug)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads the text format.
    ///
    /// # Errors
    ///
    /// Names the first line that has another format.
    pub fn parse(page: &str) -> anyhow::Result<Self> {
        let read = |sample: halftone_exposition::Sample<'_>| Sample {
            name: sample.name.to_owned(),
            labels: sample
                .labels
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into_owned()))
                .collect(),
            value: sample.value,
        };
        let samples = samples(page).map(|sample| match sample {
            Ok(sample) => Ok(read(sample)),
            Err(wrong) => Err(anyhow!("{wrong}")),
        });
        Ok(Self {
            samples: samples.collect::<Result<_, _>>()?,
        })
    }

    /// The sum of all metrics that are called `name` and have at least these labels. 0 if there is none.
    ///
    /// A histogram has `<name>_count`, `<name>_sum` and, with the label `le`, `<name>_bucket`.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let carries = |sample: &&Sample| {
            labels.iter().all(|(label, value)| {
                sample
                    .labels
                    .get(*label)
                    .is_some_and(|found| found == value)
            })
        };
        // Not sum(): that of no values is -0.0.
        self.called(name)
            .filter(carries)
            .fold(0.0, |sum, sample| sum + sample.value)
    }

    /// The names that begin with `prefix`, each once, sorted.
    #[must_use]
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        let names = self.samples.iter().map(|sample| sample.name.as_str());
        sorted(names.filter(|name| name.starts_with(prefix)))
    }

    /// The values of `label` in metrics called `name`, each once, sorted.
    #[must_use]
    pub fn label_values(&self, name: &str, label: &str) -> Vec<&str> {
        sorted(
            self.called(name)
                .filter_map(|sample| sample.labels.get(label))
                .map(String::as_str),
        )
    }

    /// All metrics whose name begins with `prefix`, with their labels: `name{a="1",b="2"}`, sorted.
    #[must_use]
    pub fn series(&self, prefix: &str) -> Vec<String> {
        let mut series: Vec<String> = self
            .samples
            .iter()
            .filter(|sample| sample.name.starts_with(prefix))
            .map(Sample::series)
            .collect();
        series.sort_unstable();
        series
    }

    fn called(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name)
    }
}

impl Sample {
    fn series(&self) -> String {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"# TYPE halftone_requests_total counter
halftone_requests_total{release="reviews",version="v2",reason="rule:testers"} 3
halftone_requests_total{release="reviews",version="v1",reason="weight"} 4
# TYPE halftone_releases gauge
halftone_releases{} 2
# TYPE took histogram
took_bucket{release="reviews",le="0.5"} 0
took_bucket{release="reviews",le="+Inf"} 7
took_sum{release="reviews"} 42.5
took_count{release="reviews"} 7
"#;

    #[test]
    fn metrics_with_the_labels_are_summed() -> anyhow::Result<()> {
        let metrics = Metrics::parse(PAGE)?;
        assert_eq!(
            metrics.sum("halftone_requests_total", &[("release", "reviews")]),
            7.0
        );
        assert_eq!(
            metrics.sum("halftone_requests_total", &[("reason", "rule:testers")]),
            3.0
        );
        assert_eq!(
            metrics.sum("halftone_requests_total", &[("release", "ratings")]),
            0.0
        );
        assert_eq!(metrics.sum("halftone_releases", &[]), 2.0);
        assert_eq!(
            metrics.label_values("halftone_requests_total", "version"),
            ["v1", "v2"]
        );
        assert_eq!(
            metrics.series("halftone_re"),
            [
                "halftone_releases{}",
                r#"halftone_requests_total{reason="rule:testers",release="reviews",version="v2"}"#,
                r#"halftone_requests_total{reason="weight",release="reviews",version="v1"}"#,
            ]
        );
        Ok(())
    }

    #[test]
    fn a_line_that_is_not_a_metric_is_an_error() {
        let failed = Metrics::parse("fine 1\nnonsense")
            .map(|_| ())
            .map_err(|error| error.to_string());
        assert_eq!(
            failed,
            Err("expected a metric such as `up 1`, got \"nonsense\"".to_owned())
        );
    }

    #[test]
    fn histograms_have_a_count_and_a_sum() -> anyhow::Result<()> {
        let metrics = Metrics::parse(PAGE)?;
        assert_eq!(metrics.sum("took_count", &[("release", "reviews")]), 7.0);
        assert_eq!(metrics.sum("took_sum", &[]), 42.5);
        Ok(())
    }
}
