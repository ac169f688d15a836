//! What cannot be rendered, and why.

use serde_json::{Value, json};

use super::{BOOKINFO, SHOP, of_hosts, render};
use crate::file;

#[test]
fn a_flag_that_says_nothing_is_a_mistake() {
    let wasm = ["--kind", "wasmplugin"];
    let table: [(&[&str], &str); 21] = [
        (&[], "the following required arguments were not provided"),
        (
            &["--kind", "pod"],
            "invalid value 'pod' for '--kind <KIND>'",
        ),
        (
            &["--kind", "envoy,wasmplugin"],
            "halftonectl: --kind envoy is a file for Envoy and no resource; ask for it alone",
        ),
        (
            &["--kind", "wasmplugin", "--gateway", "public"],
            "halftonectl: --gateway is for --kind virtualservice alone; leave it away",
        ),
        (
            &["--kind", "wasmplugin", "--upstream", "v1=a:1"],
            "halftonectl: --upstream is for --kind envoy and httproute alone; leave it away",
        ),
        (
            &["--kind", "wasmplugin", "--target-ref", "HTTPRoute/a"],
            "halftonectl: --target-ref HTTPRoute/a: --kind wasmplugin is attached to Gateway, GatewayClass, Service, \
             ServiceEntry; render the kinds one by one, each with its own",
        ),
        (
            &["--kind", "envoygateway", "--target-ref", "Service/a"],
            "halftonectl: --target-ref Service/a: --kind envoygateway is attached to Gateway, HTTPRoute, GRPCRoute; \
             render the kinds one by one, each with its own",
        ),
        (
            &["--kind", "envoygateway", "--url", "file:///a.wasm"],
            "halftonectl: file:///a.wasm: Envoy Gateway fetches the module itself; give an image or a module that it \
             can reach: --url oci://… or https://…",
        ),
        (
            &["--kind", "virtualservice", "--service", "basket=b"],
            "halftonectl: --service basket=b: there is no release basket; the releases are shop, cart",
        ),
        (
            &["--kind", "virtualservice", "--service", "b"],
            "halftonectl: --service b: say of which release, as RELEASE=b; the releases are shop, cart",
        ),
        (
            &["--kind", "envoy", "--upstream", "v9=a:1"],
            "halftonectl: --upstream v9=…: there is none; give one of shop/v1.2, shop/v2_0, cart/1, cart/2",
        ),
        (
            &["--target-ref", "a"],
            "write it as Kind/name: Gateway/public",
        ),
        (
            &["--target-ref", "Pod/a"],
            "the kinds are Gateway, GatewayClass, Service, ServiceEntry, HTTPRoute, GRPCRoute",
        ),
        (
            &["--target-ref", "Gateway/a", "--selector", "a=b"],
            "cannot be used with",
        ),
        (&["--selector", "a"], "write it as key=value: app=reviews"),
        (
            &["--url", "ftp://a"],
            "give an image, oci://registry/name:tag, or a module, https://… or file:///…",
        ),
        (
            &["--sha256", "abc"],
            "give 64 hexadecimal digits, 0-9 and a-f",
        ),
        (
            &["--name", "A_b"],
            "use a-z, 0-9, - and ., a letter or digit first and last",
        ),
        (
            &["--namespace", "a.b"],
            "use up to 63 of a-z, 0-9 and -, a letter or digit first and last",
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
fn what_the_short_name_means_must_be_plain() {
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
            "halftonectl: --upstream v1=…: there are several; give one of a/v1, b/v1".into()
        )
    );
}

/// Exit code and what is said, without the file's name.
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
fn what_cannot_be_written_is_told_with_the_way_out() {
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
    let table: [(&Value, &str, &str); 14] = [
        (
            &json!({}),
            "virtualservice",
            "releases: there is no release, so --kind virtualservice has nothing to say; leave it away",
        ),
        (
            &json!({}),
            "destinationrule",
            "releases: there is no release, so --kind destinationrule has nothing to say; leave it away",
        ),
        (
            &by_authority,
            "virtualservice",
            "releases: no release routes by a header, so --kind virtualservice has nothing to say; leave it away",
        ),
        (
            &by_authority,
            "httproute",
            "releases: no release routes by a header, so --kind httproute has nothing to say; leave it away",
        ),
        (
            &by_authority,
            "destinationrule",
            "releases: no release routes by a header, and no mirror names a subset, so --kind destinationrule has nothing to \
             say; leave it away",
        ),
        (
            &of_two,
            "envoy",
            "releases[1].route.authority: `reviews-v2` is a host of releases[0] too, so Envoy could not tell whose a \
             request is; give each version a host that no other release has",
        ),
        (
            &one(&["reviews", "ratings", "*.example.com"], ["v1", "v2"]),
            "virtualservice",
            "releases[0].hosts[2]: `*.example.com` may be any of reviews.default.svc.cluster.local, \
             ratings.default.svc.cluster.local; say which service the release is of with --service r=HOST",
        ),
        (
            &twice,
            "virtualservice",
            "releases[1].hosts: reviews.default.svc.cluster.local is the service of releases[0] too; make one release of \
             them, or say whose it is with --service",
        ),
        (
            &one(&["*"], ["v1", "v2"]),
            "virtualservice",
            "releases[0].hosts[0]: a VirtualService for * is for gateways alone; name them with --gateway, or name the hosts",
        ),
        (
            &one(&["reviews"], ["v1.0", "v1-0"]),
            "destinationrule",
            "releases[0]: the versions `v1.0` and `v1-0` would both be the subset v1-0; rename one of them",
        ),
        (
            &mirrored,
            "destinationrule",
            "releases[0].mirrors[0]: Istio has no subset `v1.2`, as a subset's name has neither dots nor underscores; \
             call it v1-2",
        ),
        (
            &one(&["reviews"], ["V1", "v1"]),
            "httproute",
            "releases[0]: the versions `V1` and `v1` would have one service; rename one of them",
        ),
        (
            &one(&["reviews", "10.0.0.1", "[::1]"], ["v1", "v2"]),
            "httproute",
            "releases[0].hosts[1]: `10.0.0.1` cannot be a host of an HTTPRoute, which takes DNS names; leave it away\n\
             releases[0].hosts[2]: `[::1]` cannot be a host of an HTTPRoute, which takes DNS names; leave it away",
        ),
        (
            &many,
            "httproute",
            "releases[0]: has 17 versions; an HTTPRoute has rules for up to 15",
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
    assert!(said.contains("releases[0].principal: is missing"), "{said}");
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
            "WasmPlugin n/p: spec.pluginConfig.releases[0].hosts[0]: a VirtualService for *"
        ),
        "{said}"
    );
}
