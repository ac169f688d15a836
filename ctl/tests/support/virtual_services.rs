//! Random VirtualServices of one service, and requests to it.

use halftone_lab::istio::Asked;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The namespace of the service.
pub const NAMESPACE: &str = "bookinfo";

const SUBSETS: [&str; 3] = ["v1", "v2", "v3"];

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"exact": "a"})),
        Just(json!({"exact": ""})),
        Just(json!({"exact": "A"})),
        Just(json!({"prefix": "b"})),
        Just(json!({})),
        Just(json!({"regex": "*"})),
        Just(json!({"regex": "a|b+"})),
        Just(json!({"regex": "[a-c]*"})),
        Just(json!({"regex": "(?i)a.*"})),
        Just(json!({"regex": "^(.*?;)?\\s*(c=a)(;.*)?$"})),
    ]
}

fn path_test() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"prefix": "/"})),
        Just(json!({"prefix": "/a"})),
        Just(json!({"prefix": "/A"})),
        Just(json!({"exact": "/a"})),
        Just(json!({"exact": "/a/b"})),
        Just(json!({"regex": "/[ab](/.*)?"})),
    ]
}

/// A match of up to three conditions. The last is one that Halftone has not.
fn one_match() -> impl Strategy<Value = Value> {
    let named = |field: &'static str, name: &'static str| {
        test().prop_map(move |test| (field, json!({name: test})))
    };
    let condition = prop_oneof![
        4 => named("headers", "x-a"),
        2 => named("headers", "Cookie"),
        2 => named("withoutHeaders", "x-b"),
        2 => named("queryParams", "q"),
        4 => path_test().prop_map(|test| ("uri", test)),
        2 => any::<bool>().prop_map(|is_so| ("ignoreUriCase", json!(is_so))),
        2 => prop_oneof![Just(json!({"exact": "GET"})), Just(json!({"regex": "P.*"}))]
            .prop_map(|test| ("method", test)),
        1 => Just(("authority", json!({"prefix": "rev"}))),
    ];
    prop::collection::vec(condition, 0..4).prop_map(|conditions| {
        let fields = conditions.into_iter();
        let fields: Map<String, Value> = fields.map(|(name, test)| (name.into(), test)).collect();
        fields.into()
    })
}

fn route(service: &'static str) -> impl Strategy<Value = Value> {
    let weights = prop::collection::vec(0_u32..4, 1..4);
    let matches = prop::option::weighted(0.8, prop::collection::vec(one_match(), 1..3));
    let timeout = prop::option::weighted(0.3, prop::sample::select(vec!["5s", "10s"]));
    let name = prop::option::weighted(0.3, prop::sample::select(vec!["one", "two words"]));
    // Another service, and another port of a subset.
    let other = (0_u32..12, 0_u32..12);
    (weights, matches, timeout, name, 0_usize..3, other).prop_map(
        move |(weights, matches, timeout, name, first, (host, port))| {
            let route = weights.iter().enumerate().map(|(index, weight)| {
                let subset = SUBSETS[(first + index) % SUBSETS.len()];
                // In the lab, a service without a VirtualService has one port.
                let (host, port) = match (host, port) {
                    (0, _) => (format!("{service}-other"), 9080),
                    (_, 0) => (service.into(), 9090),
                    _ => (service.into(), 9080),
                };
                let to = json!({"host": host, "subset": subset, "port": {"number": port}});
                json!({"destination": to, "weight": weight})
            });
            let mut fields = json!({"route": route.collect::<Vec<_>>()});
            if weights.iter().sum::<u32>() == 0 {
                fields["route"][0]["weight"] = json!(1);
            }
            let all = [
                ("match", matches.map(Value::from)),
                ("timeout", timeout.map(Value::from)),
                ("name", name.map(Value::from)),
            ];
            for (field, value) in all {
                if let Some(value) = value {
                    fields[field] = value;
                }
            }
            fields
        },
    )
}

/// A VirtualService of `service` with one to five routes, and the DestinationRules with its subsets.
pub fn resources(service: &'static str) -> impl Strategy<Value = (String, String)> {
    prop::collection::vec(route(service), 1..6).prop_map(move |http| {
        let virtual_service = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": service, "namespace": NAMESPACE},
            "spec": {"hosts": [service], "http": http},
        });
        let text = virtual_service.to_string();
        let hosts = [service.to_owned(), format!("{service}-other")];
        let rules = hosts
            .iter()
            .filter(|host| text.contains(&format!("\"host\":\"{host}\"")));
        let rules: Vec<String> = rules
            .map(|host| {
                let subsets =
                    SUBSETS.map(|name| json!({"name": name, "labels": {"version": name}}));
                json!({
                    "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                    "metadata": {"name": host, "namespace": NAMESPACE},
                    "spec": {"host": host, "subsets": subsets},
                })
                .to_string()
            })
            .collect();
        (text, rules.join("\n---\n"))
    })
}

/// A request without repeated headers and parameters.
pub fn request(service: &'static str) -> impl Strategy<Value = Asked> {
    let values = vec![
        "a",
        "A",
        "b",
        "bb",
        "abc",
        "",
        "c=a",
        "x=1; c=a",
        "x=1;c=a;y=2",
    ];
    let value = prop::sample::select(values);
    let header = |name: &'static str| {
        prop::option::of(value.clone()).prop_map(move |value| value.map(|value| (name, value)))
    };
    let headers = (header("x-a"), header("x-b"), header("cookie"));
    let paths = vec![
        "/",
        "/a",
        "/A",
        "/a/b",
        "/ab",
        "/b/",
        "/a?q=a",
        "/?q",
        "/?q=",
        "/a/b?x=1&q=bb",
        "/c?Q=a",
    ];
    let path = prop::sample::select(paths);
    let method = prop::sample::select(vec!["GET", "PUT", "POST", "DELETE"]);
    (headers, path, method).prop_map(move |((a, b, cookie), path, method)| Asked {
        host: service.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: [a, b, cookie]
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
