//! What is read of a file, and what is said of what is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use halftone_resources::{Mode, Plugin, Resource, VirtualService, read, read_each};

fn named(text: &str) -> Vec<String> {
    let resources = read(text).unwrap();
    resources.iter().map(Resource::to_string).collect()
}

fn plugin(kind: &str, spec: &str) -> Plugin {
    let text =
        format!("apiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\nspec: {{ {spec} }}");
    let resources = read(&text).unwrap();
    resources[0].plugin().unwrap().clone()
}

fn service(spec: &str) -> VirtualService {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{ namespace: bookinfo }}\nspec: {{ {spec} }}"
    );
    let resources = read(&text).unwrap();
    resources[0].virtual_service().unwrap().clone()
}

#[test]
fn documents_are_distinguished_by_group_and_kind() {
    let of = |version: &str, kind: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{ name: a, namespace: shop }}")
    };
    let table = [
        (
            of("extensions.istio.io/v1alpha1", "WasmPlugin"),
            "WasmPlugin shop/a",
            true,
        ),
        (
            of("networking.istio.io/v1", "VirtualService"),
            "VirtualService shop/a",
            true,
        ),
        (
            of("networking.istio.io/v1alpha3", "DestinationRule"),
            "DestinationRule shop/a",
            true,
        ),
        (
            of("example.com/v1", "WasmPlugin"),
            "WasmPlugin shop/a",
            false,
        ),
        (of("apps/v1", "Deployment"), "Deployment shop/a", false),
        ("kind: WasmPlugin".into(), "plugin configuration", true),
        ("releases: []".into(), "plugin configuration", true),
    ];
    for (text, name, is_known) in table {
        let resources = read(&text).unwrap();
        assert_eq!(resources[0].to_string(), name);
        let is_other = matches!(resources[0], Resource::Other { .. });
        assert_eq!(is_other, !is_known, "{text}");
    }
}

#[test]
fn a_file_may_hold_many_documents_and_lists() {
    let item = |name: &str| {
        format!(
            "{{ apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{ name: {name} }} }}"
        )
    };
    let text = format!(
        "# first\n---\n{}\n---\n---\napiVersion: v1\nkind: List\nitems: [ {}, {} ]\n---\nreleases: []\n",
        item("a"),
        item("b"),
        item("c")
    );
    assert_eq!(
        named(&text),
        [
            "VirtualService default/a",
            "VirtualService default/b",
            "VirtualService default/c",
            "plugin configuration"
        ]
    );
    let json = r#"{"apiVersion": "v1", "kind": "List", "items": [{"releases": []}]}"#;
    assert_eq!(named(json), ["plugin configuration"]);
}

#[test]
fn each_kind_has_its_configuration_at_its_own_path() {
    let table = [
        (
            "WasmPlugin",
            "pluginConfig: { releases: [] }",
            "spec.pluginConfig",
        ),
        (
            "TrafficExtension",
            "wasm: { pluginConfig: { releases: [] } }",
            "spec.wasm.pluginConfig",
        ),
    ];
    for (kind, spec, path) in table {
        let resource = Resource::Plugin(plugin(kind, spec).into());
        let (place, value) = resource.configuration().unwrap();
        assert_eq!(
            (place, value),
            (path, &serde_json::json!({ "releases": [] }))
        );
    }
    let without = Resource::Plugin(plugin("WasmPlugin", "url: a").into());
    assert_eq!(without.configuration(), None);
}

#[test]
fn both_kinds_of_plugin_read_alike() {
    let module = "url: oci, type: NETWORK, failStrategy: FAIL_OPEN, pluginName: a";
    let place = "selector: { matchLabels: { app: a } }, phase: STATS, priority: 7, match: [ { mode: CLIENT_AND_SERVER, ports: [ { number: 80 } ] } ]";
    for plugin in [
        plugin("WasmPlugin", &format!("{place}, {module}")),
        plugin(
            "TrafficExtension",
            &format!("{place}, wasm: {{ {module} }}"),
        ),
    ] {
        assert_eq!(plugin.selector["app"], "a");
        assert_eq!(
            (plugin.phase.as_deref(), plugin.priority),
            (Some("STATS"), Some(7))
        );
        assert_eq!(plugin.traffic[0].mode, Some(Mode::ClientAndServer));
        assert_eq!(plugin.traffic[0].ports[0].number, 80);
        assert_eq!(
            (plugin.url.as_str(), plugin.module_type.as_deref()),
            ("oci", Some("NETWORK"))
        );
        assert_eq!(plugin.fail_strategy.as_deref(), Some("FAIL_OPEN"));
        assert_eq!(plugin.plugin_name.as_deref(), Some("a"));
    }
    let targets = "targetRef: { kind: Gateway, name: a }";
    assert_eq!(plugin("WasmPlugin", targets).target_refs[0].name, "a");
}

