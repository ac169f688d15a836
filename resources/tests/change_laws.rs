//! Laws of actions, for random releases in random styles of YAML.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

use halftone_resources::action::{Action, Change, Edit, Step, Weight, apply};
use halftone_resources::yaml;
use proptest::prelude::*;
use serde_json::{Value, json};

const VERSIONS: [&str; 4] = ["v1", "v2", "1.10", "on"];

/// A quarter of an hour after the start of time, in milliseconds.
const NOW: u64 = 900_500;

fn version() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&VERSIONS[..])
}

fn split() -> impl Strategy<Value = Value> {
    let versions = prop::sample::subsequence(&VERSIONS[..], 1..=3).prop_shuffle();
    (versions, prop::collection::vec(1_u32..1_000, 3)).prop_map(|(versions, weights)| {
        let arms = versions.into_iter().zip(weights);
        let arm =
            |(version, weight)| json!({"version": version, "weight": f64::from(weight) / 10.0});
        arms.map(arm).collect()
    })
}

/// A ramp of a version that no split has.
fn ramp() -> impl Strategy<Value = Value> {
    let points = prop::collection::vec((0_u64..1_000, 0_u32..=100), 1..5);
    (points, prop::option::of(0_u32..=100), any::<bool>()).prop_map(|(mut points, hold, steps)| {
        points.sort_unstable();
        let mut highest = 0;
        let points: Vec<Value> = points
            .iter()
            .map(|(after, percentage)| {
                highest = highest.max(*percentage);
                json!({"after": format!("{after}s"), "percentage": highest})
            })
            .collect();
        present(json!({
            "version": "v9", "start": "1970-01-01T00:10:00Z", "points": points, "hold": hold,
            "shape": steps.then_some("steps"),
        }))
    })
}

/// The fields of a release, without those that are absent.
fn release() -> impl Strategy<Value = Value> {
    let rule = version().prop_map(|version| {
        json!([{"name": "r", "match": [{"headers": {"x-a": {"exact": "a: #b"}}}], "version": version}])
    });
    let canary = (
        prop::option::weighted(0.3, version()),
        prop::option::of(rule),
        prop::option::weighted(0.8, split()),
        prop::option::of(ramp()),
        any::<bool>(),
    );
    let canary = canary.prop_map(|(take_over, rules, split, ramp, session)| {
        let session = session.then(|| json!({"key": [{"header": "x-user-id"}]}));
        json!({"canary": present(json!({"takeOver": take_over, "rules": rules, "ramp": ramp, "split": split, "session": session}))})
    });
    let blue_green = (version(), prop::option::of(version())).prop_map(|(active, preview)| {
        let preview = preview.map(|version| json!({"version": version, "match": [{"headers": {"x-a": {"present": true}}}]}));
        json!({"blueGreen": present(json!({"active": active, "preview": preview}))})
    });
    let mirrors = Just(json!({"mirrors": [{"name": "m", "cluster": "outbound|80||m"}]}));
    let strategy = prop_oneof![4 => canary, 2 => blue_green, 1 => mirrors];
    (version(), strategy).prop_map(|(principal, strategy)| {
        let mut release = json!({"name": "a", "hosts": ["a.example.com"], "principal": principal});
        let fields = strategy.as_object().unwrap().clone();
        release.as_object_mut().unwrap().extend(fields);
        release
    })
}

fn present(mut value: Value) -> Value {
    value
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    value
}

fn action() -> impl Strategy<Value = Action> {
    let weight = (version(), 0_u32..=1_000).prop_map(|(version, weight)| Weight {
        version: version.into(),
        weight: f64::from(weight) / 10.0,
    });
    prop_oneof![
        3 => prop::collection::vec(weight, 1..4).prop_map(Action::SetWeight),
        1 => version().prop_map(|version| Action::TakeOver(version.into())),
        1 => Just(Action::Restore),
        1 => version().prop_map(|version| Action::Switch(version.into())),
        1 => version().prop_map(|version| Action::Promote(version.into())),
        1 => Just(Action::Promote("v9".into())),
        1 => Just(Action::Rollback),
        1 => Just(Action::Pause),
        1 => Just(Action::Resume),
    ]
}

