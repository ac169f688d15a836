//! Headers of clients and upstreams never pass as headers of the filter.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use halftone_lab::client::{Answer, raw};
use halftone_lab::proxy::{Proxy, Route};
use halftone_lab::upstream::Script;
use serde_json::{Value, json};

use crate::scene::{ASK, ASKED, DECISION, PROTOCOLS, Scene, Sent, VERSION, active, echoed, plugin};

/// The routing header of `ratings`.
const RATINGS: &str = "x-ratings-version";

/// `reviews` goes to v2, `ratings` to v1, and `catalog` to v2 by authority.
fn config() -> Value {
    let release = |name: &str, active: &str, route: Value| json!({"name": name, "hosts": [name], "principal": "v1", "blueGreen": {"active": active}, "route": route});
    json!({
        "releases": [
            release("reviews", "v2", json!({"header": VERSION})),
            release("ratings", "v1", json!({"header": RATINGS})),
            release("catalog", "v2", json!({"authority": {"v1": "catalog-v1", "v2": "catalog-v2"}})),
        ],
        "explain": {"header": ASK},
    })
}

async fn scene() -> Result<Scene> {
    Scene::of(|proxy| {
        proxy
            .plugin(plugin(&config()))
            .route(Route::header(RATINGS, "v1").to("v1"))
            .route(Route::header(RATINGS, "v2").to("v2"))
            .route(Route::authority("catalog-v1").to("v1"))
            .route(Route::authority("catalog-v2").to("v2"))
    })
    .await
}

/// The host and headers of a request, its upstream, and the values of both routing headers there.
type Row = (&'static str, Sent, &'static str, Values, Values);
type Values = &'static [&'static str];

#[tokio::test]
async fn a_routing_header_of_a_client_has_no_effect() -> Result<()> {
    let scene = scene().await?;
    let table: [Row; 13] = [
        ("reviews", &[], "v2", &["v2"], &[]),
        ("reviews", &[(VERSION, b"v1")], "v2", &["v2"], &[]),
        ("reviews", &[(VERSION, b"v2")], "v2", &["v2"], &[]),
        (
            "reviews",
            &[(VERSION, b"v2"), (VERSION, b"v2")],
            "v2",
            &["v2"],
            &[],
        ),
        (
            "reviews",
            &[(VERSION, b"v2"), (VERSION, b"v1")],
            "v2",
            &["v2"],
            &[],
        ),
        (
            "reviews",
            &[(VERSION, b"v1"), (VERSION, b"v2")],
            "v2",
            &["v2"],
            &[],
        ),
        ("reviews", &[(VERSION, b"")], "v2", &["v2"], &[]),
        (
            "reviews",
            &[(VERSION, b"\xff\xfe"), (RATINGS, b"\xff\xfe")],
            "v2",
            &["v2"],
            &[],
        ),
        (
            "reviews",
            &[(RATINGS, b"v1"), (RATINGS, b"v2")],
            "v2",
            &["v2"],
            &[],
        ),
        (
            "ratings",
            &[(VERSION, b"v2"), (RATINGS, b"v2")],
            "v1",
            &[],
            &["v1"],
        ),
        (
            "catalog",
            &[(VERSION, b"v1"), (RATINGS, b"v1")],
            "v2",
            &[],
            &[],
        ),
        (
            "other",
            &[(VERSION, b"v2"), (RATINGS, b"v1")],
            "nobody",
            &[],
            &[],
        ),
        (
            "other",
            &[(VERSION, b"v2"), (VERSION, b""), (VERSION, b"\xff")],
            "nobody",
            &[],
            &[],
        ),
    ];
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (host, sent, upstream, version, ratings) in table {
            let what = format!("{protocol:?} {host} {sent:?}");
            let answer = client.get(host, "/", sent).await?;
            assert_eq!(answer.upstream(), Some(upstream), "{what}");
            assert_eq!(echoed(&answer, VERSION)?, version, "{what}");
            assert_eq!(echoed(&answer, RATINGS)?, ratings, "{what}");
        }
    }
    scene.end().await
}

