//! Findings on VirtualServices.

use super::{RELEASE, findings, plugin, plugin_with, rule, service};

/// A route to a subset.
fn route(matches: &str, subset: &str) -> String {
    let matches = match matches {
        "" => String::new(),
        matches => format!("match: [ {matches} ], "),
    };
    format!("{{ {matches}route: [ {{ destination: {{ host: reviews, subset: {subset} }} }} ] }}")
}

/// A condition on the version.
fn version(test: &str) -> String {
    format!("{{ headers: {{ x-halftone-version: {{ {test} }} }} }}")
}

fn exact(name: &str, subset: &str) -> String {
    route(&version(&format!("exact: {name}")), subset)
}

fn missing(name: &str, so: &str) -> String {
    let add = if so.is_empty() {
        "add a route"
    } else {
        "add a route above it"
    };
    format!(
        "http: no route matches x-halftone-version: {name} of release reviews{so}; {add} with match: [ {{ headers: {{ x-halftone-version: {{ exact: {name} }} }} }} ]"
    )
}

/// The findings on these routes for a release with v1, v2 and v3.
fn said(routes: &[String]) -> Vec<String> {
    let found = findings(&[plugin(RELEASE), service("reviews", &routes.join(", "))]);
    let within = |line: &String| {
        let within = line.strip_prefix("VirtualService bookinfo/reviews: spec.");
        within.unwrap_or(line).to_owned()
    };
    found.iter().map(within).collect()
}

#[test]
fn each_version_has_its_route_and_the_principal_may_have_all_other_requests() {
    let all = |subset| route("", subset);
    let fine = [
        vec![exact("v2", "v2"), exact("v3", "v3"), all("v1")],
        vec![exact("v1", "v1"), exact("v2", "v2"), exact("v3", "v3")],
        // The route for all other requests is that of v3.
        vec![exact("v1", "v1"), exact("v2", "v2"), all("v3")],
        vec![route(&version("regex: v1|v2|v3"), "any"), all("v1")],
        vec![route(&version("prefix: v"), "any")],
        // A route for some paths takes some requests of each version, as intended.
        vec![
            route("{ uri: { prefix: /admin } }", "admin"),
            exact("v2", "v2"),
            exact("v3", "v3"),
            all("v1"),
        ],
        // A route can have the same condition on the path as a rule.
        vec![
            route("{ uri: { prefix: /new } }", "v3"),
            exact("v2", "v2"),
            all("v1"),
        ],
        // The case of header names does not matter.
        vec![
            exact("v2", "v2").replace("x-halftone", "X-Halftone"),
            exact("v3", "v3"),
            all("v1"),
        ],
    ];
    for routes in fine {
        assert_eq!(said(&routes), Vec::<String>::new(), "{routes:?}");
    }

    let table = [
        (vec![exact("v2", "v2"), all("v1")], vec![missing("v3", ", so http[1] takes it")]),
        (vec![all("v1")], vec![missing("v2", ", so http[0] takes it"), missing("v3", ", so http[0] takes it")]),
        (vec![exact("v2", "v2"), exact("v3", "v3")], vec![missing("v1", "")]),
        (vec![exact("v2", "v2"), exact("v3", "v3"), all("v3")], vec![missing("v1", ", so http[2] takes it")]),
        (
            vec![exact("v2", "v2"), route(&version("regex: v"), "v3"), all("v1")],
            vec![missing("v3", ", so http[2] takes it")],
        ),
        // Not the header of the release.
        (
            vec![
                exact("v2", "v2").replace("x-halftone-version", "x-version"),
                exact("v3", "v3").replace("x-halftone-version", "x-version"),
                all("v1"),
            ],
            vec![
                missing("v2", ", so http[2] takes it"),
                missing("v3", ", so http[2] takes it"),
            ],
        ),
        // Weights ignore the decision.
        (
            vec![
                exact("v2", "v2"),
                "{ route: [ { weight: 90, destination: { host: reviews, subset: v1 } }, { weight: 10, destination: { host: reviews, subset: v3 } } ] }".into(),
            ],
            vec![missing("v3", ", so http[1] takes it")],
        ),
    ];
    for (routes, expected) in table {
        assert_eq!(said(&routes), expected, "{routes:?}");
    }
}

