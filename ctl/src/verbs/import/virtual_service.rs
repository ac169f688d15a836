//! A VirtualService.

use std::collections::BTreeSet;

use halftone_resources::service::name_and_namespace;
use serde_json::{Value, json};

use super::blocks::Writer;
use super::document::{Document, Fields, Imported, Plugin, label, objects};
use super::mirrors;
use super::report::{Line, Outcome};
use super::routes::{MIRRORING, Read, Route, read};
use super::versions::{Target, Versions};

/// The routing header.
pub const HEADER: &str = "x-halftone-version";

/// The limit of destinations. Each version gets a route for each route of its service.
const MOST_DESTINATIONS: usize = 500;

/// The gateway that means all sidecars.
const MESH: &str = "mesh";

/// The fields of a VirtualService without HTTP routes.
const WITHOUT_HTTP: &str =
    "has no HTTP routes; Halftone decides HTTP requests only, so keep the VirtualService as it is";

/// The release of a VirtualService, and the VirtualService that obeys it. `principal` is the version that the command
/// line names.
pub fn import(document: &Document, principal: Option<&str>) -> Imported {
    if objects(document.spec("http")).next().is_none() {
        return Imported::refused(document, "spec.http", WITHOUT_HTTP);
    }
    if let Some(index) = obeys(document) {
        return Imported::refused(
            document,
            &format!("spec.http[{index}].match"),
            format!("routes by the header {HEADER} already; import the VirtualService from before"),
        );
    }
    let destinations =
        objects(document.spec("http")).map(|route| objects(route.get("route")).count());
    if destinations.sum::<usize>() > MOST_DESTINATIONS {
        let message = format!(
            "has more than {MOST_DESTINATIONS} destinations; split it by hosts, and import each part"
        );
        return Imported::refused(document, "spec.http", message);
    }
    let hosts = document.spec("hosts").and_then(Value::as_array);
    if hosts.is_none_or(Vec::is_empty) {
        return Imported::refused(
            document,
            "spec.hosts",
            "has no hosts, so another VirtualService delegates to it; move its routes into that one, and import that",
        );
    }
    let mut lines = Vec::new();
    let mut routes = read(document, &mut lines);
    let mirrors = mirrors::carried(document, &mut routes, &mut lines);
    let versions = of_routes(&routes);
    if versions.all().is_empty() || (versions.all().len() == 1 && mirrors.is_empty()) {
        let message = "has one destination and no mirror that can be carried over, so there is no release to import; keep it as it is";
        lines.push(document.line("spec.http", Outcome::NotCarriedOver, message));
        return sorted(lines);
    }
    let principal = match principal {
        Some(name) => match versions.by_name(name) {
            Some(version) => version,
            None => {
                let names: Vec<&str> = versions.all().iter().map(|one| one.name.as_str()).collect();
                let message = format!(
                    "has no version `{name}`; write --principal with one of {}",
                    names.join(", ")
                );
                lines.push(document.line("spec.http", Outcome::NotCarriedOver, message));
                return sorted(lines);
            }
        },
        None => principal_of(&routes, &versions),
    };
    let release = Release {
        document,
        routes: &routes,
        versions: &versions,
        principal,
    };
    let config = release.config(&mirrors, &mut lines);
    if let Err(violations) = halftone::config::load_value(&config) {
        for violation in violations.iter() {
            let message = format!("{}: {}", violation.path, violation.message);
            lines.push(document.line("", Outcome::NotCarriedOver, message));
        }
        return sorted(lines);
    }
    release.report(&mut lines);
    let http = if versions.all().len() == 1 {
        without_mirrors(document, &routes)
    } else {
        let writer = Writer {
            versions: &versions,
            header: HEADER,
            principal,
            routes: &routes,
        };
        writer.write()
    };
    let mut service = document.applicable();
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("http".into(), http.into());
    }
    Imported {
        plugin: Some(Plugin {
            name: format!("{}-release", document.name),
            namespace: document.namespace.clone(),
            targets: Vec::new(),
            config,
        }),
        resources: vec![service],
        ..sorted(lines)
    }
}

