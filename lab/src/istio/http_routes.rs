//! HTTPRoutes of the Gateway API, as Istio translates them: a route of Envoy for each match, the most specific first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Asked, at, shares};

/// The routes of an HTTPRoute.
#[derive(Clone, Debug)]
pub struct HttpRoutes {
    routes: Vec<Value>,
}

impl HttpRoutes {
    /// The routes of `route`. A cluster has the name of its backend.
    ///
    /// Filters and timeouts are ignored, because they change no decision.
    #[must_use]
    pub fn new(route: &Value) -> Self {
        let list = |value: &Value, field: &str| {
            value
                .get(field)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let mut ranked = Vec::new();
        for rule in list(at(route, "/spec"), "rules") {
            let action = action(&list(&rule, "backendRefs"));
            let mut matches = list(&rule, "matches");
            if matches.is_empty() {
                matches.push(json!({}));
            }
            for one in matches {
                let (rank, matched) = matched(&one);
                let mut route = json!({"match": matched});
                crate::bootstrap::merge(&mut route, &action);
                ranked.push((Reverse(rank), route));
            }
        }
        // A stable sort: of two equal matches, the first counts.
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut routes: Vec<Value> = ranked.into_iter().map(|(_, route)| route).collect();
        routes.push(json!({"match": {"prefix": "/"}, "direct_response": {"status": 404}}));
        Self { routes }
    }

    /// The routes, for Envoy.
    #[must_use]
    pub fn routes(&self) -> &[Value] {
        &self.routes
    }

    /// The part of such requests that each backend gets. Empty: Envoy answers 404.
    #[must_use]
    pub fn shares(&self, asked: &Asked) -> BTreeMap<String, f64> {
        let mut routes = self.routes.iter();
        let taken = routes.find(|route| asked.meets(at(route, "/match")));
        taken
            .map(|route| shares(at(route, "/route")))
            .unwrap_or_default()
    }
}

fn action(backends: &[Value]) -> Value {
    let clusters: Vec<Value> = backends
        .iter()
        .map(|one| json!({"name": at(one, "/name"), "weight": at(one, "/weight").as_u64().unwrap_or(1)}))
        .filter(|one| *at(one, "/weight") != 0)
        .collect();
    match clusters.as_slice() {
        [] => json!({"direct_response": {"status": 500}}),
        [only] => json!({"route": {"cluster": at(only, "/name")}}),
        _ => json!({"route": {"weighted_clusters": {"clusters": clusters}}}),
    }
}

/// The precedence of a match, and its `RouteMatch`.
fn matched(one: &Value) -> ((u8, usize, bool, usize, usize), Value) {
    let tests = |field: &str| {
        let all = one
            .get(field)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let tests = all.iter().map(|test| {
            let test_of = match at(test, "/type").as_str() {
                Some("RegularExpression") => json!({"safe_regex": {"regex": at(test, "/value")}}),
                _ => json!({"exact": at(test, "/value")}),
            };
            json!({"name": at(test, "/name"), "string_match": test_of})
        });
        tests.collect::<Vec<Value>>()
    };
    let (mut headers, parameters) = (tests("headers"), tests("queryParams"));
    let path = at(one, "/path/value").as_str().unwrap_or("/");
    let (kind, length, specifier) = match at(one, "/path/type").as_str() {
        Some("Exact") => (3, path.len(), json!({"prefix": null, "path": path})),
        Some("RegularExpression") => (
            1,
            path.len(),
            json!({"prefix": null, "safe_regex": {"regex": path}}),
        ),
        _ if path == "/" => (2, 0, json!({"prefix": "/"})),
        _ => {
            let path = path.trim_end_matches('/');
            (
                2,
                path.len(),
                json!({"prefix": null, "path_separated_prefix": path}),
            )
        }
    };
    let rank = (
        kind,
        length,
        at(one, "/method").is_string(),
        headers.len(),
        parameters.len(),
    );
    if let Some(method) = at(one, "/method").as_str() {
        headers.push(json!({"name": ":method", "string_match": {"exact": method}}));
    }
    let mut matched = json!({"headers": headers, "query_parameters": parameters});
    // Not merged: a `null` removes a field of the lab's own route.
    if let (Some(fields), Value::Object(specifier)) = (matched.as_object_mut(), specifier) {
        fields.extend(specifier);
    }
    (rank, matched)
}
