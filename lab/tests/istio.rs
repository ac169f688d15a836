//! Routes of the mesh: requests reach the clusters to which Istio sends them.

use std::collections::BTreeSet;

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::envoy::Envoy;
use halftone_lab::istio::{Mesh, PASSTHROUGH, Role, Workload};
use halftone_resources::{Resource, read};

const REVIEWS: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: bookinfo }
spec:
  hosts: [reviews]
  http:
  - match:
    - headers: { x-version: { exact: v2 }, x-group: { prefix: be } }
    - uri: { prefix: /v2/ }
    - uri: { exact: /two }
    - uri: { regex: '/[0-9]+/two' }
    - authority: { exact: 'reviews:9082' }
    route: [ { destination: { host: reviews, subset: v2 } } ]
  - match: [ { headers: { x-any: {} } }, { headers: { x-code: { regex: 'a|ab' } } } ]
    route:
    - { destination: { host: reviews, subset: v1 }, weight: 0 }
    - { destination: { host: reviews, subset: v3 }, weight: 100 }
  - match: [ { uri: { prefix: / }, headers: { x-half: { exact: x } } } ]
    route:
    - { destination: { host: reviews, subset: v1 }, weight: 50 }
    - { destination: { host: reviews, subset: v3 }, weight: 50 }
  - match: [ { uri: { prefix: /open } } ]
    route: [ { destination: { host: reviews, port: { number: 9080 } } } ]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: bookinfo }
spec:
  host: reviews
  subsets: [ { name: v1, labels: { version: v1 } }, { name: v2 }, { name: v3 } ]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings, namespace: shadows }
spec: { host: ratings.bookinfo.svc.cluster.local, subsets: [ { name: v2 } ] }
---
releases:
- mirrors:
  - { destination: { host: ratings.bookinfo.svc.cluster.local, port: 9081 } }
  # No DestinationRule has this subset, so there is no such cluster.
  - { destination: { host: ratings.bookinfo.svc.cluster.local, port: 9081, subset: v9 } }
";

const V1: &str = "outbound|9080|v1|reviews.bookinfo.svc.cluster.local";
const V2: &str = "outbound|9080|v2|reviews.bookinfo.svc.cluster.local";
const V3: &str = "outbound|9080|v3|reviews.bookinfo.svc.cluster.local";
const ALL: &str = "outbound|9080||reviews.bookinfo.svc.cluster.local";
const RATINGS: &str = "outbound|9081||ratings.bookinfo.svc.cluster.local";

fn workload(namespace: &str, role: Role) -> Workload {
    Workload {
        namespace: namespace.to_owned(),
        role,
        port: None,
    }
}

fn waypoint() -> Role {
    Role::Waypoint {
        gateway: "waypoint".to_owned(),
        service: "reviews.bookinfo.svc.cluster.local".to_owned(),
    }
}

type Sent = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static [u8])],
);

/// Sends requests and checks the cluster that answers each, or that Envoy answers 404.
async fn routed(
    resources: &[Resource],
    workload: &Workload,
    table: &[(Sent, Option<&str>)],
) -> Result<()> {
    let mesh = Mesh::new(resources, workload)?;
    let upstreams = mesh.upstreams().await?;
    let envoy = Envoy::start(mesh.proxy(&upstreams)).await?;
    let client = Client::http1(envoy.address());
    for (sent, expected) in table {
        let (host, path, headers) = sent;
        let answer = client.get(host, path, headers).await?;
        assert_eq!(answer.upstream(), *expected, "{sent:?}");
        let status = if expected.is_some() { 200 } else { 404 };
        assert_eq!(answer.status, status, "{sent:?}");
    }
    envoy.stop().await
}

