//! Findings on a plugin of the mesh.

use super::{RELEASE, findings, plugin_with};

/// Each row has other fields of `spec`, and the finding.
fn hold(table: &[(&str, &str)], release: &str) {
    for (fields, said) in table {
        let found = findings(&[plugin_with(fields, release)]);
        let expected: Vec<String> = said
            .lines()
            .map(|line| format!("WasmPlugin bookinfo/reviews: {line}"))
            .collect();
        assert_eq!(found, expected, "{fields}");
    }
}

const TWICE: &str = "spec.match: includes both directions, so a request between two sidecars is decided and mirrored twice; write match: [ { mode: CLIENT } ], which is right at gateways too";
const SERVER: &str = "spec.match: has only mode SERVER, where a request has already reached its version; write match: [ { mode: CLIENT } ]";
const WAYPOINT: &str =
    "spec.match: never matches at a waypoint, which has neither mode CLIENT nor ports; omit match";

#[test]
fn a_request_meets_a_plugin_once_where_it_is_sent() {
    let open = |fields: &str| format!("failStrategy: FAIL_OPEN, {fields}");
    let table = [
        ("selector: {}", TWICE),
        (
            "selector: { matchLabels: { istio: ingressgateway } }",
            TWICE,
        ),
        ("match: [ {} ]", TWICE),
        ("match: [ { mode: UNDEFINED } ]", TWICE),
        (
            "match: [ { mode: CLIENT_AND_SERVER, ports: [ { number: 80 } ] } ]",
            TWICE,
        ),
        ("match: [ { mode: CLIENT }, { mode: SERVER } ]", TWICE),
        ("match: [ { mode: SERVER } ]", SERVER),
        ("match: [ { mode: CLIENT } ]", ""),
        ("match: [ { mode: CLIENT, ports: [ { number: 80 } ] } ]", ""),
    ];
    for (fields, said) in table {
        hold(&[(&open(fields), said)], RELEASE);
    }
    hold(&[(&open("selector: {}"), "")], "");
}

#[test]
fn a_field_or_a_word_that_the_cluster_does_not_know_is_found() {
    let known = "selector, targetRefs, match, url, failStrategy, phase, priority, pluginConfig, pluginName, sha256, imagePullPolicy, imagePullSecret, vmConfig, type, targetRef, verificationKey";
    let table = [
        (
            "failStrategy: FAIL_OPN, match: [ { mode: CLIENT } ]",
            "spec.failStrategy: unknown value \"FAIL_OPN\"; did you mean FAIL_OPEN? The values are FAIL_CLOSE, FAIL_OPEN, FAIL_RELOAD".to_owned(),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], phase: AUTHENTICATION",
            "spec.phase: unknown value \"AUTHENTICATION\"; the values are AUTHN, AUTHZ, STATS, UNSPECIFIED_PHASE".to_owned(),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], phase: authz",
            "spec.phase: unknown value \"authz\"; did you mean AUTHZ? The values are AUTHN, AUTHZ, STATS, UNSPECIFIED_PHASE".to_owned(),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], imagePullPolicy: always",
            "spec.imagePullPolicy: unknown value \"always\"; did you mean Always? The values are IfNotPresent, Always, UNSPECIFIED_POLICY".to_owned(),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], selctor: {}",
            format!("spec.selctor: unknown field; did you mean `selector`? The fields here are {known}"),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], accessLog: true",
            format!("spec.accessLog: unknown field; `accessLog` belongs under `pluginConfig`; the fields here are {known}"),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT, port: 80 } ]",
            "spec.match[0].port: unknown field; did you mean `ports`? The fields here are mode, ports".to_owned(),
        ),
        (
            "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], selector: { app: web }",
            "spec.selector.app: unknown field; the fields here are matchLabels".to_owned(),
        ),
    ];
    for (fields, said) in &table {
        hold(&[(fields, said)], RELEASE);
    }
}

#[test]
fn a_plugin_that_only_mirrors_may_run_where_requests_arrive() {
    let release = "{ name: reviews, hosts: [reviews], principal: v1, mirrors: [ { name: next, cluster: next } ] }";
    hold(
        &[
            ("failStrategy: FAIL_OPEN, match: [ { mode: SERVER } ]", ""),
            ("failStrategy: FAIL_OPEN, match: []", TWICE),
        ],
        release,
    );
}

