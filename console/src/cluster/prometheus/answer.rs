//! The answers of Prometheus.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::numbers::Point;

/// A value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    labels: BTreeMap<String, String>,
    /// The value. It is a number.
    pub value: f64,
}

/// Values in time, with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    labels: BTreeMap<String, String>,
    points: Vec<(u64, f64)>,
}

impl Sample {
    /// The value of a label. Empty: it has no such label.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

#[derive(Deserialize)]
struct Data<T> {
    result: Vec<T>,
}

#[derive(Deserialize)]
struct Instant {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

#[derive(Deserialize)]
struct Range {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// The samples of an instant vector, without those that are no numbers: a rate of nothing.
pub fn vector(data: &Value) -> Result<Vec<Sample>, String> {
    let data: Data<Instant> = read(data)?;
    let samples = data.result.into_iter().filter_map(|one| {
        Some(Sample {
            labels: one.metric,
            value: number(&one.value.1)?,
        })
    });
    Ok(samples.collect())
}

/// The series of a matrix.
pub fn series(data: &Value) -> Result<Vec<Series>, String> {
    let data: Data<Range> = read(data)?;
    let series = data.result.into_iter().map(|one| Series {
        labels: one.metric,
        points: one
            .values
            .iter()
            .filter_map(|(time, value)| Some((*time as u64, number(value)?)))
            .collect(),
    });
    Ok(series.collect())
}

fn read<T: serde::de::DeserializeOwned>(data: &Value) -> Result<T, String> {
    T::deserialize(data).map_err(|error| format!("the answer is not one of Prometheus: {error}"))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The points of each version, from the answers about requests, success, p50 and p99.
pub fn points(answers: &[Vec<Series>]) -> BTreeMap<String, Vec<Point>> {
    let mut versions: BTreeMap<String, BTreeMap<u64, Point>> = BTreeMap::new();
    for (which, answer) in answers.iter().enumerate() {
        for one in answer {
            let version = one.labels.get("version").cloned().unwrap_or_default();
            let points = versions.entry(version).or_default();
            for (time, value) in &one.points {
                let point = points.entry(*time).or_insert_with(|| Point {
                    time: *time,
                    rate: 0.0,
                    success: None,
                    p50: None,
                    p99: None,
                });
                let value = *value as f32;
                match which {
                    0 => point.rate = value,
                    1 => point.success = Some(value),
                    2 => point.p50 = Some(value),
                    _ => point.p99 = Some(value),
                }
            }
        }
    }
    let versions = versions.into_iter();
    versions
        .map(|(version, points)| (version, points.into_values().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_number_is_left_out() {
        let data = json!({"resultType": "vector", "result": [
            {"metric": {"version": "v1"}, "value": [1.5, "2"]},
            {"metric": {"version": "v2"}, "value": [1.5, "NaN"]},
        ]});
        let samples = vector(&data).unwrap();
        let [one] = samples.as_slice() else {
            panic!("{samples:?}");
        };
        assert_eq!((one.label("version"), one.value), ("v1", 2.0));
        assert!(vector(&json!({"result": 1})).is_err());
    }

    #[test]
    fn the_answers_about_one_time_are_one_point() {
        let data = |value: &str| {
            let metric = json!({"version": "v1"});
            series(&json!({"result": [{"metric": metric, "values": [[10, value], [25, "NaN"]]}]}))
        };
        let answers: Vec<Vec<Series>> = ["3", "0.5", "8", "9"]
            .iter()
            .map(|value| data(value).unwrap())
            .collect();
        let expected = Point {
            time: 10,
            rate: 3.0,
            success: Some(0.5),
            p50: Some(8.0),
            p99: Some(9.0),
        };
        let found = points(&answers);
        assert_eq!(found.get("v1"), Some(&vec![expected]));
    }
}
