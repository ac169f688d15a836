//! A Flagger `Canary`.
//!
//! Flagger writes a VirtualService for it, with the services `NAME-primary` and `NAME-canary`. The import writes that
//! VirtualService first, imports it, and adds to the release what the analysis does.

use serde_json::{Value, json};

use super::document::{Document, Fields, Imported, objects, set, text};
use super::mirrors::{METHODS, number};
use super::ramp::{Ramp, Start};
use super::report::{Line, Outcome};
use super::virtual_service;

/// The fields of `spec.service` that Flagger writes into each route.
const ROUTE: [&str; 5] = ["timeout", "retries", "rewrite", "headers", "corsPolicy"];

/// The parts of an analysis that run programs.
const PROGRAMS: [(&str, &str); 2] = [
    (
        "webhooks",
        "run them in your pipeline, as halftonectl test in it",
    ),
    (
        "alerts",
        "alert on halftone_guard, as manifests/mesh/halftone-alerts.yaml does",
    ),
];

/// The name of the rule for `analysis.match`.
const RULE: &str = "analysis";

/// A Canary.
struct Canary<'d> {
    document: &'d Document,
    service: Fields,
    analysis: Fields,
    /// The name of the service.
    name: String,
}

/// The release of a Canary, and the VirtualService that obeys it.
pub fn import(document: &Document, start: &Start) -> Imported {
    let fields = |field| {
        let fields = document.spec(field).and_then(Value::as_object);
        fields.cloned().unwrap_or_default()
    };
    let provider = document.spec("provider").and_then(Value::as_str);
    if let Some(other) = provider.filter(|provider| *provider != "istio") {
        let message = format!(
            "{other} has no VirtualService, which import writes; set up the routes yourself, as in docs/istio.md"
        );
        return Imported::refused(document, "spec.provider", message);
    }
    let service = fields("service");
    let target = fields("targetRef");
    let name = text(&service, "name").or(text(&target, "name"));
    let canary = Canary {
        document,
        name: name.unwrap_or(&document.name).to_owned(),
        analysis: fields("analysis"),
        service,
    };
    let mut imported =
        virtual_service::import(&canary.virtual_service(), Some(&canary.of("primary")));
    imported.lines = canary.lines(&imported.lines);
    let Some(plugin) = &mut imported.plugin else {
        return imported;
    };
    if let Some(release) = plugin.release() {
        canary.complete(release, start, &mut imported.lines);
    }
    imported.checked(document)
}

