//! The same key gets the same version from every worker and from the native core.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use halftone::draw::Draw;
use halftone::release::Releases;
use halftone_cases::Request;
use halftone_lab::client::Fields;
use serde_json::json;

use crate::scene::{ASKED, PROTOCOLS, Scene, decided, halves};

#[tokio::test]
async fn envoy_and_the_native_core_decide_alike() -> Result<()> {
    let config = halves(json!({"key": [{"header": "x-user-id"}]}));
    let releases = halftone::config::load_value(&config)?;
    let scene = Scene::new(&config).await?;
    let clients = PROTOCOLS.map(|protocol| scene.client(protocol));
    let mut versions = BTreeSet::new();
    for place in 0..200 {
        let key = format!("user-{place}");
        let expected = native(&releases, |request| request.add_header("x-user-id", &key))?;
        let sent: Fields<'_> = &[("x-user-id", key.as_bytes())];
        for client in &clients {
            let answer = client.get("reviews", "/", sent).await?;
            assert_eq!(answer.upstream(), Some(expected.as_str()), "{key}");
        }
        // Over a new connection, possibly from the other worker.
        assert_eq!(
            scene.get(sent).await?.upstream(),
            Some(expected.as_str()),
            "{key}"
        );
        versions.insert(expected);
    }
    assert_eq!(versions.len(), 2);
    scene.end().await
}

#[tokio::test]
async fn the_source_address_is_the_address_of_the_client() -> Result<()> {
    let config = halves(json!({"key": [{"sourceAddress": true}]}));
    let releases = halftone::config::load_value(&config)?;
    let scene = Scene::new(&config).await?;
    // The headers of the client, and the address that Envoy takes from them.
    let mut table: Vec<(Option<String>, String)> = [
        (None, "127.0.0.1"),
        (Some("10.0.0.1"), "10.0.0.1"),
        (Some("192.0.2.1, 10.0.0.7"), "10.0.0.7"),
        (Some("2001:DB8:0:0::1"), "2001:db8::1"),
        (Some("::1"), "::1"),
        (Some("nonsense"), "127.0.0.1"),
        (Some(""), "127.0.0.1"),
    ]
    .map(|(forwarded, address)| (forwarded.map(str::to_owned), address.to_owned()))
    .to_vec();
    let many =
        (1..=20).flat_map(|place| [format!("10.0.1.{place}"), format!("2001:db8::{place:x}")]);
    table.extend(many.map(|address| (Some(address.clone()), address)));
    let mut versions = BTreeSet::new();
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        for (forwarded, address) in &table {
            let source = address.parse()?;
            let expected = native(&releases, |request| request.source_address = Some(source))?;
            let mut sent = vec![ASKED];
            sent.extend(
                forwarded
                    .as_ref()
                    .map(|forwarded| ("x-forwarded-for", forwarded.as_bytes())),
            );
            let answer = client.get("reviews", "/", &sent).await?;
            assert_eq!(
                answer.upstream(),
                Some(expected.as_str()),
                "{protocol:?} {forwarded:?}"
            );
            assert_eq!(
                decided(&answer, "reason"),
                Some("session"),
                "{protocol:?} {forwarded:?}"
            );
            versions.insert(expected);
        }
    }
    assert_eq!(versions.len(), 2);
    scene.end().await
}

/// The version that the core decides natively.
fn native(releases: &Releases, complete: impl FnOnce(&mut Request)) -> Result<String> {
    let mut request: Request = serde_json::from_value(json!({"host": "reviews"}))?;
    complete(&mut request);
    let observed = halftone_cases::decide(releases, &request, Draw::default());
    observed.version.context("no version")
}
