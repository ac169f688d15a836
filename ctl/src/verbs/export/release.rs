//! The routes of one release, without Halftone.

use halftone::config::ReleaseConfig;
use halftone_resources::Plugin;
use serde::Deserialize;
use serde_json::{Value, json};

use super::blocks::{Block, Part, parts};
use super::conditions::written;
use super::has_host;
use crate::source::{self, Configuration};
use crate::verbs::import::document::{Document, Fields, objects, set, text};
use crate::verbs::import::matches::converted;
use crate::verbs::import::report::{Line, Outcome};

/// The parts of a release that a VirtualService has not, and what that means.
const WITHOUT: [(&str, Outcome, &str); 4] = [
    (
        "guard",
        Outcome::NotCarriedOver,
        "Istio takes no traffic from a version that fails; watch it yourself",
    ),
    (
        "fallback",
        Outcome::NotCarriedOver,
        "Istio sends requests to a version without endpoints, which answers 503; keep its pods",
    ),
    (
        "exclusive",
        Outcome::NotCarriedOver,
        "Istio has no groups of users; the share of the version is the same, but of all users",
    ),
    (
        "holdout",
        Outcome::NotCarriedOver,
        "Istio has no groups of users; the share of the version is the same, but of all users",
    ),
];

/// The methods without which a mirror of Istio would copy writes.
const WRITES: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// The sums to which weights are rounded: whole percents, or hundredths of them.
const SUMS: [u32; 2] = [100, 10_000];

/// A release to export.
pub struct Release<'c> {
    file: &'c str,
    plugin: Option<&'c Plugin>,
    index: usize,
    release: &'c halftone::release::Release,
    written: &'c Value,
    now: u64,
    /// The report.
    pub lines: Vec<Line>,
}

/// Matches of Istio, and the versions of their requests with the weights.
struct Rule {
    name: String,
    /// Empty: every request.
    matches: Vec<Fields>,
    /// The same, as Halftone tests them.
    conditions: Vec<Fields>,
    weights: Vec<(String, u32)>,
}

impl<'c> Release<'c> {
    /// The release at `index` of a configuration.
    pub fn new(
        configuration: &'c Configuration,
        index: usize,
        release: &'c halftone::release::Release,
        written: &'c Value,
        now: u64,
    ) -> Self {
        Self {
            file: &configuration.file,
            plugin: configuration.plugin.as_ref(),
            index,
            release,
            written,
            now,
            lines: Vec::new(),
        }
    }

    fn line(&mut self, path: &str, outcome: Outcome, message: impl Into<String>) {
        let place = format!("releases[{}]", self.index);
        let path = if path.is_empty() {
            place
        } else {
            format!("{place}.{path}")
        };
        let (resource, path) = match self.plugin {
            Some(plugin) => (
                halftone_resources::Resource::Plugin(Box::new(plugin.clone())).to_string(),
                source::within(plugin.config_path(), &path),
            ),
            None => ("plugin configuration".to_owned(), path),
        };
        let line = Line {
            file: self.file.to_owned(),
            resource,
            path,
            outcome,
            message: message.into(),
        };
        // A release can have several VirtualServices.
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// Reports a part that is missing from the result.
    pub fn lost(&mut self, path: &str, message: impl Into<String>) {
        self.line(path, Outcome::NotCarriedOver, message);
    }

    fn header(&self) -> &'c str {
        let route = self.written.get("route");
        let header = route.and_then(|route| route.get("header")?.as_str());
        header.unwrap_or(crate::verbs::import::HEADER)
    }

    /// Whether `document` is for hosts of the release.
    pub fn owns(&self, document: &Document, namespace: Option<&str>) -> bool {
        let written = ReleaseConfig::deserialize(self.written).unwrap_or_default();
        let claimed = source::claimed(&written, source::proxy_of(self.plugin));
        has_host(document, &claimed, namespace)
    }