impl Canary<'_> {
    fn of(&self, role: &str) -> String {
        format!("{}-{role}", self.name)
    }

    fn line(&self, path: &str, outcome: Outcome, message: impl Into<String>) -> Line {
        self.document.line(path, outcome, message)
    }

    /// The VirtualService that Flagger writes.
    fn virtual_service(&self) -> Document {
        let arm = |role: &str, weight: u32| {
            let mut to = json!({"host": self.of(role)});
            if let Some(port) = self.service.get("port") {
                set(&mut to, "port", json!({"number": port}));
            }
            json!({"destination": to, "weight": weight})
        };
        let mut rest = self.service.clone();
        rest.retain(|name, _| ROUTE.contains(&name.as_str()));
        let route = |matches: Vec<Value>, arms: Value| {
            let mut route = rest.clone();
            if !matches.is_empty() {
                route.insert("match".into(), matches.into());
            }
            route.insert("route".into(), arms);
            Value::from(route)
        };
        let own: Vec<Fields> = objects(self.service.get("match")).cloned().collect();
        let mut http = Vec::new();
        let tested = objects(self.analysis.get("match"));
        let tested: Vec<Value> = tested.flat_map(|one| joined(one, &own)).collect();
        if !tested.is_empty() {
            let mut tested = route(tested, json!([arm("canary", 100)]));
            set(&mut tested, "name", json!(RULE));
            http.push(tested);
        }
        let own = own.into_iter().map(Value::from).collect();
        http.push(route(own, json!([arm("primary", 100), arm("canary", 0)])));
        let mut hosts = vec![json!(self.name)];
        let list = |field: &str| self.service.get(field).and_then(Value::as_array).cloned();
        for host in list("hosts").unwrap_or_default() {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let mut spec = json!({"hosts": hosts, "http": http});
        if let Some(mut gateways) = list("gateways").filter(|gateways| !gateways.is_empty()) {
            // Flagger adds it.
            if !gateways.contains(&json!("mesh")) {
                gateways.push(json!("mesh"));
            }
            set(&mut spec, "gateways", gateways.into());
        }
        let value = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": self.name, "namespace": self.document.namespace}, "spec": spec,
        });
        Document::new(&self.document.file, value)
    }

    /// The lines about the VirtualService, as lines about the Canary.
    fn lines(&self, lines: &[Line]) -> Vec<Line> {
        let has_match = self.analysis.contains_key("match");
        let of_match = |line: &Line| has_match && line.path.starts_with("spec.http[0]");
        let lines = lines
            .iter()
            .filter(|line| line.outcome != Outcome::CarriedOver && line.path != "spec.http");
        let lines = lines.map(|line| {
            let path = if of_match(line) {
                "spec.analysis.match"
            } else if line.path == "spec.gateways" {
                "spec.service.gateways"
            } else {
                "spec.service"
            };
            self.line(path, line.outcome, line.message.clone())
        });
        let (primary, canary) = (self.of("primary"), self.of("canary"));
        let own = self.line("spec.targetRef", Outcome::WithADifference, format!(
            "the versions are the services {primary} and {canary}; Halftone starts no pods, and Flagger deletes with the Canary what it owns, so remove the ownerReferences of both services and of the Deployment {primary} first"
        ));
        std::iter::once(own).chain(lines).collect()
    }

    /// Adds to the release what the analysis does.
    fn complete(&self, release: &mut Fields, start: &Start, lines: &mut Vec<Line>) {
        let has_match = self.analysis.contains_key("match");
        let number = |field: &str| self.analysis.get(field).and_then(Value::as_f64);
        let canary = release.entry("canary").or_insert_with(|| json!({}));
        // The routes test `service.match`, and the principal gets what no rule takes.
        if let Some(rules) = canary.get_mut("rules").and_then(Value::as_array_mut) {
            rules.retain(|rule| rule.get("name") == Some(&json!(RULE)));
            if rules.is_empty() {
                canary
                    .as_object_mut()
                    .and_then(|canary| canary.remove("rules"));
            }
        }
        if self.document.spec("skipAnalysis") == Some(&json!(true)) {
            set(canary, "takeOver", self.of("canary").into());
            let message = "the canary takes over; halftonectl restore ends that";
            lines.push(self.line("spec.skipAnalysis", Outcome::CarriedOver, message));
        }
        if has_match {
            let message = format!("rule {RULE}: version {}", self.of("canary"));
            lines.push(self.line("spec.analysis.match", Outcome::CarriedOver, message));
        }
        let steps = self.steps();
        if !steps.is_empty() && !has_match {
            let interval = seconds(text(&self.analysis, "interval")).unwrap_or(60);
            let mut ramp = Ramp::new(self.of("canary"));
            for (index, weight) in steps.iter().enumerate() {
                ramp.point(interval * (index as u64 + 1), *weight);
            }
            ramp.point(interval * (steps.len() as u64 + 1), 100.0);
            if let Some(fields) = canary.as_object_mut() {
                fields.remove("split");
                fields.insert("ramp".into(), ramp.written(start));
            }
            lines.push(self.line("spec.analysis", Outcome::WithADifference, format!(
                "a ramp of {} steps, {}; each proxy follows its clock and waits for no check, and after the last step {} keeps all traffic where Flagger copies it into the primary: halftonectl promote makes it the principal",
                steps.len(), start.said(), self.of("canary")
            )));
        } else if number("iterations").is_some() && !has_match {
            release.remove("canary");
            release.insert("blueGreen".into(), json!({"active": self.of("primary")}));
            lines.push(self.line("spec.analysis.iterations", Outcome::WithADifference, format!(
                "blue-green: {} is active; halftonectl switch makes {} the active one, which Flagger does after the iterations",
                self.of("primary"), self.of("canary")
            )));
        } else if number("iterations").is_some() {
            let message =
                "the rule stays until you remove it; Flagger ends it after the iterations";
            lines.push(self.line(
                "spec.analysis.iterations",
                Outcome::WithADifference,
                message,
            ));
        }
        self.session(release, lines);
        self.mirror(release, lines);
        self.guard(release, lines);
        for (field, instead) in PROGRAMS {
            if objects(self.analysis.get(field)).next().is_some() {
                let message = format!("Halftone runs no programs; {instead}");
                let path = format!("spec.analysis.{field}");
                lines.push(self.line(&path, Outcome::NotCarriedOver, message));
            }
        }
    }

    /// The weights of the canary, step by step.
    fn steps(&self) -> Vec<f64> {
        let list = self.analysis.get("stepWeights").and_then(Value::as_array);
        if let Some(list) = list {
            return list.iter().filter_map(Value::as_f64).collect();
        }
        let number = |field: &str| self.analysis.get(field).and_then(Value::as_f64);
        let step = number("stepWeight").filter(|step| *step >= 1.0);
        let Some(step) = step else {
            return Vec::new();
        };
        let most = number("maxWeight").unwrap_or(100.0).clamp(step, 100.0);
        let steps = (most / step).floor() as usize;
        (1..=steps).map(|index| step * index as f64).collect()
    }

    fn session(&self, release: &mut Fields, lines: &mut Vec<Line>) {
        let Some(affinity) = self
            .analysis
            .get("sessionAffinity")
            .and_then(Value::as_object)
        else {
            return;
        };
        let age = affinity
            .get("maxAge")
            .and_then(Value::as_u64)
            .unwrap_or(86_400);
        let mut cookie = json!({"maxAge": format!("{age}s"), "keep": true});
        if let Some(name) = text(affinity, "cookieName") {
            set(&mut cookie, "name", name.into());
        }
        let Some(canary) = release.get_mut("canary") else {
            return;
        };
        set(canary, "session", json!({"cookie": cookie}));
        let message = "every user has the cookie and one version, in both versions; browsers send it over HTTPS only, unless you write secure: false";
        lines.push(self.line(
            "spec.analysis.sessionAffinity",
            Outcome::WithADifference,
            message,
        ));
    }

    fn mirror(&self, release: &mut Fields, lines: &mut Vec<Line>) {
        if self.analysis.get("mirror") != Some(&json!(true)) {
            return;
        }
        let port = self.service.get("port").and_then(Value::as_u64);
        let Some(port) = port else {
            let message = "spec.service names no port, which a mirror needs; write it, and import the file again";
            lines.push(self.line("spec.analysis.mirror", Outcome::NotCarriedOver, message));
            return;
        };
        let host = self.document.qualified(&self.of("canary"));
        let mut mirror = json!({
            "name": "canary", "destination": {"host": host, "port": port}, "methods": METHODS,
        });
        let percentage = self.analysis.get("mirrorWeight").and_then(Value::as_f64);
        if let Some(percentage) = percentage.filter(|percentage| *percentage < 100.0) {
            set(&mut mirror, "percentage", number(percentage));
        }
        release.insert("mirrors".into(), json!([mirror]));
        let message = "mirror canary copies requests until you remove it; Flagger mirrors before the first step only";
        lines.push(self.line("spec.analysis.mirror", Outcome::WithADifference, message));
    }

    fn guard(&self, release: &mut Fields, lines: &mut Vec<Line>) {
        let mut guard = json!({"failures": ["5xx", "reset"]});
        let mut is_guarded = false;
        for (index, metric) in objects(self.analysis.get("metrics")).enumerate() {
            let path = format!("spec.analysis.metrics[{index}]");
            let range = |end: &str| metric.get("thresholdRange")?.get(end)?.as_f64();
            let name = text(metric, "name").unwrap_or_default();
            let message = match (name, range("min"), range("max"), metric.get("templateRef")) {
                ("request-success-rate", Some(least), _, None) => {
                    let ceiling = (100.0 - least).clamp(0.0, 100.0);
                    // 99.9 is not a number of the binary system.
                    let ceiling = number((ceiling * 1e6).round() / 1e6);
                    let message =
                        format!("guard: a ceiling of {ceiling} % of failures in the last 60 s");
                    set(&mut guard, "ceiling", ceiling);
                    message
                }
                ("request-duration", _, Some(most), None) if most >= 1.0 => {
                    let slow = format!("{}ms", most.round() as u64);
                    set(&mut guard, "slowerThan", slow.clone().into());
                    if guard.get("ceiling").is_none() {
                        set(&mut guard, "ceiling", json!(1));
                    }
                    format!(
                        "guard: a response slower than {slow} is a failure, where Flagger takes the 99th percentile"
                    )
                }
                _ => {
                    let message =
                        format!("the guard knows no metric `{name}`; alert on it in Prometheus");
                    lines.push(self.line(&path, Outcome::NotCarriedOver, message));
                    continue;
                }
            };
            is_guarded = true;
            lines.push(self.line(&path, Outcome::WithADifference, message));
        }
        if is_guarded {
            release.insert("guard".into(), guard);
            if let Some(threshold) = self.analysis.get("threshold") {
                let message = format!(
                    "the guard takes the traffic away within seconds, in each proxy, where Flagger waits for {threshold} failed checks"
                );
                lines.push(self.line("spec.analysis.threshold", Outcome::WithADifference, message));
            }
        }
    }
}

/// A match of the analysis, with each match of the service. Of two tests of one field, that of the analysis counts.
fn joined(one: &Fields, own: &[Fields]) -> Vec<Value> {
    if own.is_empty() {
        return vec![one.clone().into()];
    }
    let own = own.iter().map(|other| {
        let mut joined = other.clone();
        for (name, value) in one {
            match (joined.get_mut(name), value.as_object()) {
                (Some(Value::Object(known)), Some(more)) if name == "headers" => {
                    known.extend(more.clone());
                }
                _ => {
                    joined.insert(name.clone(), value.clone());
                }
            }
        }
        joined.into()
    });
    own.collect()
}

/// A duration of Go, in whole seconds: `90s`, `1h30m`. Without a unit, seconds.
pub fn seconds(text: Option<&str>) -> Option<u64> {
    let text = text?;
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (mut all, mut digits) = (0_u64, String::new());
    for character in text.chars() {
        let unit = match character {
            '0'..='9' => {
                digits.push(character);
                continue;
            }
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let number: u64 = digits.parse().ok()?;
        all = all.checked_add(number.checked_mul(unit)?)?;
        digits.clear();
    }
    digits.is_empty().then_some(all)
}