/// The versions of a VirtualService.
pub fn versions(document: &Document) -> Versions {
    of_routes(&read(document, &mut Vec::new()))
}

fn of_routes(routes: &[Read]) -> Versions {
    let targets = decided(routes).map(|route| route.arms.iter().map(|arm| arm.target.clone()));
    let targets: Vec<Vec<Target>> = targets.map(Iterator::collect).collect();
    Versions::of(&targets)
}

/// The routes as they are, without the mirrors that have moved.
fn without_mirrors(document: &Document, routes: &[Read]) -> Vec<Value> {
    let routes = objects(document.spec("http")).zip(routes);
    let routes = routes.map(|(written, route)| {
        let mut written = written.clone();
        if let Read::Decided(route) = route {
            for field in MIRRORING {
                written.remove(field);
                if let Some(kept) = route.rest.get(field) {
                    written.insert(field.into(), kept.clone());
                }
            }
        }
        written.into()
    });
    routes.collect()
}

/// The lines in the order of the routes.
fn sorted(mut lines: Vec<Line>) -> Imported {
    let index = |line: &Line| {
        let rest = line.path.strip_prefix("spec.http[");
        let number = rest.and_then(|rest| rest.split(']').next()?.parse().ok());
        number.unwrap_or(usize::MAX)
    };
    lines.sort_by_key(index);
    Imported {
        lines,
        ..Imported::default()
    }
}

fn decided(routes: &[Read]) -> impl Iterator<Item = &Route> {
    routes.iter().filter_map(Read::decided)
}

/// The route that matches the routing header.
fn obeys(document: &Document) -> Option<usize> {
    let mut routes = objects(document.spec("http"));
    routes.position(|route| {
        let mut matches = objects(route.get("match"));
        matches.any(|one| {
            ["headers", "withoutHeaders"].iter().any(|field| {
                let tests = one.get(*field).and_then(Value::as_object);
                let mut names = tests.into_iter().flat_map(Fields::keys);
                names.any(|name| name.eq_ignore_ascii_case(HEADER))
            })
        })
    })
}

/// The version with the largest weight in the route that takes every request, or else in the last.
fn principal_of(routes: &[Read], versions: &Versions) -> usize {
    let last = decided(routes).find(|route| route.is_last());
    let last = last.or(decided(routes).last());
    let heaviest = last.and_then(Route::heaviest);
    heaviest
        .and_then(|arm| versions.index(&arm.target))
        .unwrap_or_default()
}

/// A release that is made of routes.
struct Release<'r> {
    document: &'r Document,
    routes: &'r [Read],
    versions: &'r Versions,
    principal: usize,
}

