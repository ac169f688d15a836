//! The metrics of mirrors.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::upstream::Script;
use halftone_lab::wait;
use serde_json::json;

use super::stage::{DURATIONS, MIRRORS, OUTCOMES, SHADOW, Stage, mirror, mirrored};
use crate::scene::SOON;

#[tokio::test]
async fn every_counter_starts_at_0_and_the_time_to_an_answer_is_measured() -> Result<()> {
    let other = mirror(SHADOW, json!({"name": "other", "methods": ["OPTIONS"]}));
    let mirrors = [mirror(SHADOW, json!({"timeout": "3s"})), other];
    let stage = Stage::new(&mirrored(mirrors)).await?;
    let mut expected = Vec::new();
    for mirror in ["other", SHADOW] {
        for outcome in OUTCOMES {
            expected.push(format!(
                r#"{MIRRORS}{{mirror="{mirror}",outcome="{outcome}",release="reviews"}}"#
            ));
        }
    }
    expected.sort_unstable();
    let metrics = stage.scene.envoy.metrics().await?;
    assert_eq!(metrics.series(MIRRORS), expected);
    assert_eq!(metrics.sum(MIRRORS, &[]), 0.0);

    let slow = Script::status(503).delay(Duration::from_millis(60));
    let client = stage.scene.client(Protocol::Http1);
    for (script, counted) in [
        (slow.clone(), &[("answered", 1)][..]),
        (Script::hang(), &[("answered", 1), ("timeout", 1)]),
        (slow, &[("answered", 2), ("timeout", 1)]),
        (
            Script::reset(),
            &[("answered", 2), ("timeout", 1), ("failed", 1)],
        ),
    ] {
        stage.shadow.script(script);
        client.get("reviews", "/", &[]).await?;
        stage.until(counted).await?;
    }
    let labels = [("release", "reviews"), ("mirror", SHADOW)];
    let both = async || Ok(stage.scene.metric(DURATIONS, &labels).await? == 2.0);
    wait::until(SOON, "two durations", both).await?;
    let name = "halftone_mirror_duration_milliseconds_sum";
    let sum = stage.scene.metric(name, &labels).await?;
    assert!((100.0..10_000.0).contains(&sum), "{sum}");
    let metrics = stage.scene.envoy.metrics().await?;
    assert_eq!(metrics.series(MIRRORS), expected);
    assert_eq!(metrics.sum(MIRRORS, &[("mirror", "other")]), 0.0);
    let responses = "halftone_mirror_responses_total";
    assert_eq!(metrics.series(responses).len(), 2 * 6);
    let answered = [("mirror", SHADOW), ("class", "5xx")];
    assert_eq!(metrics.sum(responses, &answered), 2.0);
    assert_eq!(metrics.sum(responses, &[]), 2.0, "only what was answered");
    let histograms = metrics.series(DURATIONS);
    let of = |mirror| format!(r#"{DURATIONS}{{mirror="{mirror}",release="reviews"}}"#);
    assert_eq!(histograms, ["other", SHADOW].map(of));
    stage.end().await
}
