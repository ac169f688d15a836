//! An Argo `Rollout` with Istio.
//!
//! The Rollout changes the weights of a VirtualService, which the call must name too. The import imports that one with
//! the stable version as the principal, and adds to the release what the steps do.

use serde_json::{Value, json};

use super::document::{Document, Fields, Imported, objects, set, text};
use super::flagger::seconds;
use super::matches::converted;
use super::mirrors::{METHODS, number};
use super::ramp::{Ramp, Start};
use super::report::{Line, Outcome};
use super::routes::unique;
use super::virtual_service;

/// The time in a ramp that a pause without a duration takes after it was resumed, in seconds.
const RESUMED: u64 = 1;

/// What to do with the steps after the end of a ramp.
const ON: &str = "when you go on, write the later steps as a ramp of their own";

/// A Rollout whose strategy is a canary.
struct Canary<'d> {
    document: &'d Document,
    all: &'d [Document],
    strategy: &'d Fields,
    /// The host and the subset of the canary in routes.
    host: Option<String>,
    subset: Option<String>,
}

/// The release of a Rollout, and the VirtualService that obeys it. `all` are the documents of the call.
pub fn import(document: &Document, all: &[Document], start: &Start) -> Imported {
    let strategy = document.spec("strategy");
    let of = |name| {
        let strategy = strategy.and_then(|strategy| strategy.get(name));
        strategy.and_then(Value::as_object)
    };
    match (of("canary"), of("blueGreen")) {
        (Some(strategy), _) => Canary::new(document, all, strategy).import(start),
        (_, Some(strategy)) => blue_green(document, strategy),
        _ => Imported::refused(
            document,
            "spec.strategy",
            "has neither canary nor blueGreen",
        ),
    }
}

/// The VirtualServices that a Rollout changes.
fn named(strategy: &Fields) -> Vec<String> {
    let routing = strategy.get("trafficRouting");
    let istio = routing.and_then(|routing| routing.get("istio")?.as_object());
    let one = istio.and_then(|istio| istio.get("virtualService")?.as_object());
    let several = istio.map(|istio| objects(istio.get("virtualServices")));
    let all = one.into_iter().chain(several.into_iter().flatten());
    all.filter_map(|one| text(one, "name").map(Into::into))
        .collect()
}

/// Whether a Rollout of the call owns the VirtualService, so that it is imported with it.
pub fn owns(all: &[Document], service: &Document) -> bool {
    all.iter().any(|document| {
        let strategy = document.value.pointer("/spec/strategy/canary");
        let names = strategy.and_then(Value::as_object).map(named);
        is_rollout(document)
            && document.namespace == service.namespace
            && names.is_some_and(|names| names.contains(&service.name))
    })
}

/// Whether the document is a Rollout.
pub fn is_rollout(document: &Document) -> bool {
    document.is("argoproj.io", "Rollout")
}

impl<'d> Canary<'d> {
    fn new(document: &'d Document, all: &'d [Document], strategy: &'d Fields) -> Self {
        let rule = strategy.get("trafficRouting");
        let rule =
            rule.and_then(|routing| routing.get("istio")?.get("destinationRule")?.as_object());
        let owned = |text: &str| text.to_owned();
        Self {
            document,
            all,
            strategy,
            host: text(strategy, "canaryService").map(|host| document.qualified(host)),
            subset: rule
                .and_then(|rule| text(rule, "canarySubsetName"))
                .map(owned),
        }
    }

    fn line(&self, path: &str, outcome: Outcome, message: impl Into<String>) -> Line {
        let path = format!("spec.strategy.canary.{path}");
        self.document.line(&path, outcome, message)
    }

    fn refused(&self, path: &str, message: impl Into<String>) -> Imported {
        Imported::refused(
            self.document,
            &format!("spec.strategy.canary.{path}"),
            message,
        )
    }

