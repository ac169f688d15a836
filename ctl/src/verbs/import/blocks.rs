//! The routes of the VirtualService that obey Halftone's decision.
//!
//! Neighbouring routes of one service that differ only in their matches and weights become one block: a route for each
//! version, and a last one for requests that Halftone did not see. A block that takes every request needs no other
//! condition than the routing header, because Halftone has tested them. Any other keeps its matches.

use serde_json::{Value, json};

use super::document::Fields;
use super::routes::{Arm, Read, Route};
use super::versions::Versions;

/// Neighbouring routes with one result for each version.
struct Block<'r> {
    routes: Vec<&'r Route>,
    group: usize,
}

/// Writes the routes.
pub struct Writer<'r> {
    /// The versions.
    pub versions: &'r Versions,
    /// The routing header.
    pub header: &'r str,
    /// The principal.
    pub principal: usize,
    /// The routes to replace.
    pub routes: &'r [Read],
}

impl<'r> Writer<'r> {
    /// The routes that replace them.
    pub fn write(&self) -> Vec<Value> {
        let routes = self.routes;
        let mut written = Vec::new();
        let mut blocks: Vec<Block<'r>> = Vec::new();
        let alone = routes.iter().all(|route| route.decided().is_some());
        let flush = |blocks: &mut Vec<Block<'r>>, written: &mut Vec<Value>, alone: bool| {
            let is_alone = alone && blocks.len() == 1;
            for block in blocks.drain(..) {
                self.block(&block, is_alone, written);
            }
        };
        for route in routes {
            match route {
                Read::Kept(kept) => {
                    flush(&mut blocks, &mut written, false);
                    written.push(Value::Object(kept.clone()));
                }
                Read::Decided(route) => {
                    let group = self.group(route);
                    match blocks.last_mut() {
                        Some(block) if block.group == group && self.fits(block, route) => {
                            block.routes.push(route);
                        }
                        _ => blocks.push(Block {
                            routes: vec![route],
                            group,
                        }),
                    }
                }
            }
        }
        flush(&mut blocks, &mut written, alone);
        written
    }

    fn group(&self, route: &Route) -> usize {
        let first = route.arms.first();
        let first = first.and_then(|arm| self.versions.index(&arm.target));
        first.map_or(0, |index| self.versions.group(index))
    }

    /// Whether the route does with each version what the block does.
    fn fits(&self, block: &Block<'_>, route: &Route) -> bool {
        let rewrites = |route: &Route| route.rest.contains_key("rewrite");
        let agrees = |other: &&Route| {
            other.rest == route.rest
                && other.arms.iter().all(|one| {
                    let mut same = route.arms.iter().filter(|arm| arm.target == one.target);
                    same.all(|arm| arm.written == one.written)
                })
        };
        // Envoy rewrites what the match of the route matched.
        !rewrites(route) && block.routes.iter().all(agrees)
    }

    fn block(&self, block: &Block<'_>, is_alone: bool, written: &mut Vec<Value>) {
        let Some(first) = block.routes.first() else {
            return;
        };
        let takes_all = block.routes.iter().any(|route| route.written.is_empty());
        let matches: Vec<&Fields> = if takes_all {
            Vec::new()
        } else {
            block.routes.iter().flat_map(|one| &one.written).collect()
        };
        let name = |end: &str| {
            if is_alone {
                end.to_owned()
            } else {
                format!("{}-{end}", first.name)
            }
        };
        for version in self.versions.of_group(block.group) {
            let mut asked: Vec<Value> = matches
                .iter()
                .map(|one| self.asking((*one).clone(), version))
                .collect();
            if asked.is_empty() {
                asked.push(self.asking(Fields::new(), version));
            }
            let mut route = first.rest.clone();
            route.insert("name".into(), name(self.versions.named(version)).into());
            route.insert("match".into(), asked.into());
            route.insert("route".into(), json!([self.destination(block, version)]));
            written.push(route.into());
        }
        let mut last = first.rest.clone();
        last.insert("name".into(), name("undecided").into());
        if !matches.is_empty() {
            last.insert("match".into(), json!(matches));
        }
        let version = self.fallback(block);
        last.insert("route".into(), json!([self.destination(block, version)]));
        written.push(last.into());
    }

    /// The match with a test of the routing header.
    fn asking(&self, mut one: Fields, version: usize) -> Value {
        let headers = one.entry("headers").or_insert_with(|| json!({}));
        if let Some(headers) = headers.as_object_mut() {
            let test = json!({"exact": self.versions.named(version)});
            headers.insert(self.header.into(), test);
        }
        one.into()
    }

    /// The version of requests that Halftone did not see: the principal, or the heaviest of another service.
    fn fallback(&self, block: &Block<'_>) -> usize {
        if self.versions.group(self.principal) == block.group {
            return self.principal;
        }
        let heaviest = block.routes.last().and_then(|route| route.heaviest());
        let heaviest = heaviest.and_then(|arm| self.versions.index(&arm.target));
        heaviest.unwrap_or(self.principal)
    }

    /// The destination of a version, as the routes of the block write it, or as others do, without their changes of
    /// headers.
    fn destination(&self, block: &Block<'_>, version: usize) -> Value {
        let is_it = |arm: &&Arm| self.versions.index(&arm.target) == Some(version);
        let mut arms = block.routes.iter().flat_map(|route| &route.arms);
        if let Some(known) = arms.find(is_it) {
            return known.written.clone().into();
        }
        let all = self.routes.iter().filter_map(Read::decided);
        let known = all.flat_map(|route| &route.arms).find(is_it);
        json!({"destination": known.and_then(|arm| arm.written.get("destination"))})
    }
}