#[tokio::test]
async fn the_case_of_a_header_name_has_no_effect() -> Result<()> {
    let scene = scene().await?;
    for (host, upstream) in [
        ("reviews", &scene.upstreams.v2),
        ("other", &scene.upstreams.nobody),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nX-HALFTONE-VERSION: v1\r\nX-Halftone-Version: v2\r\n\
             X-RATINGS-VERSION: v1\r\nX-HALFTONE-EXPLAIN: 1\r\nConnection: close\r\n\r\n"
        );
        let heard = raw(scene.envoy.address(), request.as_bytes()).await?;
        assert!(
            heard.starts_with(b"HTTP/1.1 200"),
            "{}",
            heard.escape_ascii()
        );
        let requests = upstream.requests();
        assert_eq!(requests.len(), 1, "{host}");
        let expected: &[&[u8]] = if host == "reviews" { &[b"v2"] } else { &[] };
        assert_eq!(requests[0].values(VERSION), expected, "{host}");
        assert!(requests[0].values(RATINGS).is_empty(), "{host}");
    }
    scene.end().await
}

#[tokio::test]
async fn a_forged_decision_is_replaced_if_the_client_asks() -> Result<()> {
    let scene = Scene::new(&active("v2")).await?;
    let forged = Script::echo().header(DECISION, "release=reviews version=v1 reason=forged");
    scene.upstreams.v2.script(forged.header(DECISION, "twice"));
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        // A client cannot write it either.
        let answer = client
            .get("reviews", "/", &[ASKED, (DECISION, b"mine")])
            .await?;
        let decisions: Vec<&[u8]> = answer
            .headers
            .get_all(DECISION)
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        assert_eq!(
            decisions,
            [b"release=reviews version=v2 reason=active"],
            "{protocol:?}"
        );
    }
    scene.end().await
}

/// The part of the HttpConnectionManager in `manifests/strip-header`.
fn stripping() -> Result<Value> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/strip-header/envoyfilter.yaml");
    let resource: Value = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    Ok(resource["spec"]["configPatches"][0]["patch"]["value"]["typed_config"].clone())
}

/// Without the manifest, the route obeys the client in the first two cases.
#[tokio::test]
async fn the_manifest_removes_the_header_of_a_client_whether_or_not_the_filter_runs() -> Result<()>
{
    let bad = plugin(&json!({"releases": 1}));
    for (plugin, expected) in [
        (None, "nobody"),
        (Some(bad), "nobody"),
        (Some(plugin(&active("v2"))), "v2"),
    ] {
        let fields = stripping()?;
        let scene = Scene::of(|proxy| {
            let proxy = proxy.manager(fields);
            plugin.into_iter().fold(proxy, Proxy::plugin)
        })
        .await?;
        for protocol in PROTOCOLS {
            for sent in [
                &[(VERSION, b"v1".as_slice())][..],
                &[(VERSION, b"v1"), (VERSION, b"v1")],
            ] {
                let answer = scene.client(protocol).get("reviews", "/", sent).await?;
                assert_eq!(answer.upstream(), Some(expected), "{protocol:?}");
            }
        }
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_response_has_no_decision_unless_explain_is_configured_and_asked_for() -> Result<()> {
    let mut silent = active("v2");
    silent
        .as_object_mut()
        .map(|config| config.remove("explain"));
    for (config, fields) in [
        (silent, [ASKED]),
        (active("v2"), [("x-other", b"1".as_slice())]),
    ] {
        let scene = Scene::new(&config).await?;
        let answer = scene.get(&fields).await?;
        assert_eq!(
            (answer.upstream(), answer.header(DECISION)),
            (Some("v2"), None)
        );
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_other_header_is_added_to_a_response() -> Result<()> {
    let with = scene().await?;
    let without = Scene::of(|proxy| proxy).await?;
    for scene in [&with, &without] {
        for upstream in [&scene.upstreams.v2, &scene.upstreams.nobody] {
            let script = Script::status(203)
                .header("x-mine", "1")
                .header("set-cookie", "a=1");
            upstream.script(script.header("set-cookie", "b=2"));
        }
    }
    for protocol in PROTOCOLS {
        for (host, upstream) in [("reviews", "v2"), ("other", "nobody")] {
            let decided = with.client(protocol).get(host, "/", &[]).await?;
            let passed = without.client(protocol).get(host, "/", &[]).await?;
            assert_eq!(decided.upstream(), Some(upstream), "{protocol:?}");
            assert_eq!(fields(&decided), fields(&passed), "{protocol:?} {host}");
        }
    }
    with.end().await?;
    without.end().await
}

/// The header fields of an answer without those that depend on the time or on the upstream.
fn fields(answer: &Answer) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        fields.entry(name.to_string()).or_default().push(value);
    }
    for name in ["date", "x-envoy-upstream-service-time", "x-upstream"] {
        fields.remove(name);
    }
    fields
}
