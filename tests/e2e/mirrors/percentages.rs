//! The number of mirrored requests, and their choice.

use std::collections::BTreeSet;

use anyhow::Result;
use halftone::draw::Draw;
use halftone::request::RequestHead;
use halftone_lab::client::repeated;
use halftone_lab::upstream::{Received, Script};
use halftone_lab::wait;
use serde_json::{Value, json};

use super::stage::{MIRRORS, SHADOW, Stage, by_envoy, mirror, outcomes};
use crate::scene::{PLUGIN, PROTOCOLS, SOON, plugin, reviews};

const REQUESTS: usize = 20_000;

/// The number of users, with one request each.
const USERS: u32 = 100;

/// A mirror whose copies have its name in a header.
fn sample(name: &str, percentage: f64) -> Value {
    mirror(
        SHADOW,
        json!({
            "name": name, "percentage": percentage, "maxInFlight": 100_000,
            "headers": {"set": {"x-mirror": name}},
        }),
    )
}

/// The values of the header `of` in the copies of the mirror `name`.
fn copies(requests: &[Received], name: &str, of: &str) -> BTreeSet<String> {
    let copies = requests
        .iter()
        .filter(|copy| copy.header("x-mirror").as_deref() == Some(name));
    copies.filter_map(|copy| copy.header(of)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_percentage_of_the_requests_is_mirrored_and_a_larger_one_includes_a_smaller() -> Result<()>
{
    let mirrors = [
        sample("five", 5.0),
        sample("ten", 10.0),
        sample("none", 0.0),
    ];
    let config = reviews(json!({"mirrors": mirrors}));
    let stage = Stage::of(|proxy| by_envoy(proxy.plugin(plugin(&config)))).await?;
    stage.shadow.script(Script::status(200));
    let (address, times) = (stage.scene.envoy.address(), REQUESTS / 4);
    let get = b"GET / HTTP/1.1\r\nhost: reviews\r\n\r\n";
    let some = || repeated(address, get, b"\r\n\r\n", times);
    tokio::try_join!(some(), some(), some(), some())?;
    wait::until(SOON, "all copies", async || {
        let counted = stage.scene.metric(MIRRORS, &[]).await?;
        Ok(counted > 0.0 && counted == stage.shadow.received() as f64)
    })
    .await?;
    let requests = stage.shadow.requests();
    let [five, ten, none] =
        ["five", "ten", "none"].map(|name| copies(&requests, name, "x-request-id"));
    for (mirror, ids, share) in [
        ("five", &five, 0.05),
        ("ten", &ten, 0.10),
        ("none", &none, 0.0),
    ] {
        let expected = Vec::from_iter((share > 0.0).then_some(("answered", ids.len() as u64)));
        assert_eq!(outcomes(&stage.scene, mirror).await?, expected);
        let (all, count) = (REQUESTS as f64, ids.len() as f64);
        let sigma = (all * share * (1.0 - share)).sqrt();
        assert!(
            (count - all * share).abs() <= 6.0 * sigma,
            "{mirror}: {count}"
        );
    }
    assert!(five.is_subset(&ten));
    stage.end().await
}

#[tokio::test]
async fn the_same_sessions_are_mirrored_by_every_worker_and_after_an_update() -> Result<()> {
    let config = |percentage, timeout: &str| {
        let mut mirror = sample("sample", percentage);
        mirror["timeout"] = timeout.into();
        let session = json!({"key": [{"header": "x-user-id"}]});
        reviews(json!({"canary": {"session": session}, "mirrors": [mirror]}))
    };
    let stage = Stage::new(&config(30.0, "5s")).await?;
    stage.scene.upstreams.v1.script(Script::status(200));
    let mut before = BTreeSet::new();
    for (percentage, timeout) in [(30.0, "1s"), (30.0, "2s"), (60.0, "1s")] {
        let config = config(percentage, timeout);
        stage
            .scene
            .envoy
            .apply(PLUGIN, Some(&config.to_string()))
            .await?;
        let expected = natively(&config)?;
        stage.shadow.forget();
        // Each time over another connection, so from either worker.
        let clients = PROTOCOLS.map(|protocol| stage.scene.client(protocol));
        for client in &clients {
            for user in 0..USERS {
                let user = user.to_string();
                let sent = [("x-user-id", user.as_bytes())];
                client.get("reviews", "/", &sent).await?;
            }
        }
        stage
            .until_received((expected.len() * clients.len()) as u64)
            .await?;
        let mirrored = copies(&stage.shadow.requests(), "sample", "x-user-id");
        assert_eq!(mirrored, expected);
        assert!(before.is_subset(&mirrored));
        before = mirrored;
    }
    // 60 % of 100, within 6 sigma.
    assert!((31..=89).contains(&before.len()), "{}", before.len());
    stage.end().await
}

/// The users whose requests the native core mirrors.
fn natively(config: &Value) -> Result<BTreeSet<String>> {
    let releases = halftone::config::load_value(config)?;
    let release = &releases.all()[0];
    let mut mirrored = BTreeSet::new();
    for user in 0..USERS {
        let user = user.to_string();
        let headers = [
            (&b":authority"[..], &b"reviews"[..]),
            (b":method", b"GET"),
            (b":path", b"/"),
            (b"x-user-id", user.as_bytes()),
        ];
        let head = RequestHead::new(&headers);
        if release
            .decide(&head, Draw::default(), &mut ())
            .mirrors(&head)
            .next()
            .is_some()
        {
            mirrored.insert(user);
        }
    }
    Ok(mirrored)
}
