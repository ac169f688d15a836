//! Two plugins in one proxy.

use super::findings;

/// A plugin `name` that claims `hosts` and has these other fields.
fn plugin(kind: &str, name: &str, hosts: &str, fields: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap();
    let config = format!(
        "pluginConfig: {{ releases: [ {{ name: {name}, hosts: [ {hosts} ], principal: v1, canary: {{}} }} ] }}"
    );
    let module = format!("url: a, failStrategy: FAIL_OPEN, {config}");
    let module = match kind {
        "TrafficExtension" => format!("wasm: {{ {module} }}"),
        _ => module,
    };
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name}, namespace: {namespace} }}\nspec: {{ {module}, {fields} }}"
    )
}

const CLIENT: &str = "match: [ { mode: CLIENT } ]";

#[test]
fn a_host_belongs_to_one_plugin_of_a_proxy() {
    let first = plugin("WasmPlugin", "shop/a", "'Reviews', '*'", CLIENT);
    let second = plugin(
        "TrafficExtension",
        "shop/b",
        "reviews, ratings, '*'",
        CLIENT,
    );
    let said = |host: &str| {
        format!(
            "TrafficExtension shop/b: spec.wasm.pluginConfig.releases[0].hosts: release a of WasmPlugin shop/a claims `{host}` too, so one of the two never decides; remove the host from one of them"
        )
    };
    assert_eq!(findings(&[first, second]), [said("reviews"), said("*")]);
}

#[test]
fn a_service_conflicts_with_its_names_and_with_other_spellings() {
    let service = "'x.example' ], services: [ { name: reviews, namespace: shop }";
    let table = [
        ("reviews", Some("reviews")),
        (
            "reviews.shop.svc.cluster.local.",
            Some("reviews.shop.svc.cluster.local"),
        ),
        (service, Some("x.example")),
        ("'X.example.'", Some("x.example")),
        ("reviews.other", None),
    ];
    for (hosts, expected) in table {
        let found = findings(&[
            plugin("WasmPlugin", "shop/a", hosts, CLIENT),
            plugin("WasmPlugin", "shop/b", service, CLIENT),
        ]);
        let claims = expected.map(|host| format!("claims `{host}` too"));
        let is_found = |claims: &String| found.iter().any(|one| one.contains(claims));
        assert!(claims.as_ref().is_none_or(is_found), "{hosts}: {found:?}");
        assert_eq!(found.is_empty(), expected.is_none(), "{hosts}: {found:?}");
    }
    let same = [
        plugin("WasmPlugin", "shop/a", service, CLIENT),
        plugin("WasmPlugin", "shop/b", service, CLIENT),
    ];
    let fields: Vec<bool> = findings(&same)
        .iter()
        .map(|one| one.contains("releases[0].services"))
        .collect();
    assert_eq!(
        fields,
        [false, true],
        "one finding for the host, one for the service"
    );
}

#[test]
fn plugins_conflict_only_if_they_certainly_share_a_proxy() {
    let app = |labels: &str| format!("{CLIENT}, selector: {{ matchLabels: {{ {labels} }} }}");
    let to = |kind: &str, name: &str| format!("targetRefs: [ {{ kind: {kind}, name: {name} }} ]");
    let port =
        |port: u16| format!("match: [ {{ mode: CLIENT, ports: [ {{ number: {port} }} ] }} ]");
    let all = CLIENT.to_owned();
    let table = [
        ("shop/a", &all, "shop/b", &all, true),
        ("shop/a", &all, "other/b", &all, false),
        ("istio-system/a", &all, "other/b", &all, true),
        ("istio-system/a", &app("a: b"), "other/b", &all, false),
        ("shop/a", &app("a: b"), "shop/b", &all, true),
        ("shop/a", &app("a: b"), "shop/b", &app("a: b, c: d"), true),
        ("shop/a", &app("a: b"), "shop/b", &app("a: c"), false),
        ("shop/a", &app("a: b"), "shop/b", &app("c: d"), false),
        (
            "shop/a",
            &to("Service", "reviews"),
            "shop/b",
            &to("Service", "reviews"),
            true,
        ),
        (
            "shop/a",
            &to("Service", "reviews"),
            "shop/b",
            &to("Service", "ratings"),
            false,
        ),
        ("shop/a", &to("Service", "reviews"), "shop/b", &all, false),
        ("shop/a", &port(80), "shop/b", &all, true),
        ("shop/a", &port(80), "shop/b", &port(81), false),
    ];
    for (one, fields, other, its_fields, conflict) in table {
        let found = findings(&[
            plugin("WasmPlugin", one, "'*'", fields),
            plugin("WasmPlugin", other, "'*'", its_fields),
        ]);
        assert_eq!(
            found.len(),
            usize::from(conflict),
            "{one} {fields}, {other} {its_fields}"
        );
    }
}

#[test]
fn a_resource_does_not_conflict_with_itself_nor_plain_configurations_with_any() {
    let one = plugin("WasmPlugin", "shop/a", "reviews", CLIENT);
    let plain = "releases: [ { name: a, hosts: [reviews], principal: v1, canary: {} } ]";
    let found = findings(&[one.clone(), one, plain.into(), plain.into()]);
    assert_eq!(found, Vec::<String>::new());
}