#[test]
fn a_route_for_all_requests_is_last() {
    let takes_all = |above: usize, below: usize, name: &str| {
        format!(
            "http[{above}]: takes every request before http[{below}] can match x-halftone-version: {name} of release reviews; move it below http[{below}]"
        )
    };
    for all in [
        route("", "v1"),
        route("{ uri: { prefix: / } }", "v1"),
        // One match is enough.
        route(&format!("{}, {{ name: rest }}", version("exact: v1")), "v1"),
    ] {
        let routes = [exact("v2", "v2"), all, exact("v3", "v3")];
        assert_eq!(said(&routes), [takes_all(1, 2, "v3")], "{routes:?}");
    }
    let routes = [route("", "v1"), exact("v3", "v3"), exact("v2", "v2")];
    assert_eq!(
        said(&routes),
        [takes_all(0, 2, "v2"), takes_all(0, 1, "v3")]
    );

    // Conditions on something else leave requests for the routes below.
    let some = route("{ uri: { prefix: /a } }, { port: 80 }", "v1");
    let routes = [some, exact("v2", "v2"), exact("v3", "v3"), route("", "v1")];
    assert_eq!(said(&routes), Vec::<String>::new());
}

#[test]
fn a_version_is_matched_once_and_goes_to_its_own_subset() {
    let all = || route("", "v1");
    let shadowed = "http[2]: is never reached, because http[0] takes x-halftone-version: v2 of release reviews first; keep one of the two";
    let crossed = "http[0].route: sends x-halftone-version: v2 of release reviews to the subset of another version; write the subset of v2";
    let table = [
        (
            vec![
                exact("v2", "v2"),
                exact("v3", "v3"),
                exact("v2", "next"),
                all(),
            ],
            vec![shadowed],
        ),
        (
            vec![
                route(&version("regex: v2|v3"), "any"),
                all(),
                exact("v2", "v2"),
            ],
            vec![shadowed],
        ),
        (
            vec![exact("v2", "v3"), exact("v3", "v3"), all()],
            vec![crossed],
        ),
        // A duplicate does no harm. A narrower route above leaves requests.
        (
            vec![
                exact("v2", "v2"),
                exact("v3", "v3"),
                exact("v2", "v2"),
                all(),
            ],
            vec![],
        ),
        (
            vec![
                route(
                    "{ headers: { x-halftone-version: { exact: v2 }, a: {} } }",
                    "a",
                ),
                exact("v2", "v2"),
                exact("v3", "v3"),
                all(),
            ],
            vec![],
        ),
        (vec![exact("v2", "green"), exact("v3", "v3"), all()], vec![]),
    ];
    for (routes, expected) in table {
        assert_eq!(said(&routes), expected, "{routes:?}");
    }
}

#[test]
fn the_label_of_a_subset_names_its_version() {
    let subsets = "{ name: green, labels: { version: v2 } }, { name: blue, labels: { version: v1 } }, { name: v3 }";
    let with = |routes: &[String]| {
        let service = service("reviews", &routes.join(", "));
        findings(&[plugin(RELEASE), service, rule("reviews", subsets)])
    };
    let fine = [exact("v1", "blue"), exact("v3", "v3"), route("", "green")];
    assert_eq!(with(&fine), Vec::<String>::new());
    let crossed = [exact("v2", "blue"), exact("v3", "v3"), route("", "blue")];
    assert_eq!(
        with(&crossed),
        [
            "VirtualService bookinfo/reviews: spec.http[0].route: sends x-halftone-version: v2 of release reviews to the subset of another version; write the subset of v2"
        ]
    );
}

#[test]
fn only_virtual_services_of_its_hosts_concern_a_release() {
    let all = route("", "v1");
    let release = |hosts: &str| {
        format!(
            "{{ name: reviews, hosts: [ {hosts} ], principal: v1, blueGreen: {{ active: v2 }} }}"
        )
    };
    let held = [
        ("reviews", "reviews"),
        ("reviews.bookinfo", "reviews"),
        ("reviews.bookinfo.svc.cluster.local", "reviews"),
        ("Reviews", "reviews.bookinfo.svc.cluster.local"),
        ("reviews.example.com", "reviews.example.com"),
        ("reviews.example.com", "'*.example.com'"),
        ("'*.example.com'", "'*.example.com'"),
        ("reviews, reviews.bookinfo", "reviews"),
    ];
    for (hosts, known) in held {
        let found = findings(&[plugin(&release(hosts)), service(known, &all)]);
        assert_eq!(found.len(), 1, "{hosts} {known}: {found:?}");
    }
    let apart = [
        ("reviews", "ratings"),
        ("reviews", "reviews.other.svc.cluster.local"),
        ("reviews.example.com", "'*.example.net'"),
        ("'*.example.com'", "ratings.example.com"),
        // It may belong to a gateway.
        ("reviews", "'*'"),
        ("'*'", "reviews"),
    ];
    for (hosts, known) in apart {
        let found = findings(&[plugin(&release(hosts)), service(known, &all)]);
        assert_eq!(found, Vec::<String>::new(), "{hosts} {known}");
    }
}