    fn import(&self, start: &Start) -> Imported {
        let names = named(self.strategy);
        let [name] = names.as_slice() else {
            return self.refused(
                "trafficRouting.istio",
                "names no VirtualService, or several; give one in virtualService.name, and its file beside this one",
            );
        };
        let service = self.all.iter().find(|one| {
            one.kind == "VirtualService"
                && one.name == *name
                && one.namespace == self.document.namespace
        });
        let Some(service) = service else {
            return self.refused(
                "trafficRouting.istio.virtualService",
                format!("give the file with the VirtualService {name} too"),
            );
        };
        let versions = self.versions(service);
        let Some((stable, canary)) = versions else {
            return self.refused(
                "trafficRouting.istio",
                format!("the VirtualService {name} has no route to both the stable and the canary version"),
            );
        };
        let mut imported = virtual_service::import(service, Some(&stable));
        let message = format!(
            "{stable} and {canary} are the versions; Halftone starts no pods and changes no selectors, so a Deployment of your own must run each, with labels that stay"
        );
        imported
            .lines
            .push(self.line("trafficRouting", Outcome::WithADifference, message));
        let Some(plugin) = &mut imported.plugin else {
            return imported;
        };
        if let Some(release) = plugin.release() {
            self.complete(release, &canary, start, &mut imported.lines);
        }
        imported.checked(self.document)
    }

    /// The names of the stable version and of the canary.
    fn versions(&self, service: &Document) -> Option<(String, String)> {
        let versions = virtual_service::versions(service);
        let rule = self
            .strategy
            .get("trafficRouting")?
            .get("istio")?
            .get("destinationRule");
        let stable = rule.and_then(|rule| rule.get("stableSubsetName")?.as_str());
        let host = text(self.strategy, "stableService").map(|host| self.document.qualified(host));
        let find = |host: Option<&String>, subset: Option<&str>| {
            let mut versions = versions.all().iter();
            let found = versions.find(|one| match subset {
                Some(subset) => one.target.subset.as_deref() == Some(subset),
                None => host.is_some_and(|host| one.target.host == *host),
            });
            found.map(|one| one.name.clone())
        };
        Some((
            find(host.as_ref(), stable)?,
            find(self.host.as_ref(), self.subset.as_deref())?,
        ))
    }

