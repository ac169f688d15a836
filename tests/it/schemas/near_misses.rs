//! The check bites: what is nearly a resource is refused, in words that say where and what.

use super::resources::*;
use super::{SCHEMAS, check};

/// A mistake in a valid resource: its name, the resource, what is replaced by what, what a cluster says.
type Mistake = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const MISTAKES: [Mistake; 39] = [
    (
        "a field is misspelt",
        WASM_PLUGIN,
        "failStrategy",
        "failstrategy",
        "WasmPlugin reviews: spec: Additional properties are not allowed ('failstrategy' was unexpected)",
    ),
    (
        "a field stands too high",
        WASM_PLUGIN,
        "metadata:",
        "phase: STATS
metadata:",
        "WasmPlugin reviews: Additional properties are not allowed ('phase' was unexpected)",
    ),
    (
        "the url is missing",
        WASM_PLUGIN,
        "  url: oci://registry.example.com/halftone:0.1.0\n",
        "",
        r#"WasmPlugin reviews: spec: "url" is a required property"#,
    ),
    (
        "the scheme is unknown",
        WASM_PLUGIN,
        "oci://",
        "ftp://",
        "WasmPlugin reviews: spec.url: url must have schema one of [http, https, file, oci]",
    ),
    (
        "the mode is not one of Istio's",
        WASM_PLUGIN,
        "CLIENT",
        "OUTBOUND",
        r#"WasmPlugin reviews: spec.match[0].mode: "OUTBOUND" is not one of "UNDEFINED", "CLIENT" or 2 other candidates"#,
    ),
    (
        "the priority is a text",
        WASM_PLUGIN,
        "priority: 10",
        "priority: '10'",
        r#"WasmPlugin reviews: spec.priority: "10" is not of types "null", "integer""#,
    ),
    (
        "the configuration is a text",
        WASM_PLUGIN,
        "pluginConfig: {",
        "pluginConfig: '' #",
        r#"WasmPlugin reviews: spec.pluginConfig: "" is not of type "object""#,
    ),
    (
        "a selector and a target",
        WASM_PLUGIN,
        "  match:",
        "  targetRefs: [ { kind: Service, name: reviews } ]\n  match:",
        "WasmPlugin reviews: spec: only one of targetRefs or selector can be set",
    ),
    (
        "a label with a star",
        WASM_PLUGIN,
        "app: productpage",
        "app: product*",
        "WasmPlugin reviews: spec.selector.matchLabels.app: wildcard not allowed in label value match",
    ),
    (
        "two variables of one name",
        WASM_PLUGIN,
        "value: a }",
        "value: a }, { name: ZONE, value: b }",
        "WasmPlugin reviews: spec.vmConfig.env[1]: another item has the same key",
    ),
    (
        "a value from the host",
        WASM_PLUGIN,
        "value: a }",
        "value: a, valueFrom: HOST }",
        "WasmPlugin reviews: spec.vmConfig.env[0]: value may only be set when valueFrom is INLINE",
    ),
    (
        "no name",
        WASM_PLUGIN,
        "name: reviews, namespace: bookinfo,",
        "namespace: bookinfo,",
        r#"WasmPlugin without a name: metadata: "name" is a required property"#,
    ),
    (
        "a name in capitals",
        WASM_PLUGIN,
        "name: reviews,",
        "name: Reviews,",
        r#"WasmPlugin Reviews: metadata.name: "Reviews" does not match "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$""#,
    ),
    (
        "metadata that nobody knows",
        WASM_PLUGIN,
        "namespace:",
        "nameSpace:",
        "WasmPlugin reviews: metadata: Additional properties are not allowed ('nameSpace' was unexpected)",
    ),
    (
        "neither wasm nor lua",
        TRAFFIC_EXTENSION,
        "  wasm:\n    url: registry.example.com/halftone:0.1.0\n    failStrategy: FAIL_OPEN\n    pluginConfig: { releases: [] }\n",
        "  phase: STATS\n",
        "TrafficExtension reviews: spec: exactly one of wasm or lua must be set",
    ),
    (
        "the module stands as in a WasmPlugin",
        TRAFFIC_EXTENSION,
        "  wasm:",
        "  url: oci://registry.example.com/halftone:0.1.0
  wasm:",
        "TrafficExtension reviews: spec: Additional properties are not allowed ('url' was unexpected)",
    ),
    (
        "the weight is a text",
        VIRTUAL_SERVICE,
        "weight: 100",
        "weight: '100'",
        r#"VirtualService reviews: spec.http[0].route[0].weight: "100" is not of type "integer""#,
    ),
    (
        "a match of two kinds",
        VIRTUAL_SERVICE,
        "exact: v2",
        "exact: v2, prefix: v",
        r#"VirtualService reviews: spec.http[0].match[0].headers.x-halftone-version: {"exact":"v2","prefix":"v"} is valid under more than one of the schemas listed in the 'oneOf' keyword"#,
    ),
    (
        "a port that is no object",
        VIRTUAL_SERVICE,
        "port: { number: 9080 }",
        "port: 9080",
        r#"VirtualService reviews: spec.http[0].route[0].destination.port: 9080 is not of type "object""#,
    ),
    (
        "a timeout that is no duration",
        VIRTUAL_SERVICE,
        "timeout: 5s",
        "timeout: soon",
        r#"VirtualService reviews: spec.http[0].timeout: the rule duration(self) >= duration('1ms') cannot be evaluated: Error executing function 'duration': Parsing Error: Error { input: "soon", code: Float }"#,
    ),
    (
        "a timeout of nothing",
        VIRTUAL_SERVICE,
        "timeout: 5s",
        "timeout: 0s",
        "VirtualService reviews: spec.http[0].timeout: must be a valid duration greater than 1ms",
    ),
    (
        "no host",
        DESTINATION_RULE,
        "  host: reviews\n",
        "",
        r#"DestinationRule reviews: spec: "host" is a required property"#,
    ),
    (
        "a subset without a name",
        DESTINATION_RULE,
        "name: v1, ",
        "",
        r#"DestinationRule reviews: spec.subsets[0]: "name" is a required property"#,
    ),
    (
        "a policy that Istio does not have",
        DESTINATION_RULE,
        "LEAST_REQUEST",
        "LEAST_LOAD",
        r#"DestinationRule reviews: spec.trafficPolicy.loadBalancer.simple: "LEAST_LOAD" is not one of "UNSPECIFIED", "LEAST_CONN" or 4 other candidates"#,
    ),
    (
        "two load balancers",
        DESTINATION_RULE,
        "simple: LEAST_REQUEST",
        "simple: LEAST_REQUEST, consistentHash: { useSourceIp: true }",
        r#"DestinationRule reviews: spec.trafficPolicy.loadBalancer: {"consistentHash":{"useSourceIp":true},"simple":"LEAST_REQUEST"} is valid under more than one of the schemas listed in the 'oneOf' keyword"#,
    ),
    (
        "an operation that Istio does not have",
        ENVOY_FILTER,
        "INSERT_BEFORE",
        "INSERT",
        r#"EnvoyFilter reviews: spec.configPatches[0].patch.operation: "INSERT" is not one of "INVALID", "MERGE" or 7 other candidates"#,
    ),
    (
        "a waypoint of no waypoint",
        ENVOY_FILTER,
        "context: SIDECAR_OUTBOUND",
        "context: WAYPOINT",
        "EnvoyFilter reviews: spec.configPatches[0].match: only support waypointMatch when context is WAYPOINT",
    ),
    (
        "providers are a map",
        TELEMETRY,
        "providers: [ { name: halftone } ]",
        "providers: { name: halftone }",
        r#"Telemetry halftone: spec.accessLogging[0].providers: {"name":"halftone"} is not of type "array""#,
    ),
    (
        "a header without a value",
        HTTP_ROUTE,
        ", value: v2",
        "",
        r#"HTTPRoute reviews: spec.rules[0].matches[0].headers[0]: "value" is a required property"#,
    ),
    (
        "one header twice",
        HTTP_ROUTE,
        "value: v2 }",
        "value: v2 }, { name: x-halftone-version, value: v3 }",
        "HTTPRoute reviews: spec.rules[0].matches[0].headers[1]: another item has the same key",
    ),
    (
        "a service without its port",
        HTTP_ROUTE,
        "name: reviews-v1, port: 9080",
        "name: reviews-v1",
        "HTTPRoute reviews: spec.rules[1].backendRefs[0]: Must have port for Service reference",
    ),
    (
        "a try that takes longer than the request",
        HTTP_ROUTE,
        "backendRequest: 5s",
        "backendRequest: 15s",
        "HTTPRoute reviews: spec.rules[1].timeouts: backendRequest timeout cannot be longer than request timeout",
    ),
    (
        "one parent twice",
        HTTP_ROUTE,
        "name: reviews, port: 9080 }",
        "name: reviews, port: 9080 }, { group: '', kind: Service, name: reviews, port: 9080 }",
        "HTTPRoute reviews: spec.parentRefs: sectionName must be unique when parentRefs includes 2 or more references to the same parent",
    ),
    (
        "an image without its place",
        ENVOY_EXTENSION_POLICY,
        ", image: { url: registry.example.com/halftone:0.1.0 }",
        "",
        "EnvoyExtensionPolicy reviews: spec.wasm[0].code: If type is Image, image field needs to be set.",
    ),
    (
        "a target of no gateway",
        ENVOY_EXTENSION_POLICY,
        "kind: HTTPRoute",
        "kind: Service",
        "EnvoyExtensionPolicy reviews: spec: this policy can only have a targetRefs[*].kind of Gateway/ListenerSet/HTTPRoute/GRPCRoute/TCPRoute/UDPRoute/TLSRoute",
    ),
    (
        "an interval that is no duration",
        POD_MONITOR,
        "15s",
        "often",
        r#"PodMonitor halftone: spec.podMetricsEndpoints[0].interval: "often" does not match "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$""#,
    ),
    (
        "a rule without an expression",
        PROMETHEUS_RULE,
        "expr: halftone_config_rejected > 0, ",
        "",
        r#"PrometheusRule halftone: spec.groups[0].rules[0]: "expr" is a required property"#,
    ),
    (
        "a number in a ConfigMap",
        CONFIG_MAP,
        "'{}'",
        "1",
        r#"ConfigMap dashboard: data.halftone.json: 1 is not of types "null", "string""#,
    ),
    (
        "a field that no container has",
        DEPLOYMENT,
        "image:",
        "picture:",
        "Deployment reviews-v1: spec.template.spec.containers[0]: Additional properties are not allowed ('picture' was unexpected)",
    ),
];