    /// The VirtualService without Halftone.
    pub fn export(&mut self, document: &Document) -> Value {
        let rules = self.rules();
        let mut http = Vec::new();
        let mut passed: Vec<Vec<Fields>> = Vec::new();
        for part in parts(document, self.header()) {
            match part {
                Part::Kept(route) => http.push(Value::Object(route)),
                Part::Block(block) => self.block(&block, &rules, &mut passed, &mut http),
            }
        }
        let mirrors = self.mirrors();
        if !mirrors.is_empty() {
            for route in http.iter_mut().filter_map(Value::as_object_mut) {
                if let (true, Value::Array(known)) = (
                    route.contains_key("route"),
                    route.entry("mirrors").or_insert_with(|| json!([])),
                ) {
                    known.extend(mirrors.iter().cloned());
                }
            }
        }
        for (field, outcome, message) in WITHOUT {
            if self
                .written
                .get(field)
                .is_some_and(|value| !value.is_null())
            {
                self.line(field, outcome, message);
            }
        }
        let canary = self.written.get("canary");
        if canary.and_then(|canary| canary.get("session")).is_some() {
            let message = "Istio draws each request, so a user can get another version with each";
            self.line("canary.session", Outcome::WithADifference, message);
        }
        let mut service = document.applicable();
        if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("http".into(), http.into());
        }
        service
    }

    /// The rules that have an effect, and the weights of all other requests.
    fn rules(&mut self) -> Vec<Rule> {
        let canary = self.written.get("canary");
        let takes_over = canary.and_then(|canary| canary.get("takeOver")).is_some();
        let mut rules = Vec::new();
        let preview = self.written.pointer("/blueGreen/preview");
        let preview = preview.and_then(Value::as_object);
        let own = objects(canary.and_then(|canary| canary.get("rules")));
        let own = own.filter(|_| !takes_over).enumerate();
        let own = own.map(|(index, rule)| (format!("canary.rules[{index}]"), rule));
        let all = preview
            .map(|rule| ("blueGreen.preview".to_owned(), rule))
            .into_iter()
            .chain(own);
        for (path, rule) in all {
            let name = text(rule, "name").unwrap_or("preview").to_owned();
            let conditions: Vec<Fields> = objects(rule.get("match")).cloned().collect();
            let matches: Result<Vec<Fields>, String> = conditions.iter().map(written).collect();
            let weights = match text(rule, "version") {
                Some(version) => vec![(version.to_owned(), 100)],
                None => {
                    let arms = objects(rule.get("split"));
                    let arms = arms.filter_map(|arm| {
                        Some((
                            text(arm, "version")?.to_owned(),
                            arm.get("weight")?.as_f64()?,
                        ))
                    });
                    self.weights(&path, arms.collect())
                }
            };
            match matches {
                Ok(matches) => {
                    let said = said(&weights);
                    self.line(&path, Outcome::CarriedOver, format!("a route with {said}"));
                    rules.push(Rule {
                        name,
                        matches,
                        conditions,
                        weights,
                    });
                }
                Err(why) => self.lost(
                    &path,
                    format!("{why}; its requests are routed like all others"),
                ),
            }
        }
        let shares = self.release.configured_shares(self.now);
        let versions = self.release.versions.iter().zip(shares);
        let shares = versions
            .map(|(version, share)| (version.name().to_owned(), share))
            .collect();
        let path = if takes_over {
            "canary.takeOver"
        } else if canary.and_then(|canary| canary.get("ramp")).is_some() {
            "canary.ramp"
        } else if canary.is_some() {
            "canary.split"
        } else if self.written.get("blueGreen").is_some() {
            "blueGreen.active"
        } else {
            "principal"
        };
        let weights = self.weights(path, shares);
        let said = said(&weights);
        if path == "canary.ramp" {
            let message = format!("{said}, as it is at this time; Istio's weights do not grow");
            self.line(path, Outcome::WithADifference, message);
        } else {
            self.line(path, Outcome::CarriedOver, said);
        }
        rules.push(Rule {
            name: String::new(),
            matches: Vec::new(),
            conditions: Vec::new(),
            weights,
        });
        rules
    }

    /// Whole weights for `shares`, by the largest remainders.
    fn weights(&mut self, path: &str, shares: Vec<(String, f64)>) -> Vec<(String, u32)> {
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        let exact = |sum: u32| {
            let sum = f64::from(sum);
            let parts = shares.iter().map(move |(_, share)| share / all * sum);
            parts.collect::<Vec<f64>>()
        };
        let is_whole = |parts: &[f64]| parts.iter().all(|part| (part - part.round()).abs() < 1e-6);
        let [percents, hundredths] = SUMS;
        let sum = if is_whole(&exact(percents)) {
            percents
        } else {
            hundredths
        };
        let parts = exact(sum);
        if !is_whole(&parts) {
            let message = "the weights are rounded to hundredths of a percent";
            self.line(path, Outcome::WithADifference, message);
        }
        let mut weights: Vec<u32> = parts
            .iter()
            .map(|part| (part + 1e-6).floor() as u32)
            .collect();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        let rest = |index: &usize| parts.get(*index).map_or(0.0, |part| (part + 1e-6).fract());
        order.sort_by(|one, other| rest(other).total_cmp(&rest(one)));
        let missing = sum.saturating_sub(weights.iter().sum()) as usize;
        for index in order.into_iter().take(missing) {
            if let Some(weight) = weights.get_mut(index) {
                *weight += 1;
            }
        }
        let names = shares.into_iter().map(|(name, _)| name);
        names.zip(weights).collect()
    }

    /// The routes of a block: one for each rule, and one for all other requests. `passed` are the matches of the blocks
    /// above, whose requests do not come here.
    fn block(
        &mut self,
        block: &Block,
        rules: &[Rule],
        passed: &mut Vec<Vec<Fields>>,
        http: &mut Vec<Value>,
    ) {
        let own: Option<Vec<Fields>> = block.matches.iter().map(as_conditions).collect();
        for rule in rules {
            let is_gone = |conditions: &[Fields]| {
                !rule.conditions.is_empty()
                    && passed.iter().any(|above| {
                        above.is_empty() || conditions.iter().all(|one| above.contains(one))
                    })
            };
            if is_gone(&rule.conditions) {
                continue;
            }
            let matches = match joined(block, own.as_deref(), rule) {
                Ok(matches) => matches,
                Err(why) => {
                    let message = format!(
                        "http[{}] of the VirtualService {why}; there its requests are routed like all others",
                        block.index
                    );
                    self.lost(&format!("canary.rules: {}", rule.name), message);
                    continue;
                }
            };
            let mut arms = Vec::new();
            let used: Vec<&(String, u32)> = rule
                .weights
                .iter()
                .filter(|(_, weight)| *weight > 0)
                .collect();
            for (version, weight) in &used {
                match block.destination(version) {
                    Some(destination) => {
                        let mut arm = destination.clone();
                        if let (Some(arm), true) = (arm.as_object_mut(), used.len() > 1) {
                            arm.insert("weight".into(), json!(weight));
                        }
                        arms.push(arm);
                    }
                    None => self.lost("", format!(
                        "http[{}] of the VirtualService has no route for version {version}; add it",
                        block.index
                    )),
                }
            }
            let mut route = block.rest.clone();
            if !rule.name.is_empty() {
                route.insert("name".into(), rule.name.clone().into());
            }
            let takes_all = matches.is_empty();
            if !takes_all {
                route.insert("match".into(), json!(matches));
            }
            route.insert("route".into(), arms.into());
            http.push(route.into());
            if takes_all || matches == block.matches {
                break;
            }
        }
        passed.extend(own);
    }

    /// The mirrors, as mirrors of Istio.
    fn mirrors(&mut self) -> Vec<Value> {
        let mut mirrors = Vec::new();
        let all: Vec<Fields> = objects(self.written.get("mirrors")).cloned().collect();
        for (index, mirror) in all.iter().enumerate() {
            let path = format!("mirrors[{index}]");
            let methods = mirror.get("methods").and_then(Value::as_array);
            let has =
                |method: &str| methods.is_some_and(|methods| methods.contains(&json!(method)));
            let Some(destination) = mirror.get("destination") else {
                self.lost(&path, "Istio mirrors to a destination, not to a cluster");
                continue;
            };
            if mirror.contains_key("match") {
                self.lost(&path, "has a match, which a mirror of Istio has not; write mirrors on a route of its own");
                continue;
            }
            if !WRITES.iter().all(|method| has(method)) {
                self.lost(&path, "Istio would also copy requests that write; add mirrors to the routes yourself if the mirror may get them");
                continue;
            }
            for field in ["compare", "headers", "authority"] {
                if mirror.contains_key(field) {
                    self.lost(
                        &format!("{path}.{field}"),
                        "Istio's mirrors have nothing like it",
                    );
                }
            }
            let mut to = destination.clone();
            if let Some(port) = destination.get("port") {
                set(&mut to, "port", json!({"number": port}));
            }
            let mut one = json!({"destination": to});
            if let Some(percentage) = mirror.get("percentage") {
                set(&mut one, "percentage", json!({"value": percentage}));
            }
            self.line(&path, Outcome::CarriedOver, "mirrors of each route");
            mirrors.push(one);
        }
        mirrors
    }
}