#[tokio::test]
async fn requests_of_a_sidecar_reach_the_clusters_of_istio() -> Result<()> {
    let table: [(Sent, Option<&str>); _] = [
        // All conditions of one match, any of the matches.
        (
            (
                "reviews",
                "/",
                &[("x-version", b"v2"), ("x-group", b"beta")],
            ),
            Some(V2),
        ),
        (("reviews", "/", &[("x-version", b"v2")]), None),
        (("reviews", "/v2/1", &[]), Some(V2)),
        (("reviews", "/two?x=1", &[]), Some(V2)),
        (("reviews", "/twofold", &[]), None),
        (("reviews", "/12/two", &[]), Some(V2)),
        (("reviews", "/12/two/3", &[]), None),
        (("reviews:9082", "/", &[]), Some(V2)),
        (("reviews", "/", &[("x-any", b"")]), Some(V3)),
        (("reviews", "/", &[("x-code", b"ab")]), Some(V3)),
        (("reviews", "/", &[("x-code", b"abc")]), None),
        (("reviews", "/open", &[]), Some(ALL)),
        // The first route that matches wins.
        (("reviews", "/v2/1", &[("x-any", b"1")]), Some(V2)),
        // The names of a service in any case and with any port.
        (("reviews:1", "/open", &[]), Some(ALL)),
        (("REVIEWS.bookinfo", "/open", &[]), Some(ALL)),
        (
            ("reviews.bookinfo.svc.cluster.local.", "/open", &[]),
            Some(ALL),
        ),
        // Istio normalizes paths.
        (("reviews", "/v2/../open", &[]), Some(ALL)),
        (("reviews.bookinfo.svc", "/open", &[]), Some(ALL)),
        (
            ("reviews.bookinfo.svc.cluster.local:9080", "/open", &[]),
            Some(ALL),
        ),
        (("reviews.other", "/open", &[]), Some(PASSTHROUGH)),
        // A service without a VirtualService.
        (("ratings", "/", &[]), Some(RATINGS)),
        (("example.com", "/", &[]), Some(PASSTHROUGH)),
    ];
    routed(
        &read(REVIEWS)?,
        &workload("bookinfo", Role::Sidecar),
        &table,
    )
    .await
}

#[tokio::test]
async fn a_waypoint_routes_every_host_to_the_clusters_of_its_service() -> Result<()> {
    let v2 = Some("inbound-vip|9080|http/v2|reviews.bookinfo.svc.cluster.local");
    let all = Some("inbound-vip|9080|http|reviews.bookinfo.svc.cluster.local");
    let table: [(Sent, Option<&str>); _] = [
        (("reviews", "/v2/1", &[]), v2),
        (("reviews:9080", "/open", &[]), all),
        (("shop.example.com", "/open", &[]), all),
        (("10.96.0.12:9080", "/open", &[]), all),
        (("ratings", "/", &[]), None),
    ];
    routed(&read(REVIEWS)?, &workload("bookinfo", waypoint()), &table).await?;
    let Role::Waypoint { gateway, .. } = waypoint() else {
        return Ok(());
    };
    let service = "ratings.bookinfo.svc.cluster.local".to_owned();
    let ratings = Role::Waypoint { gateway, service };
    let whole = Some("inbound-vip|9081|http|ratings.bookinfo.svc.cluster.local");
    let table: [(Sent, Option<&str>); _] = [(("reviews", "/", &[]), whole)];
    routed(&read(REVIEWS)?, &workload("bookinfo", ratings), &table).await
}

#[tokio::test]
async fn weights_split_a_route() -> Result<()> {
    let mesh = Mesh::new(&read(REVIEWS)?, &workload("bookinfo", Role::Sidecar))?;
    let upstreams = mesh.upstreams().await?;
    let envoy = Envoy::start(mesh.proxy(&upstreams)).await?;
    let client = Client::http1(envoy.address());
    let mut answered = BTreeSet::new();
    // All 64 requests go to one side once in 2^63 runs.
    for _ in 0..64 {
        let answer = client.get("reviews", "/", &[("x-half", b"x")]).await?;
        answered.insert(answer.upstream().unwrap_or_default().to_owned());
    }
    assert_eq!(Vec::from_iter(answered), [V1, V3]);
    envoy.stop().await
}

#[tokio::test]
async fn from_another_namespace_a_service_has_no_short_name() -> Result<()> {
    let table: [(Sent, Option<&str>); _] = [
        (("reviews", "/open", &[]), Some(PASSTHROUGH)),
        (("reviews.bookinfo", "/open", &[]), Some(ALL)),
        (("ratings.bookinfo.svc", "/", &[]), Some(RATINGS)),
    ];
    routed(&read(REVIEWS)?, &workload("other", Role::Sidecar), &table).await
}

#[tokio::test]
async fn a_gateway_has_only_the_routes_for_gateways() -> Result<()> {
    let service = |name, hosts, gateways, host| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: shop}}, \
             spec: {{hosts: [{hosts}], gateways: [{gateways}], \
             http: [{{route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}]}}]}}}}"
        )
    };
    let text = [
        service("any", "'*'", "ingress/public", "any"),
        service("shop", "shop.example.com", "ingress/public, mesh", "shop"),
        service(
            "wild",
            "'*.example.com', www.example.org",
            "ingress/public",
            "wild",
        ),
        service("inside", "inside.example.com", "mesh", "inside"),
    ];
    let resources = read(&text.join("\n---\n"))?;
    assert_eq!(Workload::of(&resources), workload("default", Role::Sidecar));
    let table: [(Sent, Option<&str>); _] = [
        (
            ("shop.example.com:8080", "/", &[]),
            Some("outbound|80||shop.shop.svc.cluster.local"),
        ),
        (
            ("inside.example.com", "/", &[]),
            Some("outbound|80||wild.shop.svc.cluster.local"),
        ),
        (
            ("www.example.org", "/", &[]),
            Some("outbound|80||wild.shop.svc.cluster.local"),
        ),
        (
            ("shop", "/", &[]),
            Some("outbound|80||any.shop.svc.cluster.local"),
        ),
    ];
    routed(&resources, &workload("ingress", Role::Gateway), &table).await?;
    let resources = read(&text[1])?;
    let table: [(Sent, Option<&str>); _] = [(("shop", "/", &[]), None)];
    routed(&resources, &workload("ingress", Role::Gateway), &table).await
}