#[test]
fn a_plugin_is_halftone_by_its_releases_or_its_name() {
    let table = [
        ("url: 'oci://registry.example.com/halftone:0.1.0'", true),
        (
            "url: 'file:///opt/filters/halftone.wasm', pluginConfig: { release: [] }",
            true,
        ),
        ("url: a, pluginConfig: { releases: [] }", true),
        (
            "url: 'oci://registry.example.com/waf:1', pluginConfig: { rules: [] }",
            false,
        ),
        ("url: a", false),
    ];
    for (spec, expected) in table {
        assert_eq!(plugin("WasmPlugin", spec).is_halftone(), expected, "{spec}");
    }
}

#[test]
fn hosts_are_full_names() {
    let service = service(
        "hosts: [ reviews, Reviews.example.com, '*' ], http: [ { route: [ { destination: { host: reviews, subset: v1, port: { number: 80 } }, weight: 9 } ], timeout: 1s } ]",
    );
    let full = "reviews.bookinfo.svc.cluster.local";
    assert_eq!(service.hosts, [full, "reviews.example.com", "*"]);
    let route = &service.http[0];
    let to = &route.route[0];
    assert_eq!((to.destination.host.as_str(), to.weight), (full, Some(9)));
    assert_eq!(to.destination.subset.as_deref(), Some("v1"));
    assert_eq!(route.rest["timeout"], "1s");
}

#[test]
fn what_cannot_be_read_is_reported_by_itself() {
    let text = "releases: []\n---\n- a\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a }\nspec: { http: [ { match: [ { headers: 3 } ] } ] }\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: 3\n---\napiVersion: v1\nkind: List\nitems: [ a ]";
    let read_each = read_each(text).unwrap();
    let errors: Vec<String> = read_each
        .iter()
        .filter_map(|read| read.as_ref().err().map(ToString::to_string))
        .collect();
    assert_eq!(
        errors,
        [
            "document 2: expected an object, got an array",
            "VirtualService default/a: spec.http[0].match[0].headers: expected an object, got the number 3",
            "DestinationRule default/: spec: expected an object, got the number 3",
            "document 5: expected an object, got a string",
        ]
    );
    assert_eq!(read(text).unwrap_err().to_string(), errors[0]);
}

#[test]
fn a_text_without_documents_is_an_error() {
    let said = "is empty; give a plugin configuration, or a resource that contains one";
    for text in [
        "",
        "\n\n",
        "# a\n---\n# b",
        "null",
        "---\n---\n",
        "{apiVersion: v1, kind: List, items: []}",
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), said, "{text:?}");
    }
}

#[test]
fn a_field_that_cannot_be_read_says_what_to_write() {
    let table = [
        (
            "match: [ { mode: CLEINT } ]",
            "spec.match[0].mode: unknown value `CLEINT`; write one of `UNDEFINED`, `CLIENT`, `SERVER`, `CLIENT_AND_SERVER`",
        ),
        (
            "match: [ { ports: [ { number: 70000 } ] } ]",
            "spec.match[0].ports[0].number: expected a whole number up to 65535, got the number 70000",
        ),
        (
            "priority: high",
            "spec.priority: expected a whole number, got the string \"high\"",
        ),
        (
            "selector: 3",
            "spec.selector: expected an object, got the number 3",
        ),
        (
            "targetRefs: {}",
            "spec.targetRefs: expected an array, got an object",
        ),
    ];
    for (spec, said) in table {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: a }}\nspec: {{ {spec} }}"
        );
        let error = read(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("WasmPlugin default/a: {said}"));
        assert_eq!(error.resource(), Some("WasmPlugin default/a"));
        assert_eq!(format!("{}: {}", error.path(), error.message()), said);
    }
}