fn said(weights: &[(String, u32)]) -> String {
    let weights: Vec<String> = weights
        .iter()
        .map(|(version, weight)| format!("{version}={weight}"))
        .collect();
    weights.join(" ")
}

/// A match of Istio, as Halftone tests it.
fn as_conditions(written: &Fields) -> Option<Fields> {
    converted(written)
        .ok()
        .map(|converted| converted.conditions)
}

/// The matches that hold if a match of the block holds and one of the rule.
fn joined(block: &Block, own: Option<&[Fields]>, rule: &Rule) -> Result<Vec<Fields>, String> {
    if rule.matches.is_empty() {
        return Ok(block.matches.clone());
    }
    if block.matches.is_empty() {
        return Ok(rule.matches.clone());
    }
    let own = own.ok_or("has a condition that Halftone has not")?;
    let mut matches = Vec::new();
    for (conditions, written) in rule.conditions.iter().zip(&rule.matches) {
        // The block has the same match.
        if let Some(index) = own.iter().position(|one| one == conditions) {
            matches.extend(block.matches.get(index).cloned());
            continue;
        }
        for (other, theirs) in own.iter().zip(&block.matches) {
            matches.push(both(conditions, written, other, theirs)?);
        }
    }
    Ok(matches)
}

fn both(
    conditions: &Fields,
    written: &Fields,
    other: &Fields,
    theirs: &Fields,
) -> Result<Fields, String> {
    let mut one = theirs.clone();
    for (field, value) in written {
        let known = match field.as_str() {
            "uri" => "path",
            field => field,
        };
        match (one.get_mut(field), value) {
            (None, value) => {
                one.insert(field.clone(), value.clone());
            }
            (Some(_), _) if conditions.get(known) == other.get(known) => {}
            (Some(Value::Object(tests)), Value::Object(more))
                if ["headers", "withoutHeaders", "queryParams"].contains(&field.as_str()) =>
            {
                for (name, test) in more {
                    match tests.get(name) {
                        Some(known) if known != test => {
                            return Err(format!(
                                "tests `{field}.{name}` in another way than the rule"
                            ));
                        }
                        _ => tests.insert(name.clone(), test.clone()),
                    };
                }
            }
            _ => return Err(format!("tests `{field}` in another way than the rule")),
        }
    }
    Ok(one)
}
