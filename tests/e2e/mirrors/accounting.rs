//! Every request is mirrored once, and its outcome is counted once.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::repeated;
use halftone_lab::load::Load;
use halftone_lab::upstream::{Gate, Script};
use halftone_lab::wait;
use serde_json::json;

use super::stage::{
    DURATIONS, SHADOW, Stage, by_envoy, ids, mirror, mirrored, outcomes, until_counted,
};
use crate::scene::{SOON, plugin};

const WORKERS: u64 = 2;

/// Envoy answers for production. The access log has the ids of the requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_twenty_thousand_requests_has_one_copy() -> Result<()> {
    let config = mirrored([mirror(SHADOW, json!({"maxInFlight": 100_000}))]);
    let stage = Stage::of(|proxy| {
        by_envoy(proxy.plugin(plugin(&config))).access_log("%REQ(X-REQUEST-ID)%")
    })
    .await?;
    let slow = Duration::from_millis(20);
    stage.shadow.script(Script::status(200).delay(slow));
    let address = stage.scene.envoy.address();
    let get = b"GET / HTTP/1.1\r\nhost: reviews\r\n\r\n";
    let http1 = || repeated(address, get, b"\r\n\r\n", 4500);
    let http2 = Load::new(address).host("reviews").http2().run(2000);
    let (_, _, _, _, report) = tokio::try_join!(http1(), http1(), http1(), http1(), http2)?;
    assert_eq!(report.failed(), 0);

    stage.until(&[("answered", 20_000)]).await?;
    let copies = ids(&stage.shadow.requests());
    assert_eq!(copies.len(), 20_000);
    assert!(copies.windows(2).all(|pair| pair[0] != pair[1]));
    let logged = async || {
        let log = stage.scene.envoy.access_log()?;
        let mut logged: Vec<&str> = log.lines().collect();
        logged.sort_unstable();
        Ok(logged == copies)
    };
    wait::until(SOON, "the ids of the copies in the access log", logged).await?;
    let durations = async || Ok(stage.scene.metric(DURATIONS, &[]).await? == 20_000.0);
    wait::until(SOON, "20,000 durations", durations).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_max_in_flight_copies_wait_for_an_answer() -> Result<()> {
    let config = mirrored([mirror(SHADOW, json!({"maxInFlight": 3}))]);
    let stage = Stage::new(&config).await?;
    stage.scene.upstreams.v1.script(Script::status(200));
    // The mirror answers no copy before all 200 requests are answered, and then each copy.
    let gate = Gate::closed();
    stage.shadow.script(Script::status(200).behind(&gate));
    let load = Load::new(stage.scene.envoy.address()).host("reviews");
    assert_eq!(load.clone().run(200).await?.failed(), 0);
    gate.open();
    assert_eq!(load.run(800).await?.failed(), 0);

    until_counted(&stage.scene, SHADOW, 1000).await?;
    let outcomes = outcomes(&stage.scene, SHADOW).await?;
    let [("answered", answered), ("too_many", too_many)] = outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(answered + too_many, 1000);
    assert_eq!(stage.shadow.received(), answered);
    let most = stage.shadow.most_at_once();
    assert!((1..=3 * WORKERS).contains(&most), "{most}");
    stage.end().await
}