    /// Adds to the release what the steps do.
    fn complete(&self, release: &mut Fields, version: &str, start: &Start, lines: &mut Vec<Line>) {
        let mut ramp = Ramp::new(version.to_owned());
        let (mut now, mut held, mut is_ended) = (0_u64, None, false);
        let (mut rules, mut mirrors) = (Vec::new(), Vec::new());
        let mut names = std::collections::BTreeSet::new();
        let mut templates: Vec<String> = self.templates(self.strategy.get("analysis"));
        for (index, step) in objects(self.strategy.get("steps")).enumerate() {
            let path = format!("steps[{index}]");
            let mut add = |outcome, message: String| lines.push(self.line(&path, outcome, message));
            let is_of_ramp = step.contains_key("setWeight") || step.contains_key("pause");
            if is_of_ramp && is_ended {
                add(
                    Outcome::NotCarriedOver,
                    format!("comes after the end of the ramp at {} %", ramp.last()),
                );
            } else if let Some(weight) = step.get("setWeight").and_then(Value::as_f64) {
                if weight < ramp.last() {
                    is_ended = true;
                    add(
                        Outcome::NotCarriedOver,
                        format!(
                            "a ramp does not fall to {weight} %, so it ends here, at {} %; {ON}",
                            ramp.last()
                        ),
                    );
                    continue;
                }
                ramp.point(now, weight);
                add(
                    Outcome::CarriedOver,
                    format!("ramp: {weight} % after {now}s"),
                );
            } else if let Some(pause) = step.get("pause") {
                let duration = pause.get("duration");
                let duration = duration.and_then(|duration| match duration {
                    Value::Number(number) => number.as_u64(),
                    duration => seconds(duration.as_str()),
                });
                if let Some(duration) = duration {
                    now = now.saturating_add(duration);
                    add(
                        Outcome::CarriedOver,
                        format!("ramp: a pause of {duration}s"),
                    );
                } else if held.is_none() && now == 0 {
                    held = Some(ramp.last());
                    now = now.saturating_add(RESUMED);
                    add(
                        Outcome::CarriedOver,
                        format!("ramp: held at {} %, until halftonectl resume", ramp.last()),
                    );
                } else {
                    is_ended = true;
                    add(
                        Outcome::NotCarriedOver,
                        format!(
                            "a ramp waits for a person only at its start, so it ends here, at {} %; {ON}",
                            ramp.last()
                        ),
                    );
                }
            } else if let Some(route) = step.get("setHeaderRoute").and_then(Value::as_object) {
                let name = text(route, "name").unwrap_or_default();
                match self.header_rule(route, version) {
                    Ok(None) => add(
                        Outcome::WithADifference,
                        format!("the rule {name} stays until you remove it"),
                    ),
                    Ok(Some(mut rule)) => {
                        let name = unique(name, index, &mut names);
                        set(&mut rule, "name", name.clone().into());
                        rules.push(rule);
                        add(
                            Outcome::WithADifference,
                            format!(
                                "rule {name}: version {version}, from the start and until you remove it"
                            ),
                        );
                    }
                    Err(why) => add(
                        Outcome::NotCarriedOver,
                        format!("{why}; write a rule with another condition"),
                    ),
                }
            } else if let Some(route) = step.get("setMirrorRoute").and_then(Value::as_object) {
                let name = text(route, "name").unwrap_or_default();
                match self.mirror(route, release) {
                    Ok(None) => add(
                        Outcome::WithADifference,
                        format!("the mirror {name} stays until you remove it"),
                    ),
                    Ok(Some(mut mirror)) => {
                        let name = unique(name, index, &mut names);
                        set(&mut mirror, "name", name.clone().into());
                        mirrors.push(mirror);
                        add(
                            Outcome::WithADifference,
                            format!("mirror {name}, from the start and until you remove it"),
                        );
                    }
                    Err(why) => add(Outcome::NotCarriedOver, why),
                }
            } else if let Some(analysis) = step.get("analysis") {
                templates.extend(self.templates(Some(analysis)));
            } else {
                let what = step.keys().next().map_or("", String::as_str);
                add(
                    Outcome::NotCarriedOver,
                    format!(
                        "Halftone has no `{what}`, because it starts no pods; do it in your pipeline"
                    ),
                );
            }
        }
        if ramp.last() > 0.0 {
            if !is_ended {
                ramp.point(now, 100.0);
            }
            if let Some(held) = held {
                ramp.hold(held);
            }
            let canary = release.entry("canary").or_insert_with(|| json!({}));
            if let Some(canary) = canary.as_object_mut() {
                canary.remove("split");
                canary.insert("ramp".into(), ramp.written(start));
            }
            let when = if held.is_some() {
                "held as the first pause says".to_owned()
            } else {
                start.said()
            };
            lines.push(self.line("steps", Outcome::WithADifference, format!(
                "a ramp, {when}; each proxy follows its clock and waits for no analysis; at the end {version} keeps its traffic where Argo makes it the stable version, so run halftonectl promote"
            )));
        }
        if !rules.is_empty() {
            let canary = release.entry("canary").or_insert_with(|| json!({}));
            let known = canary.get("rules").and_then(Value::as_array).cloned();
            rules.extend(known.unwrap_or_default());
            set(canary, "rules", rules.into());
        }
        if !mirrors.is_empty() {
            let known = release.get("mirrors").and_then(Value::as_array).cloned();
            mirrors.extend(known.unwrap_or_default());
            release.insert("mirrors".into(), mirrors.into());
        }
        self.guard(release, &templates, lines);
    }

