//! Documents that cannot be rendered, and the messages.

use serde_json::{Value, json};

use super::{BOOKINFO, SHOP, of_hosts, render};
use crate::file;

#[test]
fn a_flag_without_effect_is_a_usage_error() {
    let wasm = ["--kind", "wasmplugin"];
    let table: [(&[&str], &str); 29] = [
        (&[], "the following required arguments were not provided"),
        (
            &["--kind", "pod"],
            "invalid value 'pod' for '--kind <KIND>'",
        ),
        (
            &["--kind", "envoy,wasmplugin"],
            "halftonectl: --kind envoy prints a file for Envoy, not a resource; render it without other kinds",
        ),
        (
            &["--kind", "wasmplugin", "--gateway", "public"],
            "halftonectl: --gateway has an effect only with --kind virtualservice and istio; omit it",
        ),
        (
            &["--kind", "istio", "--admin", "1"],
            "halftonectl: --admin has an effect only with --kind envoy; omit it",
        ),
        (
            &["--kind", "istio", "--live", "a"],
            "halftonectl: --live has an effect only with --kind envoy; omit it",
        ),
        (
            &["--kind", "envoy", "--live", "a", "-o", "a"],
            "cannot be used with",
        ),
        (
            &["--kind", "httproute", "--upstream", "v1.2=http2://a:1"],
            "halftonectl: --upstream v1.2=http2://…: an HTTPRoute has no protocol; omit http2://, and set appProtocol: \
             kubernetes.io/h2c at the port of the Service",
        ),
        (
            &["--kind", "envoy", "--listen", "localhost:80"],
            "write a port, or ADDRESS:PORT: 127.0.0.1:8080, [::]:8080",
        ),
        (&["--kind", "envoy", "--listen", "0"], "write a port, or"),
        (
            &["--kind", "envoy", "--admin", "127.0.0.1:0"],
            "write a port, or",
        ),
        (
            &["--kind", "wasmplugin", "--upstream", "v1=a:1"],
            "halftonectl: --upstream has an effect only with --kind envoy, envoygateway and httproute; omit it",
        ),
        (
            &["--kind", "httproute", "--merge-backends"],
            "halftonectl: --merge-backends has an effect only with --kind envoygateway; omit it",
        ),
        (
            &["--kind", "wasmplugin", "--target-ref", "HTTPRoute/a"],
            "halftonectl: --target-ref HTTPRoute/a: the targets of --kind wasmplugin are Gateway, GatewayClass, Service, \
             ServiceEntry; render each kind by itself with its own target",
        ),
        (
            &["--kind", "envoygateway", "--target-ref", "Service/a"],
            "halftonectl: --target-ref Service/a: the targets of --kind envoygateway are Gateway, HTTPRoute, GRPCRoute; \
             render each kind by itself with its own target",
        ),
        (
            &["--kind", "envoygateway", "--url", "file:///a.wasm"],
            "halftonectl: file:///a.wasm: Envoy Gateway fetches the module itself and cannot read files; write --url \
             oci://… or https://…",
        ),
        (
            &["--kind", "virtualservice", "--service", "basket=b"],
            "halftonectl: --service basket=b: there is no release basket; write one of shop, cart",
        ),
        (
            &["--kind", "virtualservice", "--service", "b"],
            "halftonectl: --service b: does not name its release; write RELEASE=b, where RELEASE is one of shop, cart",
        ),
        (
            &["--kind", "envoy", "--upstream", "v9=a:1"],
            "halftonectl: --upstream v9=…: there is no such version or mirror; write one of shop/v1.2, shop/v2_0, cart/1, cart/2",
        ),
        (
            &["--target-ref", "a"],
            "write it as Kind/name: Gateway/public",
        ),
        (
            &["--target-ref", "Pod/a"],
            "unknown kind; write one of Gateway, GatewayClass, Service, ServiceEntry, HTTPRoute, GRPCRoute",
        ),
        (
            &["--target-ref", "Gateway/a", "--selector", "a=b"],
            "cannot be used with",
        ),
        (&["--selector", "a"], "write it as key=value: app=reviews"),
        (
            &["--url", "ftp://a"],
            "write the URL of an image, oci://registry/name:tag, or of a module, https://… or file:///…",
        ),
        (
            &["--sha256", "abc"],
            "write 64 hexadecimal digits, 0-9 and a-f",
        ),
        (
            &["--name", "A_b"],
            "use a-z, 0-9, - and . only, with a letter or digit first and last",
        ),
        (
            &["--namespace", "a.b"],
            "use at most 63 of a-z, 0-9 and -, with a letter or digit first and last",
        ),
        (
            &["--upstream", "v1=a"],
            "write it as VERSION=HOST:PORT: v2=reviews-v2.bookinfo:9080",
        ),
        (&["--port", "0"], "0 is not in 1..=65535"),
    ];
    for (flags, expected) in table {
        let kind: &[&str] = if flags.is_empty() || flags.contains(&"--kind") {
            &[]
        } else {
            &wasm
        };
        let run = render(&[&[SHOP], kind, flags].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{flags:?}: {run:?}");
        assert!(run.err.contains(expected), "{flags:?}: {}", run.err);
    }
}

#[test]
fn a_short_name_must_not_be_ambiguous() {
    let run = render(&[
        BOOKINFO,
        "--kind",
        "envoy",
        "--upstream",
        "v2=a:1",
        "--upstream",
        "shadow=b:1",
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let release = |name: &str| json!({"name": name, "hosts": [name], "principal": "v1", "blueGreen": {"active": "v1"}});
    let run = of(
        &json!({"releases": [release("a"), release("b")]}),
        &["--kind", "envoy", "--upstream", "v1=a:1"],
    );
    assert_eq!(
        run,
        (
            2,
            "halftonectl: --upstream v1=…: there are several; write one of a/v1, b/v1".into()
        )
    );
}

/// The exit status and the message, without the file name.
fn of(config: &Value, args: &[&str]) -> (i32, String) {
    let (_folder, path) = file("config.json", config.to_string());
    let run = render(&[&[path.as_str()], args].concat());
    assert_eq!(run.out, "");
    (
        run.code,
        run.err.replace(&format!("{path}: "), "").trim_end().into(),
    )
}

#[test]
fn what_cannot_be_rendered_is_reported_with_a_remedy() {
    let release = |name: &str, hosts: &[&str], versions: [&str; 2]| {
        let split =
            json!([{"version": versions[0], "weight": 1}, {"version": versions[1], "weight": 1}]);
        json!({"name": name, "hosts": hosts, "principal": versions[0], "canary": {"split": split}})
    };
    let one =
        |hosts: &[&str], versions: [&str; 2]| json!({"releases": [release("r", hosts, versions)]});
    let mut by_authority = one(&["reviews"], ["v1", "v2"]);
    by_authority["releases"][0]["route"] =
        json!({"authority": {"v1": "reviews-v1", "v2": "reviews-v2"}});
    let mut of_two = by_authority.clone();
    of_two["releases"]
        .as_array_mut()
        .unwrap()
        .push(release("s", &["reviews-v2"], ["v1", "v2"]));
    let mut mirrored = of_hosts(&["reviews"]);
    mirrored["releases"][0]["mirrors"] = json!([{"name": "m", "destination": {"host": "a.b.svc.cluster.local", "port": 80, "subset": "v1.2"}}]);
    let twice = json!({"releases": [
        release("r", &["reviews"], ["v1", "v2"]),
        release("s", &["reviews.default"], ["v1", "v2"]),
    ]});
    let many: Vec<Value> = (0..17)
        .map(|n| json!({"version": format!("v{n}"), "weight": 1}))
        .collect();
    let many = json!({"releases": [{"name": "r", "hosts": ["r"], "principal": "v0", "canary": {"split": many}}]});
    let table: [(&Value, &str, &str); 15] = [
        (
            &json!({}),
            "virtualservice",
            "releases: there is no release, so --kind virtualservice would be empty; omit it",
        ),
        (
            &json!({}),
            "destinationrule",
            "releases: there is no release, so --kind destinationrule would be empty; omit it",
        ),
        (
            &by_authority,
            "virtualservice",
            "releases: no release routes by a header, so --kind virtualservice would be empty; omit it",
        ),
        (
            &by_authority,
            "httproute",
            "releases: no release routes by a header, so --kind httproute would be empty; omit it",
        ),
        (
            &by_authority,
            "destinationrule",
            "releases: no release routes by a header, and no mirror names a subset, so --kind destinationrule would be \
             empty; omit it",
        ),
        (
            &of_two,
            "envoy",
            "releases[1].route.authority: `reviews-v2` is a host of releases[0] too, so Envoy could not select \
             the route; give each version a host that no other release has",
        ),
        (
            &one(&["reviews", "ratings", "*.example.com"], ["v1", "v2"]),
            "virtualservice",
            "releases[0].hosts[2]: `*.example.com` could be any of reviews.default.svc.cluster.local, \
             ratings.default.svc.cluster.local; choose the service of the release with --service r=HOST",
        ),
        (
            &one(&["reviews", "ratings", "*.example.com"], ["v1", "v2"]),
            "envoy",
            "releases[0].hosts[2]: `*.example.com` could be any of reviews.default.svc.cluster.local, \
             ratings.default.svc.cluster.local; choose the service of the release with --service r=HOST",
        ),
        (
            &twice,
            "virtualservice",
            "releases[1].hosts: reviews.default.svc.cluster.local is the service of releases[0] too; merge the two releases, or \
             give each its service with --service",
        ),
        (
            &one(&["*"], ["v1", "v2"]),
            "virtualservice",
            "releases[0].hosts[0]: only gateways can use a VirtualService for *; name the gateways with --gateway, or the service of \
             a waypoint with --target-ref Service/NAME, or list the hosts",
        ),
        (
            &one(&["reviews"], ["v1.0", "v1-0"]),
            "destinationrule",
            "releases[0]: the versions `v1.0` and `v1-0` would both have the subset v1-0; rename one of them",
        ),
        (
            &mirrored,
            "destinationrule",
            "releases[0].mirrors[0]: Istio does not allow dots or underscores in the name of a subset such as `v1.2`; \
             write v1-2",
        ),
        (
            &one(&["reviews"], ["V1", "v1"]),
            "httproute",
            "releases[0]: the versions `V1` and `v1` would have the same service; rename one of them",
        ),
        (
            &one(&["reviews", "10.0.0.1", "[::1]"], ["v1", "v2"]),
            "httproute",
            "releases[0].hosts[1]: `10.0.0.1` is not a DNS name, which an HTTPRoute requires; omit it\n\
             releases[0].hosts[2]: `[::1]` is not a DNS name, which an HTTPRoute requires; omit it",
        ),
        (
            &many,
            "httproute",
            "releases[0]: has 17 versions, but an HTTPRoute has rules for at most 15; write fewer versions",
        ),
    ];
    for (config, kind, expected) in table {
        assert_eq!(
            of(config, &["--kind", kind]),
            (1, expected.into()),
            "{kind}"
        );
    }
}

#[test]
fn a_refused_configuration_is_not_rendered() {
    let (code, said) = of(
        &json!({"releases": [{"name": "r", "hosts": ["r"]}]}),
        &["--kind", "wasmplugin"],
    );
    assert_eq!(code, 1);
    assert!(said.contains("releases[0].principal: "), "{said}");
}

#[test]
fn a_finding_names_the_resource() {
    let plugin = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"pluginConfig": of_hosts(&["*"])},
    });
    let (_, said) = of(&plugin, &["--kind", "virtualservice"]);
    assert!(
        said.starts_with(
            "WasmPlugin n/p: spec.pluginConfig.releases[0].hosts[0]: only gateways can use a VirtualService for *"
        ),
        "{said}"
    );
}
