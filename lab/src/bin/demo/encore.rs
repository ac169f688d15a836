//! `KEEP=1`: Envoy and the versions keep running, and you get commands to try.

use anyhow::{Context, Result};
use tokio::signal::ctrl_c;

use crate::stage::{EXPLAIN, HOST, Stage};
use crate::story::Story;

const CONFIG: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    rules:
    - name: jason
      match:
      - headers: { end-user: { exact: jason } }
      version: v2
    split:
    - { version: v1, weight: 90 }
    - { version: v2, weight: 10 }
  mirrors:
  - { name: v3, cluster: reviews-v3 }
explain: { header: x-halftone-explain }
";

/// Prints what to try, and waits for Ctrl-C.
pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    stage.configure(CONFIG).await?;
    let http = stage.envoy.address();
    let get = |options| format!("curl -s -H 'host: {HOST}' {options}http://{http}/");
    let admin = stage.envoy.admin();

    story.say("\n\nEverything keeps running until you press Ctrl-C.")?;
    story.quote("Configuration", CONFIG)?;
    story.quote("The rule", &get("-H 'end-user: jason' "))?;
    story.quote(
        "The split",
        &format!("for i in $(seq 200); do {}; done | sort | uniq -c", get("")),
    )?;
    story.quote(
        "The reason for a decision",
        &format!(
            "{} | grep x-halftone",
            get(&format!("-i -H '{EXPLAIN}: 1' "))
        ),
    )?;
    story.quote(
        "The outcomes of the copies to v3, including those of the scenes",
        &format!("curl -s http://{admin}/stats/prometheus | grep '^halftone_mirrors_total.*v3'"),
    )?;
    story.quote(
        "The metrics that Prometheus scrapes",
        &format!("curl -s http://{admin}/stats/prometheus | grep ^halftone_requests"),
    )?;
    ctrl_c().await.context("waiting for Ctrl-C")?;
    story.say("\nStopped.")
}
