//! The mirrors of routes.
//!
//! A mirror of Halftone selects requests by conditions that must hold, and has no "unless an earlier route took it". So
//! a mirror is carried over if it belongs to every route, or to the first routes. Any other stays in the VirtualService.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{Document, Fields, objects};
use super::report::{Line, Outcome};
use super::routes::{MIRRORING, Read, Route, target, unique};
use super::versions::Target;

/// All methods of HTTP, which Envoy mirrors alike.
pub const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
];

/// A mirror of a route.
#[derive(Clone, Debug, PartialEq)]
struct Mirror {
    to: Target,
    percentage: f64,
}

/// Moves mirrors from `routes`, and returns them as mirrors of Halftone. Adds a line for each.
pub fn carried(document: &Document, routes: &mut [Read], lines: &mut Vec<Line>) -> Vec<Value> {
    let mut known: Vec<(Mirror, usize)> = Vec::new();
    for route in routes.iter().filter_map(Read::decided) {
        for mirror in of(document, route) {
            if known.iter().all(|(other, _)| *other != mirror) {
                known.push((mirror, route.index));
            }
        }
    }
    let mut carried = Vec::new();
    let mut names = BTreeSet::new();
    let mut moved = Vec::new();
    for (mirror, first) in known {
        let path = format!("spec.http[{first}].mirrors");
        let selected = selected(document, routes, &mirror).and_then(|matches| {
            let port = mirror.to.port.ok_or(
                "its destination names no port, which Halftone needs; write it, and import the file again",
            )?;
            Ok((matches, port))
        });
        match selected {
            Err(why) => lines.push(document.line(&path, Outcome::NotCarriedOver, why)),
            Ok((matches, port)) => {
                let name = mirror.to.subset.clone().unwrap_or_else(|| {
                    let service = mirror.to.host.split('.').next();
                    service.unwrap_or_default().into()
                });
                let name = unique(&name, carried.len(), &mut names);
                lines.push(document.line(&path, Outcome::WithADifference, format!(
                    "mirror {name}: Halftone mirrors no upgrades, no body of more than 64 KiB, and keeps the host where Envoy appends -shadow"
                )));
                carried.push(written(&mirror, port, &name, &matches));
                moved.push(mirror);
            }
        }
    }
    if moved.len() > 1 {
        let message = "all mirrors of a release copy the same requests, where Envoy draws for each mirror by itself";
        lines.push(document.line("spec.http", Outcome::WithADifference, message));
    }
    for route in routes {
        if let Read::Decided(route) = route {
            remove(document, route, &moved);
        }
    }
    carried
}

fn written(mirror: &Mirror, port: u64, name: &str, matches: &[&Fields]) -> Value {
    let mut destination = json!({"host": mirror.to.host, "port": port});
    let mut written = json!({"name": name, "methods": METHODS});
    if let (Some(to), Some(subset)) = (destination.as_object_mut(), &mirror.to.subset) {
        to.insert("subset".into(), subset.clone().into());
    }
    if let Some(fields) = written.as_object_mut() {
        fields.insert("destination".into(), destination);
        if !matches.is_empty() {
            fields.insert("match".into(), json!(matches));
        }
        if mirror.percentage < 100.0 {
            fields.insert("percentage".into(), number(mirror.percentage));
        }
    }
    written
}

/// A number without a decimal point, if it is whole.
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
        json!(number as u64)
    } else {
        json!(number)
    }
}

/// The matches of the requests that go to the mirror. Empty: every request.
fn selected<'r>(
    document: &Document,
    routes: &'r [Read],
    mirror: &Mirror,
) -> Result<Vec<&'r Fields>, &'static str> {
    let has = |route: &Read| {
        let route = route.decided();
        route.is_some_and(|route| of(document, route).contains(mirror))
    };
    let first = routes.iter().take_while(|route| has(route)).count();
    let rest = routes.get(first..).unwrap_or_default();
    let is_reached = |route: &&Read| has(route);
    if rest.iter().any(|route| is_reached(&route)) {
        return Err(
            "stays in the VirtualService, because it belongs to some routes below others without it; give it to the first routes, or to all",
        );
    }
    let with = routes.iter().take(first).filter_map(Read::decided);
    if with.clone().any(Route::is_last) {
        return Ok(Vec::new());
    }
    Ok(with.flat_map(|route| &route.conditions).collect())
}

/// The mirrors of a route.
fn of(document: &Document, route: &Route) -> Vec<Mirror> {
    let percent = |value: &Value| value.get("value").and_then(Value::as_f64);
    let mut mirrors = Vec::new();
    if let Some(to) = route.rest.get("mirror").and_then(Value::as_object) {
        let whole = ["mirrorPercent", "mirror_percent"];
        let whole = whole
            .iter()
            .find_map(|name| route.rest.get(*name)?.as_f64());
        let exact = route.rest.get("mirrorPercentage");
        // Istio reads an object without a value as 0.
        let exact = exact.map(|exact| percent(exact).unwrap_or_default());
        mirrors.extend(target(document, to).map(|to| Mirror {
            to,
            percentage: exact.or(whole).unwrap_or(100.0),
        }));
    }
    for one in objects(route.rest.get("mirrors")) {
        let to = one.get("destination").and_then(Value::as_object);
        let exact = one.get("percentage");
        let exact = exact.map(|exact| percent(exact).unwrap_or_default());
        mirrors.extend(to.and_then(|to| target(document, to)).map(|to| Mirror {
            to,
            percentage: exact.unwrap_or(100.0),
        }));
    }
    mirrors
}

/// Removes the mirrors that have moved.
fn remove(document: &Document, route: &mut Route, moved: &[Mirror]) {
    let all = of(document, route);
    if all.is_empty() || all.iter().any(|mirror| !moved.contains(mirror)) {
        return keep_some(document, route, moved);
    }
    for field in MIRRORING {
        route.rest.remove(field);
    }
}

/// Removes some of the mirrors of a route.
fn keep_some(document: &Document, route: &mut Route, moved: &[Mirror]) {
    let mut single = route.clone();
    single.rest.remove("mirrors");
    if of(document, &single)
        .iter()
        .any(|mirror| moved.contains(mirror))
    {
        for field in MIRRORING.iter().filter(|field| **field != "mirrors") {
            route.rest.remove(*field);
        }
    }
    let Some(Value::Array(mirrors)) = route.rest.get_mut("mirrors") else {
        return;
    };
    mirrors.retain(|one| {
        let mut single = single.clone();
        single.rest = Fields::new();
        single.rest.insert("mirrors".into(), json!([one]));
        let of = of(document, &single);
        !of.iter().any(|mirror| moved.contains(mirror))
    });
}