/// Writes values as YAML. Each choice of style takes the next of some random bytes.
struct Writer {
    choices: Vec<u8>,
    next: usize,
    comments: usize,
    text: String,
}

impl Writer {
    /// Whether something happens that happens one time in `of`.
    fn chance(&mut self, of: u8) -> bool {
        let choice = self.choices[self.next % self.choices.len()];
        // Without this the choices would repeat in step with the structure of the text.
        let choice = choice.wrapping_add((self.next / self.choices.len()) as u8);
        self.next += 1;
        choice.is_multiple_of(of)
    }

    /// A comment that no other is equal to.
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# note {};", self.comments)
    }

    fn end_line(&mut self) {
        if self.chance(4) {
            let comment = self.comment();
            self.text += &format!(" {comment}");
        }
        self.text.push('\n');
    }

    fn own_line(&mut self, indent: usize) {
        if self.chance(4) {
            let comment = self.comment();
            self.text += &format!("{}{comment}\n", " ".repeat(indent));
        }
        if self.chance(9) {
            self.text.push('\n');
        }
    }

    fn scalar(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => {
                let is_plain = text.starts_with(|first: char| first.is_ascii_lowercase())
                    && !text.contains([':', '#', '|'])
                    && !["on", "a"].contains(&text.as_str());
                match (is_plain && !self.chance(3), self.chance(2)) {
                    (true, _) => text.clone(),
                    (false, true) => format!("'{text}'"),
                    (false, false) => value.to_string(),
                }
            }
            other => other.to_string(),
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        let wide = self.chance(2);
        let (open, close) = if wide { (" ", " ") } else { ("", "") };
        match value {
            Value::Object(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", self.flow(value)))
                    .collect();
                format!("{{{open}{}{close}}}", fields.join(", "))
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{open}{}{close}]", items.join(", "))
            }
            scalar => self.scalar(scalar),
        }
    }

    /// The fields or items of a value in lines of their own. `is_open`: the first begins on the current line.
    fn block(&mut self, value: &Value, indent: usize, mut is_open: bool) {
        let begin = |writer: &mut Self, is_open: &mut bool| {
            if !std::mem::take(is_open) {
                writer.own_line(indent);
                writer.text += &" ".repeat(indent);
            }
        };
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    begin(self, &mut is_open);
                    self.text += &format!("{key}:");
                    let deeper = indent
                        + if value.is_array() && self.chance(2) {
                            0
                        } else {
                            2
                        };
                    self.value(value, deeper);
                }
            }
            Value::Array(items) => {
                for item in items {
                    begin(self, &mut is_open);
                    self.text.push('-');
                    if item.is_object() && !is_empty(item) && !self.chance(3) {
                        self.text.push(' ');
                        self.block(item, indent + 2, true);
                    } else {
                        let item = self.flow(item);
                        self.text += &format!(" {item}");
                        self.end_line();
                    }
                }
            }
            _ => panic!("{value}"),
        }
    }

    fn value(&mut self, value: &Value, indent: usize) {
        let is_block = value.is_object() || value.is_array();
        if is_block && !is_empty(value) && !self.chance(4) {
            self.end_line();
            self.block(value, indent, false);
        } else {
            let value = self.flow(value);
            self.text += &format!(" {value}");
            self.end_line();
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A file with `release` among others, as somebody writes it.
fn file(release: &Value, choices: Vec<u8>) -> String {
    let mut writer = Writer {
        choices,
        next: 0,
        comments: 0,
        text: String::new(),
    };
    let other = json!({"name": "other", "hosts": ["b"], "principal": "v1", "mirrors": [{"name": "m", "cluster": "m"}]});
    let mut releases = vec![release.clone()];
    if writer.chance(2) {
        releases.insert(0, other.clone());
    }
    if writer.chance(2) {
        releases.push(json!({"name": "last", "hosts": ["c"], "principal": "v1", "canary": {}}));
    }
    let config = json!({"releases": releases, "accessLog": true});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}});
    let plugin = json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": {"name": "a", "namespace": "b"}, "spec": {"url": "oci://a", "pluginConfig": config},
    });
    let document = if writer.chance(2) { &config } else { &plugin };
    if writer.chance(5) {
        return serde_json::to_string_pretty(document).unwrap();
    }
    if writer.chance(2) {
        writer.own_line(0);
        writer.text += "---\n";
    }
    writer.block(document, 0, false);
    if writer.chance(2) {
        writer.text += "---\n";
        writer.block(&service, 0, false);
    }
    writer.own_line(0);
    if writer.chance(4) {
        writer.text = writer.text.trim_end().to_owned();
    }
    if writer.chance(4) {
        writer.text = writer.text.replace('\n', "\r\n");
    }
    writer.text
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter_map(|line| line.find("# note").and_then(|at| line.get(at..)))
        .collect()
}