    fn header_rule(&self, route: &Fields, version: &str) -> Result<Option<Value>, String> {
        let mut headers = Fields::new();
        for one in objects(route.get("match")) {
            let name = text(one, "headerName").unwrap_or_default();
            let value = one.get("headerValue").cloned().unwrap_or_default();
            headers.insert(name.into(), value);
        }
        if headers.is_empty() {
            return Ok(None);
        }
        let mut written = Fields::new();
        written.insert("headers".into(), headers.into());
        let conditions = converted(&written)?.conditions;
        Ok(Some(json!({"match": [conditions], "version": version})))
    }

    fn mirror(&self, route: &Fields, release: &Fields) -> Result<Option<Value>, String> {
        if objects(route.get("match")).next().is_none() {
            return Ok(None);
        }
        let port = self.port().ok_or(
            "the VirtualService names no port of the canary, which a mirror needs; write it, and import the files again",
        )?;
        let mut matches = Vec::new();
        for one in objects(route.get("match")) {
            let mut written = one.clone();
            if let Some(path) = written.remove("path") {
                written.insert("uri".into(), path);
            }
            let converted = converted(&written)?;
            if converted.is_any() {
                matches.clear();
                break;
            }
            matches.push(converted.conditions);
        }
        let hosts = self.host.clone().or_else(|| {
            let service = release.get("services")?.get(0)?;
            let part = |name: &str| service.get(name)?.as_str().map(str::to_owned);
            Some(format!(
                "{}.{}.svc.cluster.local",
                part("name")?,
                part("namespace")?
            ))
        });
        let host = hosts.ok_or("the service of the canary is unknown; write canaryService")?;
        let mut destination = json!({"host": host, "port": port});
        if let Some(subset) = &self.subset {
            set(&mut destination, "subset", subset.clone().into());
        }
        let mut mirror = json!({"destination": destination, "methods": METHODS});
        if !matches.is_empty() {
            set(&mut mirror, "match", json!(matches));
        }
        let percentage = route.get("percentage").and_then(Value::as_f64);
        if let Some(percentage) = percentage.filter(|percentage| *percentage < 100.0) {
            set(&mut mirror, "percentage", number(percentage));
        }
        Ok(Some(mirror))
    }

    /// The port of the canary in the VirtualService.
    fn port(&self) -> Option<u64> {
        let names = named(self.strategy);
        let mut services = self.all.iter().filter(|one| names.contains(&one.name));
        let service = services.find(|one| one.kind == "VirtualService")?;
        let versions = virtual_service::versions(service);
        let all = versions.all().iter();
        let mut ports = all.filter_map(|version| version.target.port);
        ports.next()
    }

    /// The names of the templates of an analysis.
    fn templates(&self, analysis: Option<&Value>) -> Vec<String> {
        let templates = objects(analysis.and_then(|analysis| analysis.get("templates")));
        templates
            .filter_map(|one| text(one, "templateName").map(Into::into))
            .collect()
    }

    /// The guard, with the numbers of the AnalysisTemplates.
    fn guard(&self, release: &mut Fields, templates: &[String], lines: &mut Vec<Line>) {
        let mut guard = json!({});
        for name in templates {
            let template = self.all.iter().find(|one| {
                matches!(
                    one.kind.as_str(),
                    "AnalysisTemplate" | "ClusterAnalysisTemplate"
                ) && one.name == *name
            });
            let Some(template) = template else {
                let message =
                    format!("give the file with the AnalysisTemplate {name} too, or write a guard");
                lines.push(self.line("analysis", Outcome::NotCarriedOver, message));
                continue;
            };
            for (index, metric) in objects(template.spec("metrics")).enumerate() {
                let path = format!("spec.metrics[{index}]");
                let (outcome, message) = match limit(metric) {
                    Some(("ceiling", percent)) => {
                        let ceiling = number(percent);
                        let message = format!("guard: a ceiling of {ceiling} % of failures in the last 60 s, in each proxy");
                        set(&mut guard, "ceiling", ceiling);
                        (Outcome::WithADifference, message)
                    }
                    Some((_, milliseconds)) => {
                        let slow = format!("{}ms", milliseconds.round().max(1.0) as u64);
                        set(&mut guard, "slowerThan", slow.clone().into());
                        (Outcome::WithADifference, format!("guard: a response slower than {slow} is a failure, where the query takes a quantile of all"))
                    }
                    None => (Outcome::NotCarriedOver, "is neither a success rate nor a latency of Istio's metrics; alert on it in Prometheus".to_owned()),
                };
                lines.push(template.line(&path, outcome, message));
            }
        }
        if guard.as_object().is_some_and(|guard| !guard.is_empty()) {
            release.insert("guard".into(), guard);
        }
    }
}

