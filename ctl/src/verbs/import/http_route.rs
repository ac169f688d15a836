//! An `HTTPRoute` of the Gateway API.
//!
//! The most specific match of all rules decides, whatever their order. The rules of the release are in the order of
//! precedence, so the first that matches is the most specific. In the result, each match that tests the routing header
//! has one header more than before, so the precedence among them stays.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use halftone_resources::TargetRef;
use serde_json::{Value, json};

use super::document::{Document, Fields, Imported, Plugin, label, objects, set, text};
use super::gateway_match::{Converted, converted};
use super::mirrors::{METHODS, number};
use super::report::{Line, Outcome};
use super::routes::unique;
use super::versions::{Target, Versions};
use super::virtual_service::HEADER;

/// The limit of rules of the Gateway API.
const MOST_RULES: usize = 16;

/// A rule of the HTTPRoute.
struct Rule {
    index: usize,
    name: String,
    matches: Vec<Fields>,
    /// The destinations with their weights. Empty: the rule stays as it is.
    arms: Vec<(Target, u64, Fields)>,
    rest: Fields,
    converted: Vec<Converted>,
}

impl Rule {
    fn is_decided(&self) -> bool {
        !self.arms.is_empty()
    }

    fn heaviest(&self) -> Option<&Target> {
        let mut heaviest: Option<&(Target, u64, Fields)> = None;
        for arm in &self.arms {
            if heaviest.is_none_or(|known| arm.1 > known.1) {
                heaviest = Some(arm);
            }
        }
        heaviest.map(|(target, _, _)| target)
    }
}

/// The release of an HTTPRoute, and the HTTPRoute that obeys it.
pub fn import(document: &Document, principal: Option<&str>) -> Imported {
    let obeys = |rule: &Fields| {
        let mut tests = objects(rule.get("matches")).flat_map(|one| objects(one.get("headers")));
        tests.any(|test| text(test, "name").is_some_and(|name| name.eq_ignore_ascii_case(HEADER)))
    };
    if let Some(index) = objects(document.spec("rules")).position(obeys) {
        return Imported::refused(
            document,
            &format!("spec.rules[{index}].matches"),
            format!("routes by the header {HEADER} already; import the HTTPRoute from before"),
        );
    }
    if objects(document.spec("rules")).count() > MOST_RULES {
        let message = format!("has more than {MOST_RULES} rules, which the Gateway API rejects");
        return Imported::refused(document, "spec.rules", message);
    }
    let mut lines = Vec::new();
    let mut rules: Vec<Rule> = objects(document.spec("rules"))
        .enumerate()
        .map(|(index, rule)| read(document, index, rule, &mut lines))
        .collect();
    let targets = rules.iter().filter(|rule| rule.is_decided());
    let targets = targets.map(|rule| rule.arms.iter().map(|arm| arm.0.clone()).collect());
    let versions = Versions::of(&targets.collect::<Vec<_>>());
    let mirrors = mirrors(document, &mut rules, &mut lines);
    if versions.all().is_empty() || (versions.all().len() == 1 && mirrors.is_empty()) {
        let message = "has one backend and no mirror that can be carried over, so there is no release to import; keep it as it is";
        lines.push(document.line("spec.rules", Outcome::NotCarriedOver, message));
        return Imported {
            lines,
            ..Imported::default()
        };
    }
    let order = order(&rules);
    let principal = match principal {
        Some(name) => versions.by_name(name),
        None => {
            let takes_all = |(rule, index): &&(usize, usize)| {
                let rule = rules.get(*rule);
                let converted = rule.and_then(|rule| rule.converted.get(*index));
                converted.is_some_and(Converted::is_any)
            };
            let last = order.iter().find(takes_all).or(order.last());
            let last = last.and_then(|(rule, _)| rules.get(*rule));
            last.and_then(Rule::heaviest)
                .and_then(|target| versions.index(target))
        }
    };
    let Some(principal) = principal else {
        let names: Vec<&str> = versions.all().iter().map(|one| one.name.as_str()).collect();
        let message = format!(
            "has no version of this name; write --principal with one of {}",
            names.join(", ")
        );
        lines.push(document.line("spec.rules", Outcome::NotCarriedOver, message));
        return Imported {
            lines,
            ..Imported::default()
        };
    };
    let route = Route {
        document,
        rules: &rules,
        versions: &versions,
        principal,
    };
    let mut release = route.claimed();
    release.insert("name".into(), label(&document.name).into());
    release.insert("principal".into(), versions.named(principal).into());
    if versions.all().len() > 1 {
        release.insert("canary".into(), route.canary(&order, &mut lines));
    }
    if !mirrors.is_empty() {
        release.insert("mirrors".into(), mirrors.into());
    }
    let written = route.written();
    if written.len() > MOST_RULES {
        let message = format!(
            "the result would have {} rules, and an HTTPRoute has {MOST_RULES}; split it by hosts or services first",
            written.len()
        );
        lines.push(document.line("spec.rules", Outcome::NotCarriedOver, message));
        return Imported {
            lines,
            ..Imported::default()
        };
    }
    let message = format!(
        "{} is the principal, which also gets the requests that Halftone does not see; --principal chooses another version",
        versions.named(principal)
    );
    lines.push(document.line("spec.rules", Outcome::WithADifference, message));
    let message = "the plugin is a WasmPlugin, which runs in Istio; for Envoy Gateway, render it with halftonectl render --kind envoygateway";
    lines.push(document.line("spec.parentRefs", Outcome::WithADifference, message));
    let mut result = document.applicable();
    if let Some(spec) = result.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("rules".into(), written.into());
    }
    let imported = Imported {
        lines,
        plugin: Some(Plugin {
            name: format!("{}-release", document.name),
            namespace: document.namespace.clone(),
            targets: route.gateways(),
            config: json!({"releases": [release]}),
        }),
        resources: vec![result],
    };
    imported.checked(document)
}