#[test]
fn a_workload_fits_its_resources() -> Result<()> {
    let gateway = "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, \
                   spec: {gateways: [ingress/public]}}";
    let plugin = "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: a, namespace: ingress}}";
    let attached = "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: a, namespace: bookinfo}, \
                    spec: {targetRefs: [{kind: Service, name: reviews}]}}";
    for (text, expected) in [
        (REVIEWS.to_owned(), workload("default", Role::Sidecar)),
        (plugin.to_owned(), workload("ingress", Role::Sidecar)),
        (
            format!("{gateway}\n---\n{plugin}"),
            workload("ingress", Role::Gateway),
        ),
        (
            format!("{gateway}\n---\n{plugin}\n---\n{REVIEWS}"),
            workload("ingress", Role::Sidecar),
        ),
        (attached.to_owned(), workload("bookinfo", waypoint())),
    ] {
        assert_eq!(Workload::of(&read(&text)?), expected, "{text}");
    }
    Ok(())
}

#[test]
fn each_service_and_each_subset_has_a_cluster() -> Result<()> {
    let resources = read(REVIEWS)?;
    let of = |role| Mesh::new(&resources, &workload("bookinfo", role));
    let expected = [
        RATINGS,
        "outbound|9081|v2|ratings.bookinfo.svc.cluster.local",
        ALL,
        V1,
        V2,
        V3,
        PASSTHROUGH,
    ];
    assert_eq!(of(Role::Sidecar)?.clusters(), expected);
    assert_eq!(of(Role::Gateway)?.clusters(), &expected[..6]);
    let at_waypoint = |name: &&str| {
        let name = name.replace("outbound|", "inbound-vip|");
        match name.contains("||") {
            true => name.replace("||", "|http|"),
            false => name.replace("|v", "|http/v"),
        }
    };
    let expected: Vec<String> = expected[..6].iter().map(at_waypoint).collect();
    assert_eq!(of(waypoint())?.clusters(), expected);
    Ok(())
}

#[test]
fn a_field_that_the_lab_does_not_translate_is_an_error() -> Result<()> {
    let text = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: bookinfo }
spec:
  hosts: [reviews, reviews.bookinfo.svc.cluster.local]
  http:
  - match: [ { uri: { prefix: /, exact: / }, scheme: { exact: http } }, { headers: { a: { exact: b, regex: c } } } ]
    fault: { abort: { httpStatus: 500 } }
    route: [ { destination: { host: reviews, subset: v9 } } ]
  - route:
    - { destination: { host: ratings }, weight: 1 }
    - { destination: { host: reviews, port: { number: 9080 } } }
  - route: []
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: details, namespace: bookinfo }
spec: { host: details, subsets: [ { name: v1 } ] }
";
    let service = "VirtualService bookinfo/reviews: spec";
    let (reviews, ratings, details) = (
        "reviews.bookinfo.svc.cluster.local",
        "ratings.bookinfo.svc.cluster.local",
        "details.bookinfo.svc.cluster.local",
    );
    let expected = [
        format!(
            "DestinationRule bookinfo/details: spec.host: no route and no mirror names a port of {details}"
        ),
        format!("{service}.http[0].fault: the lab does not translate it"),
        format!(
            "{service}.http[0].route[0].destination.subset: no DestinationRule of {reviews} has the subset v9, \
             so Envoy would answer 503"
        ),
        format!("{service}.http[0].route: has no destination with a weight"),
        format!("{service}.http[0].match[0].scheme: the lab does not translate it"),
        format!("{service}.http[0].match[0].uri: has more than one test"),
        format!("{service}.http[0].match[1].headers.a: has more than one test"),
        format!(
            "{service}.http[1].route[0].destination.port: expected one port of {ratings}, got []"
        ),
        format!("{service}.http[2].route: has no destination with a weight"),
        format!("{service}.hosts: another VirtualService has {reviews}"),
        format!("service {details}: expected one port of {details}, got []"),
        format!("service {ratings}: expected one port of {ratings}, got []"),
    ];
    let translated = Mesh::new(&read(text)?, &workload("bookinfo", Role::Sidecar));
    let translated = translated.map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(translated, Err(expected.join("\n")));
    Ok(())
}
