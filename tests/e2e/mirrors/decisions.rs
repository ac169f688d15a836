//! Mirrors work with any strategy and do not change decisions.

use anyhow::Result;
use serde_json::{Value, json};

use super::stage::{SHADOW, Stage, mirror, until_counted};
use crate::scene::{ASKED, PLUGIN, PROTOCOLS, Sent, active, decided, reviews};

/// The headers of a request, and its version and reason.
type Row = (Sent, &'static str, &'static str);

const JASON: Sent = &[ASKED, ("end-user", b"jason")];
const ANYBODY: Sent = &[ASKED];

#[tokio::test]
async fn a_mirror_works_with_any_strategy_and_alone() -> Result<()> {
    let testers = json!([{"headers": {"end-user": {"exact": "jason"}}}]);
    let rule = json!({"name": "testers", "match": testers, "version": "v2"});
    let preview = json!({"version": "v2", "match": testers});
    let strategies: [(Value, [Row; 2]); 4] = [
        (
            json!({"blueGreen": {"active": "v1", "preview": preview}}),
            [(JASON, "v2", "preview"), (ANYBODY, "v1", "active")],
        ),
        (
            json!({"canary": {"rules": [rule]}}),
            [(JASON, "v2", "rule:testers"), (ANYBODY, "v1", "principal")],
        ),
        (
            json!({"canary": {"takeOver": "v2"}}),
            [(JASON, "v2", "take-over"), (ANYBODY, "v2", "take-over")],
        ),
        (
            json!({}),
            [(JASON, "v1", "principal"), (ANYBODY, "v1", "principal")],
        ),
    ];
    let stage = Stage::new(&active("v1")).await?;
    let mut copies = 0;
    for (mut strategy, rows) in strategies {
        let what = strategy.to_string();
        strategy["mirrors"] = json!([mirror(SHADOW, json!({}))]);
        let config = reviews(strategy).to_string();
        stage.scene.envoy.apply(PLUGIN, Some(&config)).await?;
        for protocol in PROTOCOLS {
            let client = stage.scene.client(protocol);
            for (sent, version, reason) in rows {
                let answer = client.get("reviews", "/", sent).await?;
                assert_eq!(answer.upstream(), Some(version), "{what}");
                assert_eq!(decided(&answer, "reason"), Some(reason), "{what}");
                let other = client.get("other", "/", sent).await?;
                assert_eq!(other.upstream(), Some("nobody"), "{what}");
                copies += 1;
            }
        }
        stage.until(&[("answered", copies)]).await?;
        assert_eq!(stage.shadow.received(), copies, "{what}");
    }
    stage.end().await
}

/// A mirror draws by the session of a request, and does not start one.
#[tokio::test]
async fn no_session_is_issued_for_a_mirror() -> Result<()> {
    let rule = json!({
        "name": "testers", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "version": "v2",
    });
    let split = json!([{"version": "v1", "weight": 1}, {"version": "v2", "weight": 1}]);
    let stage = Stage::new(&reviews(json!({
        "canary": {"rules": [rule], "split": split, "session": {"cookie": {}}},
        "mirrors": [mirror(SHADOW, json!({"percentage": 50}))],
    })))
    .await?;
    let mut issued = 0;
    for _ in 0..20 {
        let answer = stage.scene.get(JASON).await?;
        assert_eq!(answer.header("set-cookie"), None);
        let answer = stage.scene.get(ANYBODY).await?;
        issued += usize::from(answer.header("set-cookie").is_some());
    }
    assert_eq!(issued, 20);
    // Half of 40, within 6 sigma.
    until_counted(&stage.scene, SHADOW, 2).await?;
    stage.end().await
}