/// Reads a rule. Adds a line if it stays as it is.
fn read(document: &Document, index: usize, written: &Fields, lines: &mut Vec<Line>) -> Rule {
    let path = format!("spec.rules[{index}]");
    let mut rest = written.clone();
    for field in ["name", "matches", "backendRefs"] {
        rest.remove(field);
    }
    let mut rule = Rule {
        index,
        name: text(written, "name").unwrap_or_default().into(),
        matches: objects(written.get("matches")).cloned().collect(),
        arms: Vec::new(),
        rest,
        converted: Vec::new(),
    };
    let mut arms = Vec::new();
    for backend in objects(written.get("backendRefs")) {
        let kind = text(backend, "kind").unwrap_or("Service");
        if kind != "Service" {
            let message = format!(
                "stays as it is, because a {kind} is no Service; Halftone's decision has no effect on its requests"
            );
            lines.push(document.line(&path, Outcome::WithADifference, message));
            return rule;
        }
        let name = text(backend, "name").unwrap_or_default();
        let namespace = text(backend, "namespace").unwrap_or(&document.namespace);
        let mut reference = backend.clone();
        reference.remove("weight");
        let target = Target {
            host: format!("{name}.{namespace}.svc.cluster.local"),
            subset: None,
            port: backend.get("port").and_then(Value::as_u64),
        };
        let weight = backend.get("weight").and_then(Value::as_u64).unwrap_or(1);
        arms.push((target, weight, reference));
    }
    if arms.iter().all(|arm| arm.1 == 0) {
        let message = "stays as it is, because it sends requests to no service; Halftone's decision has no effect on them";
        lines.push(document.line(&path, Outcome::CarriedOver, message));
        return rule;
    }
    let every = [Fields::new()];
    let matches = if rule.matches.is_empty() {
        &every[..]
    } else {
        &rule.matches
    };
    match matches.iter().map(converted).collect() {
        Ok(converted) => {
            rule.converted = converted;
            rule.arms = arms;
        }
        Err(why) => {
            let why: String = why;
            let (outcome, message) = if arms.len() > 1 {
                (
                    Outcome::NotCarriedOver,
                    format!(
                        "stays with its weights, because {why}; change the condition, and import the file again"
                    ),
                )
            } else {
                (
                    Outcome::WithADifference,
                    format!(
                        "stays as it is, because {why}; Halftone's decision has no effect on its requests"
                    ),
                )
            };
            lines.push(document.line(&path, outcome, message));
        }
    }
    rule
}

