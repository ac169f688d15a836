//! The metrics, as Prometheus gets them with the published tag rules.

use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::Protocol;
use halftone_lab::upstream::Script;
use halftone_lab::wait;
use serde_json::{Value, json};

use crate::scene::{
    ASKED, CLASSES, REQUESTS, RESPONSES, SOON, Scene, Sent, VERSION, decided, reviews,
};

const DURATIONS: &str = "halftone_request_duration_milliseconds_count";

/// Every reason of a canary except `take-over`. A version without weight has no counter.
fn canary() -> Value {
    reviews(json!({"canary": {
        "rules": [
            {"name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2"},
            {
                "name": "beta", "match": [{"headers": {"x-group": {"exact": "beta"}}}],
                "split": [{"version": "v2", "weight": 0}, {"version": "v1", "weight": 1}],
            },
        ],
        "split": [{"version": "v2", "weight": 1}, {"version": "v1", "weight": 0}],
        "session": {"key": [{"header": "x-user-id"}]},
    }}))
}

#[tokio::test]
async fn every_counter_exists_before_the_first_request() -> Result<()> {
    let scene = Scene::new(&canary()).await?;
    let mut expected = vec![
        r#"halftone_budget_exceeded_total{release="reviews"}"#.to_owned(),
        "halftone_config_rejected{}".to_owned(),
        r#"halftone_conflicts_total{release="reviews"}"#.to_owned(),
        "halftone_plugins{}".to_owned(),
        "halftone_releases{}".to_owned(),
    ];
    for (reason, version) in [
        ("principal", "v1"),
        ("rule:beta", "v1"),
        ("rule:testers", "v2"),
        ("session", "v2"),
        ("split", "v2"),
    ] {
        expected.push(format!(
            r#"{REQUESTS}{{reason="{reason}",release="reviews",version="{version}"}}"#
        ));
    }
    for class in CLASSES {
        for version in ["v1", "v2"] {
            expected.push(format!(
                r#"{RESPONSES}{{class="{class}",release="reviews",version="{version}"}}"#
            ));
        }
    }
    for version in ["v1", "v2"] {
        let share = format!(r#"halftone_share_ppm{{release="reviews",version="{version}"}}"#);
        expected.push(share);
    }
    let metrics = scene.envoy.metrics().await?;
    let mut series = metrics.series("halftone_");
    // Histograms appear at the next flush, and have their own test.
    series.retain(|series| !series.starts_with("halftone_request_duration"));
    assert_eq!(series, expected);
    for name in metrics.names("halftone_") {
        let expected = match name {
            "halftone_plugins" | "halftone_releases" => 1.0,
            "halftone_share_ppm" => 1e6,
            _ => 0.0,
        };
        assert_eq!(metrics.sum(name, &[]), expected, "{name}");
    }
    scene.end().await
}

#[tokio::test]
async fn a_value_that_the_budget_of_a_request_leaves_unread_is_counted() -> Result<()> {
    let costly = json!({"headers": {"x-costly": {"regex": "(?:[a-z]{0,5}){0,5}0"}}});
    let rules = json!([{"name": "costly", "match": [costly], "version": "v2"}]);
    let scene = Scene::new(&reviews(json!({"canary": {"rules": rules}}))).await?;
    let unread = async || {
        scene
            .metric("halftone_budget_exceeded_total", &[("release", "reviews")])
            .await
    };
    let value = [b'a'; 2_048];
    let costly: (&str, &[u8]) = ("x-costly", &value);
    let answer = scene.get(&[ASKED, costly]).await?;
    assert_eq!(decided(&answer, "reason"), Some("principal"));
    assert_eq!(unread().await?, 0.0, "one value");
    let answer = scene.get(&[&[ASKED][..], &[costly; 25]].concat()).await?;
    assert_eq!(decided(&answer, "reason"), Some("principal"));
    let counted = unread().await?;
    assert!((1.0..25.0).contains(&counted), "{counted} of 25 values");
    scene.end().await
}

#[tokio::test]
async fn no_part_of_a_request_becomes_a_label() -> Result<()> {
    let scene = Scene::new(&canary()).await?;
    scene.get(&[("x-group", b"beta")]).await?;
    scene.get(&[]).await?;
    let durations = async || Ok(scene.metric(DURATIONS, &[]).await? == 2.0);
    wait::until(SOON, "both durations", durations).await?;
    let before = scene.envoy.metrics().await?.series("halftone_");
    assert!(before.contains(&format!(r#"{DURATIONS}{{release="reviews",version="v2"}}"#)));
    let client = scene.client(Protocol::Http1);
    for place in 0..200 {
        let host = if place % 2 == 0 {
            "reviews".into()
        } else {
            format!("host-{place}")
        };
        let value = format!("release=.=forged-{place};.;version=.=x;.;");
        let sent = ["x-user-id", "end-user", "x-group", "user-agent", VERSION];
        let sent = sent.map(|name| (name, value.as_bytes()));
        client
            .get(&host, &format!("/{place}?{value}"), &sent)
            .await?;
    }
    assert_eq!(
        scene.metric(REQUESTS, &[("reason", "session")]).await?,
        100.0
    );
    let durations = async || Ok(scene.metric(DURATIONS, &[]).await? == 102.0);
    wait::until(SOON, "all durations", durations).await?;
    assert_eq!(scene.envoy.metrics().await?.series("halftone_"), before);
    scene.end().await
}

/// The headers of a request, and the version and the reason of its count.
type Row = (Sent, &'static str, &'static str);

#[tokio::test]
async fn requests_are_counted_by_version_and_reason() -> Result<()> {
    let canary_table: [Row; 4] = [
        (&[], "v2", "split"),
        (&[("x-user-id", b"3")], "v2", "session"),
        (&[("end-user", b"jason")], "v2", "rule:testers"),
        (&[("x-group", b"beta")], "v1", "rule:beta"),
    ];
    let blue_green = reviews(json!({"blueGreen": {
        "active": "v1",
        "preview": {"version": "v2", "match": [{"headers": {"x-preview": {"present": true}}}]},
    }}));
    let take_over = reviews(json!({"canary": {"takeOver": "v2"}}));
    let principal = reviews(json!({"canary": {}}));
    let tables: [(Value, &[Row]); 4] = [
        (canary(), &canary_table),
        (
            blue_green,
            &[
                (&[], "v1", "active"),
                (&[("x-preview", b"")], "v2", "preview"),
            ],
        ),
        (take_over, &[(&[], "v2", "take-over")]),
        (principal, &[(&[], "v1", "principal")]),
    ];
    for (config, table) in tables {
        let scene = Scene::new(&config).await?;
        for (place, (sent, version, reason)) in table.iter().enumerate() {
            let labels = [
                ("release", "reviews"),
                ("version", version),
                ("reason", reason),
            ];
            for counted in 1..4 {
                scene.get(sent).await?;
                assert_eq!(
                    scene.metric(REQUESTS, &labels).await?,
                    f64::from(counted),
                    "{version} {reason}"
                );
            }
            assert_eq!(scene.metric(REQUESTS, &[]).await?, 3.0 * (place + 1) as f64);
        }
        scene.client(Protocol::Http1).get("other", "/", &[]).await?;
        assert_eq!(
            scene.metric(REQUESTS, &[]).await?,
            3.0 * table.len() as f64,
            "nobody's"
        );
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn durations_are_measured_by_version() -> Result<()> {
    let scene = Scene::new(&canary()).await?;
    for version in ["v1", "v2"] {
        let slow = Duration::from_millis(60);
        for upstream in [&scene.upstreams.v1, &scene.upstreams.v2] {
            upstream.script(Script::status(200).delay(slow));
        }
        let group: &[u8] = if version == "v1" { b"beta" } else { b"" };
        for _ in 0..3 {
            scene.get(&[("x-group", group)]).await?;
        }
        let labels = [("release", "reviews"), ("version", version)];
        let all = async || Ok(scene.metric(DURATIONS, &labels).await? == 3.0);
        wait::until(SOON, "three durations", all).await?;
        let sum = scene
            .metric("halftone_request_duration_milliseconds_sum", &labels)
            .await?;
        assert!((150.0..10_000.0).contains(&sum), "{version}: {sum}");
    }
    scene.end().await
}

#[tokio::test]
async fn without_response_metrics_a_response_still_gets_what_the_decision_adds() -> Result<()> {
    let mut config = canary();
    config["metrics"] = json!({"responses": false});
    let scene = Scene::new(&config).await?;
    let sent: Sent = &[ASKED, ("end-user", b"jason")];
    let answer = scene.get(sent).await?;
    assert_eq!(answer.upstream(), Some("v2"));
    assert_eq!(decided(&answer, "reason"), Some("rule:testers"));
    assert_eq!(
        scene
            .metric(REQUESTS, &[("reason", "rule:testers")])
            .await?,
        1.0
    );
    let metrics = scene.envoy.metrics().await?;
    for name in metrics.names("halftone_") {
        assert!(
            !name.contains("_response") && !name.contains("_duration"),
            "{name}"
        );
    }
    scene.end().await
}
