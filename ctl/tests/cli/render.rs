//! `render`. The expected outputs for two configurations are in `render/`, a file for each row of the table.
//!
//! `UPDATE=1 cargo test -p halftonectl --test cli render` rewrites them. Read the changes before you commit them.

mod envoy;
mod files;
mod refusals;
mod routes;
mod values;

use std::path::PathBuf;

use halftone_resources::{Plugin, Resource, read};
use serde_json::{Value, json};

use crate::{Run, file, halftonectl, root};

const BOOKINFO: &str = "ctl/tests/cli/render/bookinfo.in.yaml";
const SHOP: &str = "ctl/tests/cli/render/shop.in.yaml";

/// The files with expected outputs, and the command lines that print them.
const PRINTED: [(&str, &[&str]); 12] = [
    ("bookinfo.wasmplugin", &[BOOKINFO, "--kind", "wasmplugin"]),
    (
        "bookinfo.trafficextension",
        &[BOOKINFO, "--kind", "trafficextension"],
    ),
    (
        "bookinfo.istio",
        &[
            BOOKINFO,
            "--kind",
            "virtualservice,destinationrule",
            "--port",
            "9080",
        ],
    ),
    ("bookinfo.envoyfilter", &[BOOKINFO, "--kind", "envoyfilter"]),
    (
        "bookinfo.envoy",
        &[
            BOOKINFO,
            "--kind",
            "envoy",
            "--upstream",
            "v1=10.0.0.1:9080",
            "--port",
            "9080",
        ],
    ),
    (
        "bookinfo.envoygateway",
        &[
            BOOKINFO,
            "--kind",
            "envoygateway,httproute",
            "--target-ref",
            "Gateway/public",
        ],
    ),
    ("shop.wasmplugin", &[SHOP, "--kind", "wasmplugin"]),
    (
        "shop.trafficextension",
        &[
            SHOP,
            "--kind",
            "trafficextension",
            "--name",
            "shop-release",
            "--namespace",
            "shop",
            "--target-ref",
            "Gateway/waypoint",
            "--target-ref",
            "Service/cart",
            "--target-ref",
            "ServiceEntry/api",
            "--target-ref",
            "GatewayClass/istio-waypoint",
            "--url",
            "https://example.com/halftone.wasm",
            "--sha256",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
    ),
    (
        "shop.istio",
        &[
            SHOP,
            "--kind",
            "virtualservice,destinationrule",
            "--gateway",
            "istio-system/public",
            "--gateway",
            "mesh",
        ],
    ),
    (
        "shop.envoyfilter",
        &[
            SHOP,
            "--kind",
            "envoyfilter",
            "--selector",
            "istio=ingressgateway",
            "--url",
            "file:///opt/halftone.wasm",
        ],
    ),
    (
        "shop.envoy",
        &[
            SHOP,
            "--kind",
            "envoy",
            "--listen",
            "8080",
            "--upstream",
            "shop/v2_0=[::1]:8080",
        ],
    ),
    (
        "shop.httproute",
        &[
            SHOP,
            "--kind",
            "httproute",
            "--service",
            "shop=storefront",
            "--upstream",
            "v1.2=old.legacy:81",
        ],
    ),
];

fn render(args: &[&str]) -> Run {
    halftonectl(&[&["render"], args].concat())
}

/// The output of a run that must succeed.
pub fn rendered(args: &[&str]) -> String {
    let run = render(args);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    run.out
}

/// The output for a configuration in a temporary file.
fn rendered_of(config: &Value, args: &[&str]) -> String {
    // Our reader of YAML rejects DEL unless it is escaped.
    let text = config.to_string().replace('\u{7f}', "\\u007f");
    let (_folder, path) = file("config.json", text);
    rendered(&[&[path.as_str()], args].concat())
}

/// A configuration with one release, `reviews`, that claims `hosts`.
fn of_hosts(hosts: &[&str]) -> Value {
    let blue_green = json!({"active": "v1", "preview": {"version": "v2", "match": [{"method": {"exact": "GET"}}]}});
    json!({"releases": [{"name": "reviews", "hosts": hosts, "principal": "v1", "blueGreen": blue_green}]})
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

fn plugins(text: &str) -> Vec<Plugin> {
    let resources = read(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    resources
        .iter()
        .filter_map(Resource::plugin)
        .cloned()
        .collect()
}

fn printed(name: &str) -> PathBuf {
    root()
        .join("ctl/tests/cli/render")
        .join(format!("{name}.yaml"))
}

#[test]
fn the_outputs_are_the_expected_ones() {
    let mut different = Vec::new();
    for (name, args) in PRINTED {
        let said = rendered(args);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(printed(name), &said).unwrap();
        }
        if std::fs::read_to_string(printed(name)).unwrap_or_default() != said {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_output_is_deterministic() {
    for (name, args) in PRINTED {
        assert_eq!(rendered(args), rendered(args), "{name}");
    }
}

/// Each kind contains the configuration that was read.
#[test]
fn every_kind_contains_the_configuration_that_was_read() {
    let config = |file: &str| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let resources = read(&text).unwrap();
        resources[0].configuration().unwrap().1.clone()
    };
    for file in [BOOKINFO, SHOP] {
        let expected = config(file);
        let mut at_envoy_gateway = expected.clone();
        if file == BOOKINFO {
            // Envoy Gateway has no cluster of a destination.
            let mirror = &mut at_envoy_gateway["releases"][0]["mirrors"][0];
            mirror.as_object_mut().unwrap().remove("destination");
            mirror["cluster"] = "httproute/bookinfo/reviews/rule/0".into();
        }
        let resources = rendered(&[
            file,
            "--kind",
            "wasmplugin,trafficextension,envoygateway,envoyfilter",
        ]);
        let envoy = rendered(&[file, "--kind", "envoy"]);
        let documents = [documents(&resources), documents(&envoy)].concat();
        let [wasm_plugin, traffic_extension, policy, patches, envoy] = documents.as_slice() else {
            panic!("{documents:?}")
        };
        let text = |value: &Value, place: &str| -> Value {
            let text = value.pointer(place).and_then(Value::as_str).unwrap();
            serde_json::from_str(text).unwrap()
        };
        let filter = "typed_config/config/configuration/value";
        let chain =
            "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
        for (place, found) in [
            ("WasmPlugin", wasm_plugin["spec"]["pluginConfig"].clone()),
            (
                "TrafficExtension",
                traffic_extension["spec"]["wasm"]["pluginConfig"].clone(),
            ),
            (
                "EnvoyExtensionPolicy",
                policy["spec"]["wasm"][0]["config"].clone(),
            ),
            (
                "a sidecar's patch",
                text(
                    patches,
                    &format!("/spec/configPatches/0/patch/value/{filter}"),
                ),
            ),
            (
                "a gateway's patch",
                text(
                    patches,
                    &format!("/spec/configPatches/1/patch/value/{filter}"),
                ),
            ),
            ("Envoy", text(envoy, &format!("{chain}/{filter}"))),
        ] {
            let expected = match place {
                "EnvoyExtensionPolicy" => &at_envoy_gateway,
                _ => &expected,
            };
            assert_eq!(&found, expected, "{place} of {file}");
        }
    }
}

/// A plugin keeps all fields that no flag changes, from one kind to the other and back.
#[test]
fn a_plugin_keeps_its_fields() {
    let there = rendered(&[BOOKINFO, "--kind", "trafficextension"]);
    let (_folder, path) = file("there.yaml", &there);
    let back = rendered(&[&path, "--kind", "wasmplugin"]);
    assert_eq!(back, rendered(&[BOOKINFO, "--kind", "wasmplugin"]));

    let before = &plugins(&std::fs::read_to_string(root().join(BOOKINFO)).unwrap())[0];
    let after = &plugins(&back)[0];
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

#[test]
fn a_flag_overrides_the_file() {
    let of = |flags: &[&str]| {
        plugins(&rendered(
            &[&[BOOKINFO, "--kind", "wasmplugin"], flags].concat(),
        ))
        .remove(0)
    };
    let plain = of(&[]);

    let named = of(&["--name", "other", "--namespace", "shop"]);
    assert_eq!(
        (named.meta.name.as_str(), named.meta.namespace.as_str()),
        ("other", "shop")
    );

    let other_module = of(&["--url", "file:///other.wasm"]);
    assert_eq!(other_module.url, "file:///other.wasm");
    assert_eq!(
        other_module.sha256, None,
        "the digest belongs to the module in the file"
    );

    let selected = of(&["--selector", "app=cart", "--selector", "tier="]);
    let labels: Vec<_> = selected.selector.into_iter().collect();
    assert_eq!(
        labels,
        [
            ("app".into(), "cart".into()),
            ("tier".into(), String::new())
        ]
    );
    assert_eq!(selected.traffic, plain.traffic);

    let attached = of(&["--target-ref", "Service/reviews"]);
    assert!(
        attached.selector.is_empty(),
        "selector and targetRefs exclude each other"
    );
    assert!(
        attached.traffic.is_empty(),
        "no client's traffic passes a waypoint"
    );
    assert_eq!(attached.target_refs.len(), 1);
}

#[test]
fn one_of_several_plugins_is_rendered() {
    let both = rendered(&[
        BOOKINFO,
        "--kind",
        "wasmplugin,trafficextension",
        "--name",
        "first",
    ])
    .replacen("name: first", "name: second", 1);
    let (_folder, path) = file("both.yaml", both);
    let found = plugins(&rendered(&[
        &path,
        "--kind",
        "wasmplugin",
        "--plugin",
        "bookinfo/first",
    ]));
    assert_eq!(found[0].meta.name, "first");
}

/// The rules in `manifests/` are those that are rendered.
#[test]
fn the_rules_for_labels_are_the_manifests() {
    let manifest = std::fs::read_to_string(root().join("manifests/envoy-stats-tags.yaml")).unwrap();
    let manifest = &documents(&manifest)[0]["stats_config"]["stats_tags"];
    let envoy = &documents(&rendered(&[SHOP, "--kind", "envoy"]))[0]["stats_config"]["stats_tags"];
    assert_eq!(envoy, manifest);
}

/// Istio ignores patches of the bootstrap, and its analyzer asks for a priority.
#[test]
fn an_envoy_filter_patches_only_filters_and_has_a_priority() {
    let spec = &documents(&rendered(&[SHOP, "--kind", "envoyfilter"]))[0]["spec"];
    for patch in spec["configPatches"].as_array().unwrap() {
        assert_eq!(patch["applyTo"], "HTTP_FILTER");
    }
    assert!(
        spec["priority"]
            .as_i64()
            .is_some_and(|priority| priority != 0)
    );
}

#[test]
fn a_plugin_without_a_configuration_is_rendered_without_one() {
    let plugin = "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: p}, spec: {url: 'oci://x'}}";
    let (_folder, path) = file("plugin.yaml", plugin);
    let text = rendered(&[
        &path,
        "--kind",
        "wasmplugin,trafficextension,envoyfilter,envoygateway",
    ]);
    for word in ["pluginConfig", "configuration:", " config: "] {
        assert!(!text.contains(word), "{text}");
    }
    assert_eq!(
        plugins(&text)[0].fail_strategy.as_deref(),
        Some("FAIL_CLOSE"),
        "what Istio takes an absent one for"
    );
}