impl Release<'_> {
    fn config(&self, mirrors: &[Value], lines: &mut Vec<Line>) -> Value {
        let mut release = claimed(self.document, lines);
        release.insert("name".into(), label(&self.document.name).into());
        release.insert(
            "principal".into(),
            self.versions.named(self.principal).into(),
        );
        let mut canary = Fields::new();
        let rules: Vec<Value> = decided(self.routes)
            .filter(|route| !route.is_last())
            .map(|route| self.rule(route))
            .collect();
        if !rules.is_empty() {
            canary.insert("rules".into(), rules.into());
        }
        let last = decided(self.routes).find(|route| route.is_last());
        if let Some(split) = last.and_then(|route| self.split(route)) {
            canary.insert("split".into(), split);
        }
        if !canary.is_empty() {
            release.insert("canary".into(), canary.into());
        }
        if !mirrors.is_empty() {
            release.insert("mirrors".into(), json!(mirrors));
        }
        json!({"releases": [release]})
    }

    fn rule(&self, route: &Route) -> Value {
        let mut rule = json!({"name": route.name, "match": route.conditions});
        let result = match *route.arms.as_slice() {
            [ref only] => ("version", self.named(&only.target).into()),
            _ => ("split", self.weights(route)),
        };
        if let Some(fields) = rule.as_object_mut() {
            fields.insert(result.0.into(), result.1);
        }
        rule
    }

    /// The split of a route, unless the principal has all of it.
    fn split(&self, route: &Route) -> Option<Value> {
        let is_principal = |target| self.versions.index(target) == Some(self.principal);
        match route.arms.as_slice() {
            [only] if is_principal(&only.target) => None,
            _ => Some(self.weights(route)),
        }
    }

    fn weights(&self, route: &Route) -> Value {
        let arms = route.arms.iter();
        arms.map(|arm| json!({"version": self.named(&arm.target), "weight": arm.weight}))
            .collect()
    }

    fn named(&self, target: &Target) -> &str {
        let index = self.versions.index(target);
        index.map_or("", |index| self.versions.named(index))
    }

    fn report(&self, lines: &mut Vec<Line>) {
        let mut add = |path: &str, outcome, message: String| {
            lines.push(self.document.line(path, outcome, message));
        };
        let mut known = BTreeSet::new();
        for route in decided(self.routes) {
            let path = format!("spec.http[{}]", route.index);
            add(&path, Outcome::CarriedOver, self.said(route));
            for difference in &route.differences {
                if known.insert(*difference) {
                    let path = format!("{path}.match");
                    add(
                        &path,
                        Outcome::WithADifference,
                        difference.said().to_owned(),
                    );
                }
            }
        }
        let principal = self.versions.named(self.principal);
        add(
            "spec.http",
            Outcome::WithADifference,
            format!(
                "{principal} is the principal, which also gets the requests that Halftone does not see; --principal chooses another version"
            ),
        );
    }

    /// What became of a route.
    fn said(&self, route: &Route) -> String {
        let to = match *route.arms.as_slice() {
            [ref only] => format!("version {}", self.named(&only.target)),
            _ => {
                let weights = route.arms.iter();
                let weights: Vec<String> = weights
                    .map(|arm| format!("{}={}", self.named(&arm.target), arm.weight))
                    .collect();
                format!("split {}", weights.join(" "))
            }
        };
        let rule = if route.is_last() {
            to
        } else {
            format!("rule {}: {to}", route.name)
        };
        if route.rest.is_empty() {
            return rule;
        }
        let kept: Vec<&str> = route.rest.keys().map(String::as_str).collect();
        format!("{rule}; {} in the VirtualService", kept.join(", "))
    }
}

/// The hosts and services of a VirtualService.
fn claimed(document: &Document, lines: &mut Vec<Line>) -> Fields {
    let gateways = document.spec("gateways").and_then(Value::as_array);
    let gateways: Vec<&str> = gateways
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if gateways.iter().any(|gateway| *gateway != MESH) {
        let message = format!(
            "{}: run the plugin in the pods of these gateways too: write their labels with --selector, and their namespace with --namespace",
            gateways.join(", ")
        );
        lines.push(document.line("spec.gateways", Outcome::WithADifference, message));
    }
    let (mut hosts, mut services) = (Vec::new(), Vec::new());
    let written = document.spec("hosts").and_then(Value::as_array);
    for host in written.into_iter().flatten().filter_map(Value::as_str) {
        let full = document.qualified(host);
        let domain = full.split(".svc.").nth(1);
        match (name_and_namespace(&full), domain) {
            ((name, Some(namespace)), Some(domain)) => {
                let mut service = json!({"name": name, "namespace": namespace});
                if let (Some(fields), true) = (service.as_object_mut(), domain != "cluster.local") {
                    fields.insert("clusterDomain".into(), domain.into());
                }
                if !services.contains(&service) {
                    services.push(service);
                }
            }
            _ => hosts.push(json!(host)),
        }
    }
    let mut fields = Fields::new();
    if !hosts.is_empty() {
        fields.insert("hosts".into(), hosts.into());
    }
    if !services.is_empty() {
        fields.insert("services".into(), services.into());
    }
    fields
}