/// The limit of a metric: the percentage of failures, or the milliseconds of a response.
fn limit(metric: &Fields) -> Option<(&'static str, f64)> {
    let query = metric
        .get("provider")?
        .get("prometheus")?
        .get("query")?
        .as_str()?;
    let condition = text(metric, "successCondition")?;
    let condition: String = condition.split_whitespace().collect();
    let (value, is_least) = match condition.split_once(">") {
        Some((value, limit)) => ((value, limit), true),
        None => (condition.split_once("<")?, false),
    };
    let limit: f64 = value.1.trim_start_matches('=').parse().ok()?;
    if value.0 != "result[0]" {
        return None;
    }
    let is_count = query.contains("istio_requests_total") && query.contains("response_code");
    match (is_count, is_least) {
        (true, true) if (0.0..=1.0).contains(&limit) => {
            Some(("ceiling", ((1.0 - limit) * 1e8).round() / 1e6))
        }
        (true, true) if limit <= 100.0 => Some(("ceiling", ((100.0 - limit) * 1e6).round() / 1e6)),
        (false, false) if query.contains("istio_request_duration_milliseconds") => {
            Some(("slowerThan", limit))
        }
        (false, false) if query.contains("istio_request_duration_seconds") => {
            Some(("slowerThan", limit * 1_000.0))
        }
        _ => None,
    }
}

/// The release of a blue-green Rollout: a VirtualService for the active service, which leads to both.
fn blue_green(document: &Document, strategy: &Fields) -> Imported {
    let path = "spec.strategy.blueGreen";
    let (Some(active), Some(preview)) = (
        text(strategy, "activeService"),
        text(strategy, "previewService"),
    ) else {
        return Imported::refused(
            document,
            path,
            "has no activeService and previewService; write both",
        );
    };
    let service = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": active, "namespace": document.namespace},
        "spec": {"hosts": [active], "http": [{"route": [
            {"destination": {"host": active}, "weight": 100},
            {"destination": {"host": preview}, "weight": 0},
        ]}]},
    });
    let service = Document::new(&document.file, service);
    let mut imported = virtual_service::import(&service, Some(active));
    imported.lines = vec![
        document.line(&format!("{path}.activeService"), Outcome::WithADifference, format!(
            "{active} is the active version; halftonectl switch makes {preview} the active one. Halftone changes no selectors, so a Deployment of your own must run each, with labels that stay"
        )),
        document.line(&format!("{path}.previewService"), Outcome::NotCarriedOver, format!(
            "callers reach {preview} by its own name as before; to reach it by {active}, write blueGreen.preview with the requests that you mean"
        )),
    ];
    if let Some(release) = imported
        .plugin
        .as_mut()
        .and_then(super::document::Plugin::release)
    {
        release.remove("canary");
        release.insert("blueGreen".into(), json!({"active": active}));
    }
    for field in [
        "prePromotionAnalysis",
        "postPromotionAnalysis",
        "autoPromotionSeconds",
    ] {
        if strategy.contains_key(field) {
            let path = format!("{path}.{field}");
            let message = "Halftone does not promote by itself; run halftonectl switch when you have looked, and write a guard";
            imported
                .lines
                .push(document.line(&path, Outcome::NotCarriedOver, message));
        }
    }
    imported.checked(document)
}