#[test]
fn a_waypoint_has_neither_mode_client_nor_ports() {
    let to = |kind: &str, name: &str, traffic: &str| {
        format!(
            "failStrategy: FAIL_OPEN, targetRefs: [ {{ kind: {kind}, name: {name} }} ], match: [ {traffic} ]"
        )
    };
    let table = [
        (to("Service", "reviews", "{ mode: CLIENT }"), WAYPOINT),
        (
            to("ServiceEntry", "reviews", "{ ports: [ { number: 80 } ] }"),
            WAYPOINT,
        ),
        (
            to("GatewayClass", "istio-waypoint", "{ mode: CLIENT }"),
            WAYPOINT,
        ),
        (to("Service", "reviews", ""), ""),
        (to("Service", "reviews", "{ mode: SERVER }"), ""),
        (to("Service", "reviews", "{ mode: CLIENT }, {}"), ""),
        (to("Gateway", "ingress", "{ mode: CLIENT }"), ""),
        (to("Gateway", "ingress", ""), ""),
    ];
    let release = RELEASE.replace("[reviews]", "['*']");
    for (fields, said) in table {
        hold(&[(&fields, said)], &release);
    }
}

const SOME: &str = "spec.pluginConfig.releases[0].hosts: a waypoint passes on every request for its service, whatever the host is, so requests for other names or the IP address of the service are not decided; write hosts: [\"*\"]";

#[test]
fn a_release_in_the_waypoint_of_its_service_claims_every_host() {
    let to = |kind: &str, name: &str| {
        format!("failStrategy: FAIL_OPEN, targetRefs: [ {{ kind: {kind}, name: {name} }} ]")
    };
    let service = to("Service", "reviews");
    let release = |claims: &str| RELEASE.replace("hosts: [reviews]", claims);
    let two = format!(
        "{}, {}",
        release("hosts: [reviews]"),
        release("hosts: [reviews.example.com]").replace("name: reviews", "name: others")
    );
    let table = [
        (&service, release("hosts: ['*']"), ""),
        (&service, release("hosts: [reviews]"), SOME),
        (
            &service,
            release("hosts: [reviews.bookinfo, reviews.bookinfo.svc.cluster.local]"),
            SOME,
        ),
        // A host that is no name of the service shows that only some requests are meant.
        (&service, release("hosts: [reviews, shop.example.com]"), ""),
        (
            &service,
            release("services: [ { name: reviews, namespace: bookinfo } ]"),
            "",
        ),
        (&service, two, ""),
        (&to("Service", "other"), release("hosts: [reviews]"), ""),
        (&to("Gateway", "waypoint"), release("hosts: [reviews]"), ""),
        (
            &to("ServiceEntry", "reviews"),
            release("hosts: [reviews]"),
            "",
        ),
    ];
    for (fields, release, said) in table {
        hold(&[(fields, said)], &release);
    }
}

#[test]
fn the_fail_strategy_is_explicit() {
    let missing = "spec.failStrategy: missing, so Envoy rejects every request while the module cannot be fetched; write FAIL_OPEN, or FAIL_CLOSE to keep that";
    hold(
        &[
            ("match: [ { mode: CLIENT } ]", missing),
            ("match: [ { mode: CLIENT } ], failStrategy: FAIL_CLOSE", ""),
            ("match: [ { mode: CLIENT } ], failStrategy: FAIL_RELOAD", ""),
        ],
        RELEASE,
    );
}

#[test]
fn the_type_of_the_module_is_http() {
    let network =
        "spec.type: NETWORK filters see connections, not requests; write HTTP, or omit type";
    let fields = "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], type";
    hold(
        &[
            (&format!("{fields}: NETWORK"), network),
            (&format!("{fields}: HTTP"), ""),
        ],
        RELEASE,
    );
    let extension = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{ name: a }}\nspec: {{ match: [ {{ mode: CLIENT }} ], wasm: {{ url: a, type: NETWORK, pluginConfig: {{ releases: [ {RELEASE} ] }} }} }}"
    );
    assert_eq!(
        findings(&[extension]),
        [
            "TrafficExtension default/a: spec.wasm.type: NETWORK filters see connections, not requests; write HTTP, or omit type",
            "TrafficExtension default/a: spec.wasm.failStrategy: missing, so Envoy rejects every request while the module cannot be fetched; write FAIL_OPEN, or FAIL_CLOSE to keep that",
        ]
    );
}

#[test]
fn a_token_is_read_after_it_is_verified() {
    let release = |key: &str| {
        format!(
            "{{ name: reviews, hosts: [reviews], principal: v1, canary: {{ session: {{ key: [ {{ {key} }} ] }} }} }}"
        )
    };
    let early = "spec.phase: AUTHN runs before tokens are verified, but a session uses jwtClaim; omit phase";
    let fields = "failStrategy: FAIL_OPEN, match: [ { mode: CLIENT } ], phase";
    hold(
        &[
            (&format!("{fields}: AUTHN"), early),
            (&format!("{fields}: AUTHZ"), ""),
            (&format!("{fields}: STATS"), ""),
        ],
        &release("jwtClaim: sub"),
    );
    hold(
        &[(&format!("{fields}: AUTHN"), "")],
        &release("header: x-user"),
    );
}
