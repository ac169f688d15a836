//! The samples of differing answers, grouped by place.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// The most pairs that are kept.
const MOST_PAIRS: usize = 200;

/// The most places that are counted. A mirror with a place for each user would have no end.
const MOST_PLACES: usize = 2_000;

/// The text before the sample in a line of Envoy's log.
const MARK: &str = "halftone: {";

/// The size of the longest sample that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// A pair of answers that differ, as the filter logs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// The release.
    pub release: String,
    /// The mirror.
    pub mirror: String,
    /// The request's id.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The method.
    #[serde(default)]
    pub method: String,
    /// The path.
    #[serde(default)]
    pub path: String,
    /// What differs first.
    pub result: String,
    /// The status of production.
    #[serde(default)]
    pub production_status: Option<u16>,
    /// The status of the mirror.
    #[serde(default)]
    pub mirror_status: Option<u16>,
    /// The time of production.
    #[serde(default)]
    pub production_milliseconds: Option<u64>,
    /// The time of the mirror.
    #[serde(default)]
    pub mirror_milliseconds: Option<u64>,
    /// Why the bodies were compared as bytes.
    #[serde(default)]
    pub note: Option<String>,
    /// The differences. None: the bodies differ as bytes.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// Seconds since 1970 at which the console read it.
    #[serde(default)]
    pub time: u64,
}

/// A difference. `pointer` is a place in JSON bodies; other differences name what they are in `header` or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The place in the bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The name of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The value of production. None: it has none.
    #[serde(default)]
    pub production: Option<serde_json::Value>,
    /// The value of the mirror. None: it has none.
    #[serde(default)]
    pub mirror: Option<serde_json::Value>,
}

/// A place where answers differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The mirror.
    pub mirror: String,
    /// `body`, `bytes`, `header` or `status`.
    pub what: &'static str,
    /// The pointer with `*` for indices, the header, or nothing.
    pub place: String,
    /// The pairs that differ there.
    pub count: u64,
    /// Seconds since 1970 of the latest.
    pub time: u64,
    /// The latest value of production.
    pub production: Option<serde_json::Value>,
    /// The latest value of the mirror.
    pub mirrored: Option<serde_json::Value>,
}

/// All differences.
#[derive(Debug, Default)]
pub struct Differences {
    pairs: VecDeque<Pair>,
    places: BTreeMap<(String, String, &'static str, String), Group>,
    count: u64,
}

impl Differences {
    /// Takes a line of a log, if it has a sample.
    pub fn take(&mut self, time: u64, line: &str) {
        let Some(mut pair) = pair(line) else { return };
        pair.time = time;
        self.count += 1;
        if pair.production_status != pair.mirror_status {
            let value = |status: Option<u16>| status.map(Into::into);
            let difference = Difference {
                pointer: None,
                header: None,
                production: value(pair.production_status),
                mirror: value(pair.mirror_status),
            };
            self.group(&pair, "status", String::new(), &difference);
        }
        if pair.result == "body" && pair.differences.is_empty() {
            let difference = Difference {
                pointer: None,
                header: None,
                production: None,
                mirror: None,
            };
            self.group(&pair, "bytes", String::new(), &difference);
        }
        for difference in &pair.differences {
            let (what, place) = match (&difference.pointer, &difference.header) {
                (Some(pointer), _) => ("body", general(pointer)),
                (None, Some(header)) => ("header", header.clone()),
                (None, None) => continue,
            };
            self.group(&pair, what, place, difference);
        }
        self.pairs.push_front(pair);
        self.pairs.truncate(MOST_PAIRS);
    }

    fn group(&mut self, pair: &Pair, what: &'static str, place: String, difference: &Difference) {
        let key = (pair.release.clone(), pair.mirror.clone(), what, place);
        if self.places.len() >= MOST_PLACES && !self.places.contains_key(&key) {
            return;
        }
        let group = self.places.entry(key).or_insert_with_key(|key| Group {
            mirror: key.1.clone(),
            what,
            place: key.3.clone(),
            count: 0,
            time: 0,
            production: None,
            mirrored: None,
        });
        group.count += 1;
        group.time = pair.time;
        group.production.clone_from(&difference.production);
        group.mirrored.clone_from(&difference.mirror);
    }

    /// Changes with each sample.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The places of a release, the most frequent first.
    #[must_use]
    pub fn groups(&self, release: &str) -> Vec<&Group> {
        let all = self.places.iter();
        let of_release = all.filter(|(key, _)| key.0 == release);
        let mut groups: Vec<&Group> = of_release.map(|(_, group)| group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }

    /// The latest pairs of a release.
    #[must_use]
    pub fn pairs(&self, release: &str) -> Vec<&Pair> {
        let pairs = self.pairs.iter();
        pairs
            .filter(|pair| pair.release == release)
            .take(50)
            .collect()
    }
}

fn pair(line: &str) -> Option<Pair> {
    let at = line.find(MARK)? + MARK.len() - 1;
    let text = line.get(at..)?.trim_end();
    if text.len() > LONGEST {
        return None;
    }
    // Envoy writes more behind the message in some formats of its log.
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    values.next()?.ok()
}

/// The pointer with `*` for each index of an array, as `ignore` takes it.
fn general(pointer: &str) -> String {
    let is_index = |step: &&str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let steps = pointer
        .split('/')
        .map(|step| if is_index(&step) { "*" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"[2026-11-24 12:00:00.000][18][warning][wasm] [source/a.cc:1] wasm log reviews: halftone: {"release":"reviews","mirror":"v3","requestId":"a97165cd","method":"GET","path":"/reviews/0","result":"body","productionStatus":200,"mirrorStatus":200,"productionMilliseconds":3,"mirrorMilliseconds":41,"differences":[{"pointer":"/items/0/stars","production":"5","mirror":"4"}]}"#;

    #[test]
    fn places_are_grouped_with_a_star_for_an_index() {
        let mut differences = Differences::default();
        differences.take(1, LINE);
        differences.take(2, &LINE.replace("items/0", "items/17"));
        differences.take(2, "[info] no sample: halftone: {");
        let groups = differences.groups("reviews");
        let found: Vec<_> = groups
            .iter()
            .map(|group| (&*group.place, group.count))
            .collect();
        assert_eq!(found, [("/items/*/stars", 2)]);
        assert_eq!(differences.pairs("reviews").len(), 2);
        assert!(differences.groups("other").is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut differences = Differences::default();
        for number in 0..5_000 {
            differences.take(1, &LINE.replace("stars", &format!("user-{number}")));
        }
        assert_eq!(differences.pairs.len(), MOST_PAIRS);
        assert_eq!(differences.places.len(), MOST_PLACES);
        differences.take(1, &LINE.replace("41", &"9".repeat(100_000)));
        assert_eq!(differences.count(), 5_000);
    }
}
