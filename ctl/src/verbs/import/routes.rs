//! The routes of a VirtualService, each with what Halftone decides in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, Fields, objects, text};
use super::matches::{Difference, converted};
use super::report::{Line, Outcome};
use super::versions::Target;

/// The fields of a route that carry its requests to mirrors.
pub const MIRRORING: [&str; 5] = [
    "mirror",
    "mirrors",
    "mirrorPercent",
    "mirrorPercentage",
    "mirror_percent",
];

/// A route whose destination Halftone decides.
#[derive(Clone, Debug)]
pub struct Route {
    /// The index in the VirtualService.
    pub index: usize,
    /// The name of its rule.
    pub name: String,
    /// The matches as written. Empty: every request.
    pub written: Vec<Fields>,
    /// The matches of Halftone. Empty: every request.
    pub conditions: Vec<Fields>,
    /// The differences of its matches.
    pub differences: Vec<Difference>,
    /// The destinations.
    pub arms: Vec<Arm>,
    /// All other fields.
    pub rest: Fields,
}

/// A destination of a route.
#[derive(Clone, Debug)]
pub struct Arm {
    /// The destination.
    pub target: Target,
    /// The weight.
    pub weight: u64,
    /// The destination as written, without the weight.
    pub written: Fields,
}

/// Each route of a VirtualService.
#[derive(Debug)]
pub enum Read {
    /// Halftone decides its destination.
    Decided(Route),
    /// It stays as it is.
    Kept(Fields),
}