#[test]
fn a_valid_resource_of_each_kind_is_valid() {
    for text in ALL {
        assert_eq!(check(text, text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_nearly_valid_is_refused() {
    for (name, text, from, to, says) in MISTAKES {
        assert!(text.contains(from), "{name}: there is no {from}");
        let spoilt = text.replacen(from, to, 1);
        assert_eq!(check(name, &spoilt), [says], "{name}");
    }
}

#[test]
fn all_violations_of_all_resources_are_told() {
    let plugin = WASM_PLUGIN
        .replace("CLIENT", "OUTBOUND")
        .replace("priority: 10", "priority: high");
    let rule = DESTINATION_RULE.replace("  host: reviews\n", "");
    assert_eq!(
        check("two resources", &format!("{plugin}---\n---\n{rule}")),
        [
            r#"WasmPlugin reviews: spec.match[0].mode: "OUTBOUND" is not one of "UNDEFINED", "CLIENT" or 2 other candidates"#,
            r#"WasmPlugin reviews: spec.priority: "high" is not of types "null", "integer""#,
            r#"DestinationRule reviews: spec: "host" is a required property"#,
        ]
    );
}

/// What has no schema is no resource that a cluster would take, and never passes.
#[test]
fn what_nobody_knows_is_an_error() {
    let texts = [
        (
            "kind: WasmPlugin\napiVersion: extensions.istio.io/v1\n",
            "no schema is known of WasmPlugin of extensions.istio.io/v1; is it misspelt? else add its definition to tools/schemas",
        ),
        (
            "kind: Wasmplugin\napiVersion: extensions.istio.io/v1alpha1\n",
            "no schema is known of Wasmplugin of extensions.istio.io/v1alpha1; is it misspelt? else add its definition to tools/schemas",
        ),
        (
            "releases: []\n",
            "a document has no apiVersion and kind; only resources have a schema",
        ),
        ("# nothing\n---\n", "there is no resource in it"),
    ];
    for (text, says) in texts {
        assert_eq!(SCHEMAS.check(text).unwrap_err().to_string(), says);
    }
}

/// A group of the same first word is another group: the files of Kubernetes' own kinds are named after the first word.
#[test]
fn a_kind_of_another_group_is_not_taken_for_one_of_kubernetes() {
    let text =
        "apiVersion: networking.example.com/v1\nkind: Ingress\nmetadata: { name: reviews }\n";
    assert_eq!(
        check("a group", text),
        [
            r#"Ingress reviews: apiVersion: "networking.example.com/v1" is not one of "networking.k8s.io/v1""#
        ]
    );
}
