//! What the API server refuses, and in which words. A server that accepted everything would pass every other test.

use halftone_lab::api_server::Method;
use serde_json::Value;

use crate::api_server;

const WASM_PLUGIN: &str = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: reviews, namespace: bookinfo }
spec:
  selector: { matchLabels: { app: productpage } }
  match: [ { mode: CLIENT } ]
  url: oci://registry.example.com/halftone:0.1.0
  priority: 10
  pluginConfig: { releases: [ { name: reviews, anything: { goes: here } } ] }
";

/// A mistake, the text that it replaces in [`WASM_PLUGIN`], its replacement, and a part of the server's message.
const MISTAKES: [[&str; 4]; 6] = [
    [
        "a misspelt field",
        "priority:",
        "prioritty:",
        r#"strict decoding error: unknown field "spec.prioritty""#,
    ],
    [
        "a wrong type",
        "priority: 10",
        "priority: ten",
        r#"spec.priority: Invalid value: "string": spec.priority in body must be of type integer"#,
    ],
    [
        "a value that is not in the enumeration",
        "CLIENT",
        "OUTBOUND",
        r#"spec.match[0].mode: Unsupported value: "OUTBOUND""#,
    ],
    [
        "a missing field",
        "  url: oci://registry.example.com/halftone:0.1.0\n",
        "",
        "spec.url: Required value",
    ],
    [
        "a violation of a CEL rule",
        "  match:",
        "  targetRefs: [ { kind: Service, name: reviews } ]\n  match:",
        "only one of targetRefs or selector can be set",
    ],
    [
        "a name in capitals",
        "name: reviews,",
        "name: Reviews,",
        r#"metadata.name: Invalid value: "Reviews""#,
    ],
];

fn resource(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[tokio::test]
async fn the_server_refuses_each_mistake() {
    let server = api_server().await;
    let accepted = server.refusal(&resource(WASM_PLUGIN)).await.unwrap();
    assert_eq!(accepted, None, "the resource without a mistake");
    for [mistake, from, to, expected] in MISTAKES {
        assert!(WASM_PLUGIN.contains(from), "{mistake}: no {from:?}");
        let spoilt = resource(&WASM_PLUGIN.replacen(from, to, 1));
        let message = server.refusal(&spoilt).await.unwrap();
        let message = message.unwrap_or_else(|| panic!("{mistake} was accepted"));
        assert!(message.contains(expected), "{mistake}: {message}");
    }
}

#[tokio::test]
async fn a_kind_without_a_definition_is_an_error() {
    let server = api_server().await;
    let unknown = WASM_PLUGIN.replace("WasmPlugin", "WasmPlug");
    let error = server.refusal(&resource(&unknown)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the API server serves no WasmPlug of "extensions.istio.io/v1alpha1""#
    );
}

#[tokio::test]
async fn an_update_of_a_stale_version_is_a_conflict() {
    let server = api_server().await;
    // Other tests create, as a dry run, resources that must not exist.
    let collection = "/apis/extensions.istio.io/v1alpha1/namespaces/conflicts/wasmplugins";
    let one = format!("{collection}/reviews");
    let created = resource(&WASM_PLUGIN.replace("bookinfo", "conflicts")).to_string();
    let created = server.request(Method::POST, collection, "application/json", created);
    let created = created.await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text());

    let patch = r#"{"spec": {"priority": 20}}"#;
    let patched = server.request(Method::PATCH, &one, "application/merge-patch+json", patch);
    let patched = patched.await.unwrap();
    assert_eq!(patched.status, 200, "{}", patched.text());

    let stale = created.body.to_vec();
    let stale = server.request(Method::PUT, &one, "application/json", stale);
    let stale = stale.await.unwrap();
    assert_eq!(stale.status, 409, "{}", stale.text());
}