#[test]
fn of_several_virtual_services_the_most_precise_count_and_one_is_enough() {
    let release =
        "{ name: reviews, hosts: [a.example.com], principal: v1, blueGreen: { active: v2 } }";
    let good = format!("{}, {}", exact("v2", "v2"), route("", "v1"));
    let bad = route("", "v1");
    let table = [
        (("a.example.com", &good), ("a.example.com", &bad), 0),
        (("a.example.com", &bad), ("a.example.com", &bad), 1),
        (("'*.example.com'", &bad), ("a.example.com", &good), 0),
        (("'*.example.com'", &good), ("a.example.com", &bad), 1),
        (("'*'", &good), ("b.example.com", &bad), 0),
    ];
    for ((one, routes), (other, its_routes), expected) in table {
        let second = service(other, its_routes).replace("name: reviews,", "name: second,");
        let found = findings(&[plugin(release), service(one, routes), second]);
        let about: std::collections::BTreeSet<&str> = found
            .iter()
            .map(|line| line.split(": ").nth(1).unwrap())
            .collect();
        assert_eq!(about.len(), expected, "{one} {other}: {found:?}");
    }
}

#[test]
fn what_is_routed_in_another_way_needs_no_routes() {
    let all = service("reviews", &route("", "v1"));
    let by_authority = "{ name: reviews, hosts: [reviews], principal: v1, blueGreen: { active: v2 }, route: { authority: { v1: reviews-v1, v2: reviews-v2 } } }";
    let only_mirrors =
        "{ name: reviews, hosts: [reviews], principal: v1, mirrors: [ { name: m, cluster: m } ] }";
    let left_behind =
        "{ name: reviews, hosts: [reviews], principal: v0, blueGreen: { active: v1 } }";
    for release in [by_authority, only_mirrors, left_behind] {
        let found = findings(&[plugin(release), all.clone()]);
        assert_eq!(found, Vec::<String>::new(), "{release}");
    }

    let release = "{ name: reviews, hosts: [reviews], principal: v1, blueGreen: { active: v2 } }";
    for http in [
        // Only connections.
        "",
        // Routes of another host, or no routes.
        "{ delegate: { name: reviews, namespace: shop } }",
        "{ redirect: { authority: reviews.example.com } }",
        // A service for each version.
        "{ match: [ { headers: { x-halftone-version: { exact: v1 } } } ], route: [ { destination: { host: reviews-v1 } } ] }, { route: [ { destination: { host: reviews-v2 } } ] }",
    ] {
        let found = findings(&[plugin(release), service("reviews", http)]);
        assert_eq!(found, Vec::<String>::new(), "{http}");
    }
}

#[test]
fn the_host_of_a_waypoint_is_its_service() {
    let release = RELEASE.replace("[reviews]", "['*']");
    let at = |target: &str| {
        let fields =
            format!("failStrategy: FAIL_OPEN, targetRefs: [ {{ kind: Service, name: {target} }} ]");
        plugin_with(&fields, &release)
    };
    let routes = |routes: &[String]| service("reviews", &routes.join(", "));
    let good = routes(&[exact("v2", "v2"), exact("v3", "v3"), route("", "v1")]);
    let bad = routes(&[exact("v2", "v2"), route("", "v1")]);
    let lost = format!(
        "VirtualService bookinfo/reviews: spec.{}",
        missing("v3", ", so http[1] takes it")
    );
    let subsets = rule("reviews", "{ name: v1 }, { name: v2 }");
    let unknown = "WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0]: the DestinationRule of reviews.bookinfo.svc.cluster.local has no subset for version v3; add { name: v3, labels: { version: v3 } } to its subsets";
    for (documents, expected) in [
        (vec![at("reviews"), good], vec![]),
        (vec![at("reviews"), bad.clone()], vec![lost]),
        (vec![at("reviews"), subsets], vec![unknown.to_owned()]),
        (vec![at("ratings"), bad], vec![]),
    ] {
        assert_eq!(findings(&documents), expected, "{documents:?}");
    }
}