/// The matches of all rules, each as the index of its rule and of itself, in the order of precedence.
fn order(rules: &[Rule]) -> Vec<(usize, usize)> {
    let all = rules.iter().enumerate().flat_map(|(rule, one)| {
        let matches = one.converted.iter().enumerate();
        matches.map(move |(index, converted)| (Reverse(converted.rank), rule, index))
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all.into_iter()
        .map(|(_, rule, index)| (rule, index))
        .collect()
}

/// Moves the mirrors that every rule has, and returns them as mirrors of Halftone.
fn mirrors(document: &Document, rules: &mut [Rule], lines: &mut Vec<Line>) -> Vec<Value> {
    let of = |rule: &Rule| -> Vec<Value> {
        let filters = objects(rule.rest.get("filters"));
        let filters = filters.filter(|filter| text(filter, "type") == Some("RequestMirror"));
        filters.map(|filter| Value::from(filter.clone())).collect()
    };
    let mut known: Vec<(Value, usize)> = Vec::new();
    for rule in rules.iter() {
        for mirror in of(rule) {
            if known.iter().all(|(other, _)| *other != mirror) {
                known.push((mirror, rule.index));
            }
        }
    }
    let takes_all = rules
        .iter()
        .any(|rule| rule.converted.iter().any(Converted::is_any));
    let mut carried = Vec::new();
    let mut names = BTreeSet::new();
    for (mirror, first) in known {
        let path = format!("spec.rules[{first}].filters");
        let is_common = rules
            .iter()
            .all(|rule| rule.is_decided() && of(rule).contains(&mirror));
        let written = mirror.get("requestMirror").and_then(Value::as_object);
        let written =
            written.and_then(|one| written_mirror(document, one, carried.len(), &mut names));
        let (true, true, Some(written)) = (is_common, takes_all, written) else {
            let message = "RequestMirror stays in the HTTPRoute, because only some rules have it, or its backend has no port";
            lines.push(document.line(&path, Outcome::NotCarriedOver, message));
            continue;
        };
        let message = format!(
            "mirror {}: Halftone mirrors no upgrades and no body of more than 64 KiB",
            written
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
        );
        lines.push(document.line(&path, Outcome::WithADifference, message));
        carried.push(written);
        for rule in rules.iter_mut() {
            let Some(Value::Array(filters)) = rule.rest.get_mut("filters") else {
                continue;
            };
            filters.retain(|filter| *filter != mirror);
            if filters.is_empty() {
                rule.rest.remove("filters");
            }
        }
    }
    carried
}

fn written_mirror(
    document: &Document,
    written: &Fields,
    index: usize,
    names: &mut BTreeSet<String>,
) -> Option<Value> {
    let backend = written.get("backendRef").and_then(Value::as_object)?;
    let name = text(backend, "name")?;
    let namespace = text(backend, "namespace").unwrap_or(&document.namespace);
    let host = format!("{name}.{namespace}.svc.cluster.local");
    let port = backend.get("port").and_then(Value::as_u64)?;
    let fraction = written.get("fraction").and_then(|fraction| {
        let of = |name: &str| fraction.get(name).and_then(Value::as_f64);
        Some(100.0 * of("numerator")? / of("denominator").unwrap_or(100.0).max(1.0))
    });
    let percent = written.get("percent").and_then(Value::as_f64).or(fraction);
    let mut mirror = json!({
        "name": unique(name, index, names), "destination": {"host": host, "port": port}, "methods": METHODS,
    });
    if let Some(percent) = percent.filter(|percent| *percent < 100.0) {
        set(&mut mirror, "percentage", number(percent));
    }
    Some(mirror)
}

/// An HTTPRoute that becomes a release.
struct Route<'r> {
    document: &'r Document,
    rules: &'r [Rule],
    versions: &'r Versions,
    principal: usize,
}

impl Route<'_> {
    /// The hosts, or the services in a mesh.
    fn claimed(&self) -> Fields {
        let hosts = self.document.spec("hostnames").and_then(Value::as_array);
        let mut fields = Fields::new();
        if let Some(hosts) = hosts.filter(|hosts| !hosts.is_empty()) {
            fields.insert("hosts".into(), hosts.clone().into());
            return fields;
        }
        let parents = objects(self.document.spec("parentRefs"));
        let services = parents.filter(|parent| text(parent, "kind") == Some("Service"));
        let services: Vec<Value> = services
            .map(|parent| {
                let namespace = text(parent, "namespace").unwrap_or(&self.document.namespace);
                json!({"name": text(parent, "name"), "namespace": namespace})
            })
            .collect();
        if services.is_empty() {
            fields.insert("hosts".into(), json!(["*"]));
        } else {
            fields.insert("services".into(), services.into());
        }
        fields
    }

    /// The gateways of the namespace, to which the plugin is attached.
    fn gateways(&self) -> Vec<TargetRef> {
        let parents = objects(self.document.spec("parentRefs"));
        let parents = parents.filter(|parent| {
            let namespace = text(parent, "namespace").unwrap_or(&self.document.namespace);
            text(parent, "kind").unwrap_or("Gateway") == "Gateway"
                && namespace == self.document.namespace
        });
        parents
            .filter_map(|parent| {
                Some(TargetRef {
                    group: "gateway.networking.k8s.io".into(),
                    kind: "Gateway".into(),
                    name: text(parent, "name")?.into(),
                })
            })
            .collect()
    }

    fn canary(&self, order: &[(usize, usize)], lines: &mut Vec<Line>) -> Value {
        let mut rules: Vec<(usize, Value)> = Vec::new();
        let mut names = BTreeSet::new();
        let mut canary = Fields::new();
        let mut known = BTreeSet::new();
        for (index, one) in order {
            let Some(rule) = self.rules.get(*index) else {
                continue;
            };
            let Some(converted) = rule.converted.get(*one) else {
                continue;
            };
            let path = format!("spec.rules[{index}]");
            for difference in &converted.differences {
                if known.insert(*difference) {
                    let path = format!("{path}.matches[{one}]");
                    lines.push(self.document.line(
                        &path,
                        Outcome::WithADifference,
                        difference.said(),
                    ));
                }
            }
            let weights = self.weights(rule);
            let said = match weights.as_slice() {
                [(version, _)] => format!("version {version}"),
                weights => {
                    let weights: Vec<String> = weights
                        .iter()
                        .map(|(version, weight)| format!("{version}={weight}"))
                        .collect();
                    format!("split {}", weights.join(" "))
                }
            };
            let is_principal = matches!(weights.as_slice(), [(version, _)] if version == self.versions.named(self.principal));
            let split: Vec<Value> = weights
                .iter()
                .map(|(version, weight)| json!({"version": version, "weight": weight}))
                .collect();
            if converted.is_any() {
                lines.push(self.document.line(&path, Outcome::CarriedOver, said));
                if !is_principal {
                    canary.insert("split".into(), split.into());
                }
                break;
            }
            let conditions = converted.alternatives.iter().cloned().map(Value::from);
            match rules.last_mut() {
                Some((last, known)) if last == index => {
                    if let Some(Value::Array(matches)) = known.get_mut("match") {
                        matches.extend(conditions);
                    }
                }
                _ => {
                    let name = Some(rule.name.as_str()).filter(|name| !name.is_empty());
                    let name = name.map_or_else(|| format!("rule-{index}"), str::to_owned);
                    let name = unique(&name, *index, &mut names);
                    lines.push(self.document.line(
                        &path,
                        Outcome::CarriedOver,
                        format!("rule {name}: {said}"),
                    ));
                    let matches: Vec<Value> = conditions.collect();
                    let mut written = json!({"name": name, "match": matches});
                    match weights.as_slice() {
                        [(version, _)] => set(&mut written, "version", version.clone().into()),
                        _ => set(&mut written, "split", split.into()),
                    }
                    rules.push((*index, written));
                }
            }
        }
        if !rules.is_empty() {
            let rules: Vec<Value> = rules.into_iter().map(|(_, rule)| rule).collect();
            canary.insert("rules".into(), rules.into());
        }
        canary.into()
    }

    /// The versions of a rule with their weights.
    fn weights(&self, rule: &Rule) -> Vec<(String, u64)> {
        let mut weights: Vec<(String, u64)> = Vec::new();
        for (target, weight, _) in &rule.arms {
            let index = self.versions.index(target);
            let name = index.map_or("", |index| self.versions.named(index));
            match weights.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known += weight,
                None => weights.push((name.to_owned(), *weight)),
            }
        }
        weights
    }

    /// The rules that obey Halftone.
    fn written(&self) -> Vec<Value> {
        if self.versions.all().len() == 1 {
            let rules = self.rules.iter().map(|rule| {
                let refs = rule.arms.iter().map(|arm| arm.2.clone()).collect();
                self.rule(rule, &rule.matches, refs)
            });
            return rules.collect();
        }
        if let Some(simple) = self.simple() {
            return simple;
        }
        let mut written = Vec::new();
        for rule in self.rules {
            let every = [Fields::new()];
            let matches = if rule.matches.is_empty() {
                &every[..]
            } else {
                &rule.matches
            };
            if !rule.is_decided() {
                written.push(self.kept(rule, matches));
                continue;
            }
            let group = rule
                .heaviest()
                .and_then(|target| self.versions.index(target));
            let group = group.map_or(0, |index| self.versions.group(index));
            for version in self.versions.of_group(group) {
                let asked: Vec<Fields> = matches
                    .iter()
                    .map(|one| self.asking(one, version))
                    .collect();
                written.push(self.rule(rule, &asked, vec![self.backend(rule, version)]));
            }
            let fallback = if self.versions.group(self.principal) == group {
                Some(self.principal)
            } else {
                rule.heaviest()
                    .and_then(|target| self.versions.index(target))
            };
            let fallback = self.backend(rule, fallback.unwrap_or(self.principal));
            written.push(self.rule(rule, &rule.matches, vec![fallback]));
        }
        written
    }

    /// The rules without the matches, if Halftone tests all of them and nothing else depends on them.
    fn simple(&self) -> Option<Vec<Value>> {
        let first = self.rules.first()?;
        let rewrites = |rule: &Rule| {
            let mut filters = objects(rule.rest.get("filters"));
            filters.any(|filter| text(filter, "type") == Some("URLRewrite"))
        };
        let is_simple = self.rules.iter().all(|rule| {
            rule.is_decided()
                && rule.rest == first.rest
                && !rewrites(rule)
                && rule.arms.iter().all(|arm| !arm.2.contains_key("filters"))
        });
        let takes_all = self
            .rules
            .iter()
            .any(|rule| rule.converted.iter().any(Converted::is_any));
        let is_one = (0..self.versions.all().len()).all(|index| self.versions.group(index) == 0);
        if !(is_simple && takes_all && is_one) {
            return None;
        }
        let nameless = Rule {
            index: 0,
            name: String::new(),
            matches: Vec::new(),
            arms: Vec::new(),
            rest: first.rest.clone(),
            converted: Vec::new(),
        };
        let mut written: Vec<Value> = (0..self.versions.all().len())
            .map(|version| {
                let asked = [self.asking(&Fields::new(), version)];
                self.rule(&nameless, &asked, vec![self.backend(&nameless, version)])
            })
            .collect();
        let fallback = self.backend(&nameless, self.principal);
        written.push(self.rule(&nameless, &[], vec![fallback]));
        Some(written)
    }

    /// A rule that stays as it is. It tests the routing header too, so that its matches keep their precedence.
    fn kept(&self, rule: &Rule, matches: &[Fields]) -> Value {
        let versions = 0..self.versions.all().len();
        let mut all: Vec<Fields> = versions
            .flat_map(|version| matches.iter().map(move |one| (one, version)))
            .map(|(one, version)| self.asking(one, version))
            .collect();
        all.extend(matches.iter().cloned());
        let written = objects(self.document.spec("rules")).nth(rule.index);
        let mut written = written.cloned().unwrap_or_default();
        written.insert("matches".into(), json!(all));
        written.into()
    }

    fn rule(&self, rule: &Rule, matches: &[Fields], refs: Vec<Fields>) -> Value {
        let mut written = rule.rest.clone();
        if !matches.is_empty() {
            written.insert("matches".into(), json!(matches));
        }
        written.insert("backendRefs".into(), json!(refs));
        written.into()
    }

    fn asking(&self, one: &Fields, version: usize) -> Fields {
        let mut one = one.clone();
        let test = json!({"type": "Exact", "name": HEADER, "value": self.versions.named(version)});
        let headers = one.entry("headers").or_insert_with(|| json!([]));
        if let Some(headers) = headers.as_array_mut() {
            headers.push(test);
        }
        one
    }

    /// The backend of a version, as the rule writes it, or as others do, without their filters.
    fn backend(&self, rule: &Rule, version: usize) -> Fields {
        let is_it = |arm: &&(Target, u64, Fields)| self.versions.index(&arm.0) == Some(version);
        if let Some(known) = rule.arms.iter().find(is_it) {
            return known.2.clone();
        }
        let known = self.rules.iter().flat_map(|rule| &rule.arms).find(is_it);
        let mut known = known.map(|arm| arm.2.clone()).unwrap_or_default();
        known.remove("filters");
        known
    }
}
