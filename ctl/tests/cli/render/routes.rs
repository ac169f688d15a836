//! The services of a release, and the routes to its versions.

use halftone_resources::{Resource, VirtualService, read};
use serde_json::{Value, json};

use super::{SHOP, documents, of_hosts, rendered, rendered_of};

fn virtual_services(text: &str) -> Vec<VirtualService> {
    let services = read(text)
        .unwrap()
        .into_iter()
        .filter_map(|resource| match resource {
            Resource::VirtualService(service) => Some(service),
            _ => None,
        });
    services.collect()
}

/// Hosts, flags, the hosts of the VirtualService, and the service of its routes.
type Row = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

#[test]
fn names_of_one_service_are_one_host() {
    const REVIEWS: &str = "reviews.bookinfo.svc.cluster.local";
    const HERE: &str = "reviews.default.svc.cluster.local";
    let table: [Row; 16] = [
        (&["reviews"], &[], &[HERE], HERE),
        (
            &["reviews"],
            &["--namespace", "bookinfo"],
            &[REVIEWS],
            REVIEWS,
        ),
        (
            &["reviews", "reviews.bookinfo", REVIEWS],
            &[],
            &[REVIEWS],
            REVIEWS,
        ),
        (&["reviews", "reviews.bookinfo"], &[], &[REVIEWS], REVIEWS),
        (
            &["reviews.bookinfo"],
            &["--namespace", "bookinfo"],
            &[REVIEWS],
            REVIEWS,
        ),
        (&["reviews.bookinfo.svc"], &[], &[REVIEWS], REVIEWS),
        (
            &["Reviews.Bookinfo.svc.cluster.local"],
            &[],
            &[REVIEWS],
            REVIEWS,
        ),
        (
            &["reviews.bookinfo.svc.example.org", "reviews"],
            &[],
            &["reviews.bookinfo.svc.example.org"],
            "reviews.bookinfo.svc.example.org",
        ),
        // A host with a dot need not be a service.
        (&["example.com"], &[], &["example.com"], HERE),
        (&["*.example.com"], &[], &["*.example.com"], HERE),
        (
            &["reviews", "reviews.example.com"],
            &[],
            &[HERE, "reviews.example.com"],
            HERE,
        ),
        (
            &["shop.example.com"],
            &["--service", REVIEWS],
            &["shop.example.com"],
            REVIEWS,
        ),
        (
            &["shop.example.com"],
            &["--service", "reviews=other"],
            &["shop.example.com"],
            "other.default.svc.cluster.local",
        ),
        (&["*"], &["--gateway", "public"], &["*"], HERE),
        // A waypoint gets the requests for its service, whatever their host is.
        (
            &["*"],
            &["--target-ref", "Service/reviews", "--namespace", "bookinfo"],
            &[REVIEWS],
            REVIEWS,
        ),
        (
            &["*"],
            &["--target-ref", "Service/reviews", "--service", REVIEWS],
            &[REVIEWS],
            REVIEWS,
        ),
    ];
    for (hosts, flags, routed, service) in table {
        let text = rendered_of(
            &of_hosts(hosts),
            &[&["--kind", "virtualservice,destinationrule"], flags].concat(),
        );
        let found = virtual_services(&text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].hosts, routed, "{hosts:?} {flags:?}");
        for route in &found[0].http {
            assert_eq!(
                route.route[0].destination.host, service,
                "{hosts:?} {flags:?}"
            );
        }
        assert_eq!(
            documents(&text)[1]["spec"]["host"],
            service,
            "{hosts:?} {flags:?}"
        );
    }
}

#[test]
fn each_service_of_a_release_has_routes_of_its_own() {
    let text = rendered_of(
        &of_hosts(&["reviews", "ratings", "ratings.default"]),
        &["--kind", "virtualservice"],
    );
    let found = virtual_services(&text);
    let names: Vec<&str> = found.iter().map(|service| &*service.meta.name).collect();
    assert_eq!(
        names,
        [
            "reviews.default.svc.cluster.local",
            "ratings.default.svc.cluster.local"
        ]
    );
    assert_eq!(found[1].hosts, ["ratings.default.svc.cluster.local"]);
}

#[test]
fn a_service_is_routed_by_its_full_name() {
    let mut config = of_hosts(&["reviews.example.com"]);
    config["releases"][0]["hosts"] = Value::Null;
    config["releases"][0]["services"] = json!([
        {"name": "reviews", "namespace": "bookinfo"},
        {"name": "reviews", "namespace": "default", "clusterDomain": "Example.org"},
    ]);
    let text = rendered_of(&config, &["--kind", "virtualservice"]);
    let found = virtual_services(&text);
    let hosts: Vec<&str> = found
        .iter()
        .flat_map(|one| &one.hosts)
        .map(|host| &**host)
        .collect();
    let full = [
        "reviews.bookinfo.svc.cluster.local",
        "reviews.default.svc.example.org",
    ];
    let mut sorted = hosts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, full, "{text}");
    for service in &found {
        assert_eq!(service.http[0].route[0].destination.host, service.hosts[0]);
    }

    let flags = ["--kind", "httproute", "--target-ref", "Gateway/public"];
    let routes = documents(&rendered_of(&config, &flags));
    let names = |route: &Value| route["spec"]["hostnames"].as_array().unwrap().clone();
    let near = routes
        .iter()
        .find(|one| names(one).contains(&"reviews.default".into()));
    assert!(
        names(near.unwrap()).contains(&"reviews".into()),
        "{routes:?}"
    );
}