impl Route {
    /// Whether it takes every request.
    pub fn is_last(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The destination with the largest weight, the first of several.
    pub fn heaviest(&self) -> Option<&Arm> {
        let mut heaviest: Option<&Arm> = None;
        for arm in &self.arms {
            if heaviest.is_none_or(|known| arm.weight > known.weight) {
                heaviest = Some(arm);
            }
        }
        heaviest
    }
}

impl Read {
    /// The route, if Halftone decides it.
    pub fn decided(&self) -> Option<&Route> {
        match self {
            Self::Decided(route) => Some(route),
            Self::Kept(_) => None,
        }
    }
}

/// Reads the routes. Adds a line for each that stays as it is.
pub fn read(document: &Document, lines: &mut Vec<Line>) -> Vec<Read> {
    let mut names = BTreeSet::new();
    let mut last = None;
    let mut routes = Vec::new();
    for (index, written) in objects(document.spec("http")).enumerate() {
        let path = format!("spec.http[{index}]");
        if let Some(last) = last {
            let message = format!(
                "is never reached, because http[{last}] takes every request, and stays as it is; remove it"
            );
            lines.push(document.line(&path, Outcome::WithADifference, message));
            routes.push(Read::Kept(written.clone()));
            continue;
        }
        let read = match of(document, index, written) {
            Ok(mut route) => {
                route.name = unique(&route.name, index, &mut names);
                Read::Decided(route)
            }
            Err((outcome, message)) => {
                lines.push(document.line(&path, outcome, message));
                Read::Kept(written.clone())
            }
        };
        let is_last = match &read {
            Read::Decided(route) => route.is_last(),
            Read::Kept(route) => objects(route.get("match")).next().is_none(),
        };
        if is_last {
            last = Some(index);
        }
        routes.push(read);
    }
    routes
}

/// The route, or why it stays as it is.
fn of(document: &Document, index: usize, written: &Fields) -> Result<Route, (Outcome, String)> {
    let arms = arms(document, written)?;
    let Some(first) = arms.first() else {
        let message = "stays as it is, because it sends requests to no service; Halftone's decision has no effect on them";
        return Err((Outcome::CarriedOver, message.into()));
    };
    let weights: u64 = arms.iter().map(|arm| arm.weight).sum();
    if weights == 0 {
        let message = "all its weights are 0, which Istio rejects; write a weight above 0";
        return Err((Outcome::NotCarriedOver, message.into()));
    }
    let mut conditions = Vec::new();
    let mut differences = Vec::new();
    let matches: Vec<Fields> = objects(written.get("match")).cloned().collect();
    for one in &matches {
        let converted = converted(one).map_err(|why| stays(&why, first, &arms))?;
        for difference in converted.differences.iter().copied() {
            if !differences.contains(&difference) {
                differences.push(difference);
            }
        }
        conditions.push(converted);
    }
    let takes_all = conditions.iter().any(super::matches::Converted::is_any);
    let mut rest = written.clone();
    for field in ["name", "match", "route"] {
        rest.remove(field);
    }
    rest.retain(|_, value| !value.is_null());
    // Envoy rewrites what a match matched.
    let rewrites = rest.contains_key("rewrite");
    Ok(Route {
        index,
        name: text(written, "name").unwrap_or_default().into(),
        written: if takes_all && !rewrites {
            Vec::new()
        } else {
            matches
        },
        conditions: if takes_all {
            Vec::new()
        } else {
            conditions.into_iter().map(|one| one.conditions).collect()
        },
        differences: if takes_all { Vec::new() } else { differences },
        arms,
        rest,
    })
}

/// The reason for which a route stays, and what to do.
fn stays(why: &str, first: &Arm, arms: &[Arm]) -> (Outcome, String) {
    if arms.iter().all(|arm| arm.target == first.target) {
        let message = format!(
            "stays as it is, because {why}; Halftone's decision has no effect on its requests"
        );
        return (Outcome::WithADifference, message);
    }
    let message = format!(
        "stays with its weights, because {why}; change the condition, and import the file again"
    );
    (Outcome::NotCarriedOver, message)
}

fn arms(document: &Document, written: &Fields) -> Result<Vec<Arm>, (Outcome, String)> {
    let written: Vec<&Fields> = objects(written.get("route")).collect();
    let is_alone = written.len() == 1;
    let arm = |one: &&Fields| {
        let to = one.get("destination").and_then(Value::as_object)?;
        let weight = one.get("weight").and_then(Value::as_u64).unwrap_or(0);
        let mut object = (*one).clone();
        object.remove("weight");
        Some(Arm {
            target: target(document, to)?,
            // Istio ignores the weight of a single destination.
            weight: if is_alone { 1 } else { weight },
            written: object,
        })
    };
    let lost = |message: &str| (Outcome::NotCarriedOver, message.to_owned());
    let mut arms: Vec<Arm> = Vec::new();
    for one in &written {
        let arm = arm(one)
            .ok_or_else(|| lost("a destination has no host; write the name of its service"))?;
        match arms.iter_mut().find(|known| known.target == arm.target) {
            Some(known) if known.written == arm.written => known.weight += arm.weight,
            Some(_) => {
                return Err(lost(
                    "sends requests to one destination in two ways; write it once",
                ));
            }
            None => arms.push(arm),
        }
    }
    Ok(arms)
}

/// The destination in the fields of a `Destination`.
pub fn target(document: &Document, to: &Fields) -> Option<Target> {
    let port = to.get("port").and_then(|port| port.get("number"));
    let subset = text(to, "subset").filter(|subset| !subset.is_empty());
    Some(Target {
        host: document.qualified(text(to, "host").filter(|host| !host.is_empty())?),
        subset: subset.map(Into::into),
        port: port.and_then(Value::as_u64),
    })
}

/// A name for a rule that no other has.
pub fn unique(name: &str, index: usize, names: &mut BTreeSet<String>) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let is_name = bytes.iter().all(|byte| is_plain(*byte))
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.len() <= 63;
    let mut chosen = if is_name {
        name.to_owned()
    } else {
        format!("route-{index}")
    };
    while !names.insert(chosen.clone()) {
        chosen = format!("{chosen}-{index}");
        chosen.truncate(63);
        if names.contains(&chosen) {
            chosen = format!("route-{index}-{}", names.len());
        }
    }
    chosen
}
