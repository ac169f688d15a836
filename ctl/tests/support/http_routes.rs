//! Random HTTPRoutes of one service, and requests to it.

use halftone_lab::istio::Asked;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The backends of a service.
pub fn backends(service: &str) -> [String; 4] {
    ["v1", "v2", "v3", "other"].map(|version| format!("{service}-{version}"))
}

fn test(name: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"name": name, "value": "a"})),
        Just(json!({"type": "Exact", "name": name, "value": "b"})),
        Just(json!({"type": "RegularExpression", "name": name, "value": "a|b+"})),
    ]
}

fn path() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "PathPrefix", "value": "/"})),
        Just(json!({"type": "PathPrefix", "value": "/a"})),
        Just(json!({"value": "/a/b"})),
        Just(json!({"type": "Exact", "value": "/a"})),
        Just(json!({"type": "Exact", "value": "/a/b"})),
        Just(json!({"type": "RegularExpression", "value": "/[ab](/.*)?"})),
    ]
}

fn one_match() -> impl Strategy<Value = Value> {
    let headers = prop::sample::subsequence(vec!["x-a", "X-B"], 0..3);
    let headers = headers.prop_flat_map(|names| names.into_iter().map(test).collect::<Vec<_>>());
    let parameters = prop::option::weighted(0.2, test("q"));
    let method = prop::option::weighted(0.2, prop::sample::select(vec!["GET", "PUT"]));
    (prop::option::of(path()), headers, parameters, method).prop_map(
        |(path, headers, parameter, method)| {
            let parameters = parameter.map(|one| json!([one]));
            let headers = (!headers.is_empty()).then(|| Value::from(headers));
            let fields = [
                ("path", path),
                ("headers", headers),
                ("queryParams", parameters),
                ("method", method.map(Value::from)),
            ];
            let fields = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name.into(), value?)));
            fields.collect::<Map<String, Value>>().into()
        },
    )
}

fn rule(service: &'static str) -> impl Strategy<Value = Value> {
    let weights = prop::collection::vec(0_u32..4, 1..4);
    let matches = prop::collection::vec(one_match(), 0..3);
    let timeout = prop::option::weighted(0.2, Just(json!({"request": "5s"})));
    let is_redirect = prop::bool::weighted(0.1);
    (weights, matches, timeout, 0_usize..4, is_redirect).prop_map(
        move |(weights, matches, timeout, first, is_redirect)| {
            let names = backends(service);
            let refs = weights.iter().enumerate().map(|(index, weight)| {
                // The last backend is a service of its own.
                let name = if first == 3 {
                    &names[3]
                } else {
                    &names[(first + index) % 3]
                };
                json!({"name": name, "port": 80, "weight": weight})
            });
            let refs: Vec<Value> = refs.take(if first == 3 { 1 } else { 3 }).collect();
            let mut rule = json!({"matches": matches});
            if is_redirect {
                let redirect = json!({"scheme": "https"});
                rule["filters"] = json!([{"type": "RequestRedirect", "requestRedirect": redirect}]);
            } else {
                rule["backendRefs"] = refs.into();
            }
            if let Some(timeout) = timeout {
                rule["timeouts"] = timeout;
            }
            rule
        },
    )
}

/// An HTTPRoute of `service` with one to four rules.
pub fn route(service: &'static str) -> impl Strategy<Value = Value> {
    prop::collection::vec(rule(service), 1..4).prop_map(move |rules| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": service, "namespace": "shop"},
            "spec": {
                "parentRefs": [{"name": "public"}],
                "hostnames": [format!("{service}.example.com")],
                "rules": rules,
            },
        })
    })
}

/// A request without repeated headers and parameters.
pub fn request(service: &'static str) -> impl Strategy<Value = Asked> {
    let value = prop::sample::select(vec!["a", "b", "bb", "c"]);
    let header = |name: &'static str| {
        prop::option::of(value.clone()).prop_map(move |value| value.map(|value| (name, value)))
    };
    let paths = vec![
        "/", "/a", "/a/", "/ab", "/a/b", "/a/b/c", "/b?q=a", "/a?q=b", "/a/b?q",
    ];
    let path = prop::sample::select(paths);
    let method = prop::sample::select(vec!["GET", "PUT", "POST"]);
    (header("x-a"), header("x-b"), path, method).prop_map(move |(a, b, path, method)| Asked {
        host: format!("{service}.example.com"),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: [a, b]
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