#[test]
fn the_last_route_matches_everything_and_leads_to_the_principal() {
    let text = rendered(&[SHOP, "--kind", "virtualservice"]);
    let service = &virtual_services(&text)[0];
    let (last, before) = service.http.split_last().unwrap();
    assert!(last.r#match.is_empty());
    assert_eq!(last.route[0].destination.subset.as_deref(), Some("v1-2"));
    for (route, (version, subset)) in before.iter().zip([("v1.2", "v1-2"), ("v2_0", "v2-0")]) {
        let header = &route.r#match[0].headers["x-shop-version"];
        assert_eq!(header.exact.as_deref(), Some(version));
        assert_eq!(route.route[0].destination.subset.as_deref(), Some(subset));
    }
}

#[test]
fn a_service_has_one_destination_rule_whatever_names_it() {
    let mut config = of_hosts(&["reviews"]);
    let to = |subset: Option<&str>, host: &str| json!({"host": host, "port": 80, "subset": subset});
    config["releases"][0]["mirrors"] = json!([
        {"name": "a", "destination": to(Some("v3"), "reviews.default.svc.cluster.local")},
        {"name": "b", "destination": to(Some("v2"), "reviews.default.svc.cluster.local")},
        {"name": "c", "destination": to(Some("v1"), "ratings.other.svc.cluster.local")},
        {"name": "d", "destination": to(None, "details.other.svc.cluster.local")},
        {"name": "e", "cluster": "outbound|80|v9|ratings.other.svc.cluster.local"},
        {"name": "f", "cluster": "shadow"},
    ]);
    let rules = documents(&rendered_of(&config, &["--kind", "destinationrule"]));
    let subsets = |rule: &Value| -> Vec<String> {
        let subsets = rule["spec"]["subsets"].as_array().unwrap().iter();
        subsets
            .map(|subset| {
                format!("{}={}", subset["name"], subset["labels"]["version"]).replace('"', "")
            })
            .collect()
    };
    let found: Vec<(&str, Vec<String>)> = rules
        .iter()
        .map(|rule| (rule["spec"]["host"].as_str().unwrap(), subsets(rule)))
        .collect();
    let expected = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("{name}={name}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found,
        [
            (
                "reviews.default.svc.cluster.local",
                expected(&["v1", "v2", "v3"])
            ),
            ("ratings.other.svc.cluster.local", expected(&["v1", "v9"])),
        ]
    );
}

/// Envoy's default of 15 s would cut a stream of gRPC.
#[test]
fn a_route_to_an_http2_upstream_has_no_timeout() {
    let flags = ["--kind", "envoy", "--upstream", "v2=http2://a:1"];
    let envoy = &documents(&rendered_of(&of_hosts(&["reviews"]), &flags))[0];
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let routes = format!("{manager}/route_config/virtual_hosts/0/routes");
    let routes = envoy.pointer(&routes).and_then(Value::as_array).unwrap();
    let found: Vec<(&Value, &Value)> = routes
        .iter()
        .map(|route| (&route["route"]["cluster"], &route["route"]["timeout"]))
        .collect();
    let (v1, v2) = (json!("reviews/v1"), json!("reviews/v2"));
    let (none, unlimited) = (Value::Null, json!("0s"));
    assert_eq!(found, [(&v1, &none), (&v2, &unlimited), (&v1, &none)]);
}

#[test]
fn an_http_route_leads_to_each_versions_own_service() {
    let flags = [
        "--kind",
        "httproute",
        "--port",
        "9080",
        "--target-ref",
        "Service/reviews",
        "--upstream",
        "v2=b.other.svc.cluster.local:81",
    ];
    let route = &documents(&rendered_of(
        &of_hosts(&["reviews.bookinfo.svc.cluster.local"]),
        &flags,
    ))[0];
    assert_eq!(
        route["spec"].get("hostnames"),
        None,
        "a service's requests are its own, whatever their host"
    );
    let parent = json!([{"group": "", "kind": "Service", "name": "reviews"}]);
    assert_eq!(route["spec"]["parentRefs"], parent);
    let backends: Vec<&Value> = route["spec"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["backendRefs"][0])
        .collect();
    let principal = json!({"name": "reviews-v1", "namespace": "bookinfo", "port": 9080});
    let other = json!({"name": "b", "namespace": "other", "port": 81});
    assert_eq!(backends, [&principal, &other, &principal]);
}

/// Flags, the service of the mirror's rule, and its cluster.
type MirrorRow = (Value, &'static [&'static str], Value, &'static str);

#[test]
fn a_mirror_at_envoy_gateway_has_a_rule_that_no_version_can_name() {
    let to = |host: &str| json!({"name": "shadow", "destination": {"host": host, "port": 81, "subset": "v2.0"}});
    let named = json!({"name": "shadow", "cluster": "elsewhere"});
    let table: [MirrorRow; 5] = [
        (
            to("ratings.shop.svc.cluster.local"),
            &[],
            json!({"name": "ratings-v2-0", "port": 81}),
            "httproute/shop/reviews/rule/0",
        ),
        (
            to("ratings.other.svc.cluster.local"),
            &[],
            json!({"name": "ratings-v2-0", "namespace": "other", "port": 81}),
            "httproute/shop/reviews/rule/0",
        ),
        (
            to("ratings.other.svc.cluster.local"),
            &["--merge-backends"],
            json!({"name": "ratings-v2-0", "namespace": "other", "port": 81}),
            "service/other/ratings-v2-0/81/http",
        ),
        (
            to("api.example.com"),
            &["--upstream", "shadow=copies:82"],
            json!({"name": "copies", "port": 82}),
            "httproute/shop/reviews/rule/0",
        ),
        (
            named,
            &["--upstream", "shadow=copies:82", "--merge-backends"],
            json!({"name": "copies", "port": 82}),
            "service/shop/copies/82/http",
        ),
    ];
    for (mirror, flags, backend, cluster) in table {
        let mut config = of_hosts(&["reviews"]);
        config["releases"][0]["mirrors"] = json!([mirror]);
        let kinds = [
            "--kind",
            "envoygateway,httproute",
            "--namespace",
            "shop",
            "--target-ref",
            "Gateway/public",
        ];
        let text = rendered_of(&config, &[&kinds, flags].concat());
        let both = documents(&text);
        let wasm = &both[0]["spec"]["wasm"][0];
        assert_eq!(wasm["name"], "shop.reviews");
        assert!(!text.contains("# Choose: a mirror"), "{text}");
        let mirror = &wasm["config"]["releases"][0]["mirrors"][0];
        assert_eq!(
            mirror,
            &json!({"name": "shadow", "cluster": cluster}),
            "{flags:?}"
        );
        let rules = &both[1]["spec"]["rules"];
        let value = &rules[0]["matches"][0]["headers"][0]["value"];
        assert_eq!(
            (value, &rules[0]["backendRefs"][0]),
            (&json!("mirror:shadow"), &backend),
            "{flags:?}"
        );
        let names: Vec<&Value> = (0..4).map(|index| &rules[index]["name"]).collect();
        assert_eq!(
            names,
            ["mirror-shadow", "version-v1", "version-v2", "undecided"]
        );
        assert_eq!(rules[3].get("matches"), None);
    }
}

#[test]
fn a_mirror_outside_the_cluster_has_no_rule_until_it_has_an_address() {
    let mut config = of_hosts(&["reviews"]);
    let destination = json!({"host": "api.example.com", "port": 80});
    config["releases"][0]["mirrors"] = json!([{"name": "shadow", "destination": destination}]);
    let text = rendered_of(&config, &["--kind", "envoygateway,httproute"]);
    assert!(text.contains("# Choose: a mirror's destination"), "{text}");
    let both = documents(&text);
    assert_eq!(both[0]["spec"]["wasm"][0]["config"], config);
    assert_eq!(both[1]["spec"]["rules"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_rules_of_an_http_route_are_at_most_16() {
    let mut config = of_hosts(&["reviews"]);
    let mirror = |index: usize| json!({"name": format!("m{index}"), "destination": {"host": "copies", "port": 80}});
    for (mirrors, code) in [(13, 0), (14, 1)] {
        let mirrors: Vec<Value> = (0..mirrors).map(mirror).collect();
        config["releases"][0]["mirrors"] = mirrors.into();
        let (_folder, path) = crate::file("config.json", config.to_string());
        let run = crate::halftonectl(&["render", &path, "--kind", "httproute"]);
        assert_eq!(run.code, code, "{}", run.err);
        let wrong = "has 2 versions and 14 mirrors, but an HTTPRoute has rules for at most 15; write fewer versions";
        assert_eq!(
            (run.out + &run.err).contains(wrong),
            code == 1,
            "the limit is reported"
        );
    }
}

#[test]
fn the_order_of_filters_is_named_only_if_answers_are_compared() {
    let mut config = of_hosts(&["reviews"]);
    for (compare, is_named) in [(Value::Null, false), (json!({}), true)] {
        let mirror = json!({"name": "shadow", "cluster": "copies", "compare": compare});
        config["releases"][0]["mirrors"] = json!([mirror]);
        let text = rendered_of(&config, &["--kind", "envoygateway"]);
        assert_eq!(text.contains("spec.filterOrder"), is_named, "{text}");
    }
}