fn documents(text: &str) -> Vec<Value> {
    yaml::documents(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The documents with the configuration replaced.
fn with_configuration(mut documents: Vec<Value>, change: &Change) -> Vec<Value> {
    for document in &mut documents {
        let config = match document.pointer_mut("/spec/pluginConfig") {
            Some(config) => config,
            None => document,
        };
        if *config == change.outcome.before {
            *config = change.outcome.after.clone();
        }
    }
    documents
}

/// The comments on the lines of a field.
fn of_field<'t>(text: &'t str, field: Option<&Step>) -> Vec<&'t str> {
    let Some(Step::Key(field)) = field else {
        panic!("{field:?}");
    };
    let mut lines = text.lines();
    let name = format!("{field}:");
    let Some(first) = lines.find(|line| line.contains(&name)) else {
        return Vec::new();
    };
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    // The items of an array can have the indentation of its name.
    let is_its_own = |line: &&str| {
        let is_deeper = indent(line) > indent(first) || line.trim_start().starts_with("- ");
        line.trim().is_empty() || is_deeper
    };
    let its_own = lines.take_while(is_its_own);
    std::iter::once(first)
        .chain(its_own)
        .flat_map(comments)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// The new text says what the action says, all comments are where they were, and the second time nothing changes.
    /// Only the comments on the lines of a removed field go with it.
    #[test]
    fn an_action_keeps_everything_else(
        release in release(),
        action in action(),
        choices in prop::collection::vec(any::<u8>(), 61),
    ) {
        let text = file(&release, choices);
        let Ok(change) = apply(&text, Some("a"), &action, NOW) else {
            // Whether the action fits the release does not depend on the style.
            let plain = json!({"releases": [release]}).to_string();
            prop_assert!(apply(&plain, Some("a"), &action, NOW).is_err(), "{:?}\n{text}", apply(&text, Some("a"), &action, NOW));
            return Ok(());
        };
        prop_assert_eq!(documents(&change.text), with_configuration(documents(&text), &change), "{}", text);
        prop_assert_eq!(change.text.contains('\r'), text.contains('\r'));
        prop_assert_eq!(change.diff.is_empty(), change.text == text);

        let mut kept = comments(&text);
        for edit in &change.outcome.edits {
            if let Edit::Remove { path } = edit {
                let gone = of_field(&text, path.last());
                let after = comments(&change.text);
                kept.retain(|comment| after.contains(comment) || !gone.contains(comment));
            }
        }
        prop_assert_eq!(comments(&change.text), kept, "{}", text);

        let again = apply(&change.text, Some("a"), &action, NOW).unwrap();
        prop_assert_eq!(&again.text, &change.text);
    }

    /// A file that was damaged anywhere is refused, or means what it meant but for the action. Nothing panics.
    #[test]
    fn a_damaged_file_is_no_danger(
        release in release(),
        action in action(),
        choices in prop::collection::vec(any::<u8>(), 61),
        place in any::<prop::sample::Index>(),
        length in 0_usize..4,
        put in "[-\\[\\]{}:,#&*!|>'\"%@` \n\ta]{0,3}",
    ) {
        let text: Vec<char> = file(&release, choices).chars().collect();
        let from = place.index(text.len());
        let until = text.len().min(from + length);
        let damaged: String = text[..from].iter().copied().chain(put.chars()).chain(text[until..].iter().copied()).collect();
        if let Ok(change) = apply(&damaged, Some("a"), &action, NOW) {
            prop_assert_eq!(documents(&change.text), with_configuration(documents(&damaged), &change), "{}", damaged);
        }
    }
}
