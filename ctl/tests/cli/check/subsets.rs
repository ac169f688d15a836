//! Findings on subsets.

use super::{RELEASE, findings, plugin, rule, service};

const V1: &str = "{ name: v1, labels: { version: v1 } }";

#[test]
fn a_version_without_a_virtual_service_has_a_subset() {
    let missing = |version: &str| {
        format!(
            "WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0]: the DestinationRule of reviews.bookinfo.svc.cluster.local has no subset for version {version}; add {{ name: {version}, labels: {{ version: {version} }} }} to its subsets"
        )
    };
    let both = vec![missing("v2"), missing("v3")];
    let none = Vec::new();
    let table = [
        (vec![rule("reviews", V1)], both),
        (
            vec![rule("reviews", "{ name: v1 }, { name: v2 }")],
            vec![missing("v3")],
        ),
        (
            vec![
                rule("reviews", V1),
                rule(
                    "reviews",
                    "{ name: v2 }, { name: next, labels: { version: v3 } }",
                ),
            ],
            none.clone(),
        ),
        // A rule for connections, or for another service.
        (vec![rule("reviews", "")], none.clone()),
        (vec![rule("ratings", V1)], none.clone()),
        (
            vec![rule("reviews.other.svc.cluster.local", V1)],
            none.clone(),
        ),
    ];
    for (rules, said) in table {
        let mut documents = vec![plugin(RELEASE)];
        documents.extend(rules);
        assert_eq!(findings(&documents), said, "{documents:#?}");
    }
}

#[test]
fn a_release_that_chooses_no_subset_needs_none() {
    for release in [
        "{ name: a, hosts: [reviews], principal: v0, mirrors: [ { name: m, cluster: m } ] }",
        "{ name: a, hosts: [reviews], principal: v2, canary: {}, route: { authority: { v2: reviews-v2 } } }",
        "{ name: a, hosts: [reviews], principal: v9, blueGreen: { active: v1 } }",
    ] {
        let found = findings(&[plugin(release), rule("reviews", V1)]);
        assert_eq!(found, Vec::<String>::new(), "{release}");
    }
}

#[test]
fn a_route_names_a_subset_that_exists() {
    let to = |host: &str, subset: &str| {
        let route =
            format!("{{ route: [ {{ destination: {{ host: {host}, subset: {subset} }} }} ] }}");
        service("ratings", &route)
    };
    let said = |subset: &str, has: &str| {
        format!(
            "VirtualService bookinfo/reviews: spec.http[0].route[0].destination.subset: ratings.bookinfo.svc.cluster.local has no subset `{subset}`: its DestinationRule {has}"
        )
    };
    let two = "{ name: v1 }, { name: v2 }";
    let table = [
        (
            to("ratings", "v3"),
            rule("ratings", two),
            Some(said("v3", "has v1, v2; write one of them, or add it there")),
        ),
        (
            to("ratings", "v3"),
            rule("*.bookinfo.svc.cluster.local", two),
            Some(said("v3", "has v1, v2; write one of them, or add it there")),
        ),
        (
            to("ratings", "v3"),
            rule("ratings", ""),
            Some(said("v3", "has no subsets; add it there")),
        ),
        (to("ratings", "v2"), rule("ratings", two), None),
        (
            to("ratings.bookinfo.svc.cluster.local", "v2"),
            rule("ratings", two),
            None,
        ),
        (to("ratings", "v3"), rule("reviews", two), None),
    ];
    for (service, rule, said) in table {
        let found = findings(&["releases: []".into(), service.clone(), rule.clone()]);
        assert_eq!(
            found,
            said.into_iter().collect::<Vec<_>>(),
            "{service}\n{rule}"
        );
    }
}

#[test]
fn a_mirror_names_a_destination_that_exists() {
    let mirror = |to: &str| {
        plugin(&format!(
            "{{ name: a, hosts: [a], principal: v1, mirrors: [ {{ name: m, {to} }} ] }}"
        ))
    };
    let to = |host: &str, subset: &str| {
        mirror(&format!(
            "destination: {{ host: {host}, port: 80, {subset} }}"
        ))
    };
    let full = "reviews.bookinfo.svc.cluster.local";
    let said = |field: &str, what: &str| {
        vec![format!(
            "WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0].mirrors[0].destination.{field}: {what}"
        )]
    };
    let short = said(
        "host",
        "no cluster has the host `reviews`; write the full name reviews.bookinfo.svc.cluster.local",
    );
    let table = [
        (
            to(full, "subset: v3"),
            said(
                "subset",
                "reviews.bookinfo.svc.cluster.local has no subset `v3`: its DestinationRule has v1; write one of them, or add it there",
            ),
        ),
        (
            to("ratings.shop.svc.cluster.local", "subset: v1"),
            said(
                "host",
                "no DestinationRule has the host ratings.shop.svc.cluster.local; include the one that defines its subsets, or omit subset",
            ),
        ),
        (to("reviews", "subset: v1"), short.clone()),
        (to("reviews", ""), short),
        (to(full, "subset: v1"), Vec::new()),
        (to(full, ""), Vec::new()),
        (to("ratings.shop.svc.cluster.local", ""), Vec::new()),
        (mirror("cluster: next"), Vec::new()),
    ];
    for (plugin, said) in table {
        let found = findings(&[plugin.clone(), rule("reviews", V1)]);
        assert_eq!(found, said, "{plugin}");
        let alone = findings(std::slice::from_ref(&plugin));
        assert_eq!(alone, Vec::<String>::new(), "{plugin}");
    }
}
