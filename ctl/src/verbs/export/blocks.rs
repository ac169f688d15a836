//! The routes of a VirtualService that obeys Halftone, as blocks: the routes of each version, and one for all others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::verbs::import::document::{Document, Fields, objects};

/// A part of the routes.
#[derive(Debug)]
pub enum Part {
    /// A route that does not test the routing header.
    Kept(Fields),
    /// Routes that differ in the version only.
    Block(Block),
}

/// Routes that differ in the version only.
#[derive(Clone, Debug)]
pub struct Block {
    /// The index of the first.
    pub index: usize,
    /// The matches, without the test of the routing header. Empty: every request.
    pub matches: Vec<Fields>,
    /// The destination of each version, and of every other.
    destinations: BTreeMap<String, Value>,
    other: Option<Value>,
    /// All other fields.
    pub rest: Fields,
}

impl Block {
    /// The destination of a version, without a weight.
    pub fn destination(&self, version: &str) -> Option<&Value> {
        self.destinations.get(version).or(self.other.as_ref())
    }
}

/// The parts of the routes of `document`, by the routing header.
pub fn parts(document: &Document, header: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open: Option<Block> = None;
    for (index, route) in objects(document.spec("http")).enumerate() {
        let mut rest = route.clone();
        for field in ["name", "match", "route"] {
            rest.remove(field);
        }
        let asked = asked(route, header);
        let destination = destination(route);
        let (Some((version, matches)), Some(destination)) = (asked, destination) else {
            parts.extend(open.take().map(Part::Block));
            parts.push(Part::Kept(route.clone()));
            continue;
        };
        let fits = |block: &Block| block.matches == matches && block.rest == rest;
        if !open.as_ref().is_some_and(fits) {
            parts.extend(open.take().map(Part::Block));
            if version.is_none() {
                parts.push(Part::Kept(route.clone()));
                continue;
            }
        }
        let block = open.get_or_insert_with(|| Block {
            index,
            matches,
            destinations: BTreeMap::new(),
            other: None,
            rest,
        });
        match version {
            Some(version) => {
                block.destinations.entry(version).or_insert(destination);
            }
            None => {
                block.other = Some(destination);
                parts.extend(open.take().map(Part::Block));
            }
        }
    }
    parts.extend(open.map(Part::Block));
    parts
}

/// The version for which all matches of a route test, and the matches without this test. None: they test the routing
/// header in another way.
fn asked(route: &Fields, header: &str) -> Option<(Option<String>, Vec<Fields>)> {
    let mut versions: Vec<Option<String>> = Vec::new();
    let mut matches = Vec::new();
    for one in objects(route.get("match")) {
        let mut one = one.clone();
        let mut version = None;
        if let Some(Value::Object(headers)) = one.get_mut("headers") {
            let name = headers
                .keys()
                .find(|name| name.eq_ignore_ascii_case(header));
            if let Some(test) = name.cloned().and_then(|name| headers.remove(&name)) {
                version = Some(test.get("exact")?.as_str()?.to_owned());
            }
            if headers.is_empty() {
                one.remove("headers");
            }
        }
        versions.push(version);
        if !one.is_empty() {
            matches.push(one);
        }
    }
    let first = versions.first().cloned().flatten();
    if versions.iter().any(|version| *version != first) {
        return None;
    }
    // A match without conditions takes every request.
    if matches.len() < versions.len() {
        matches.clear();
    }
    Some((first, matches))
}

/// The only destination of a route, without its weight.
fn destination(route: &Fields) -> Option<Value> {
    let mut arms = objects(route.get("route"));
    let (Some(only), None) = (arms.next(), arms.next()) else {
        return None;
    };
    let mut only = only.clone();
    only.remove("weight");
    Some(only.into())
}
