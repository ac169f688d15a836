//! `KEEP=1`: the stage stays, for whoever wants to play.

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

    story.say("\n\nEverything goes on running, until Ctrl-C.")?;
    story.quote("Configuration", CONFIG)?;
    story.quote("The rule", &get("-H 'end-user: jason' "))?;
    story.quote(
        "The split",
        &format!("for i in $(seq 200); do {}; done | sort | uniq -c", get("")),
    )?;
    story.quote(
        "Why a request went where it went",
        &format!(
            "{} | grep x-halftone",
            get(&format!("-i -H '{EXPLAIN}: 1' "))
        ),
    )?;
    story.quote(
        "What became of the copies to v3, those of the scenes included",
        &format!("curl -s http://{admin}/stats/prometheus | grep '^halftone_mirrors_total.*v3'"),
    )?;
    story.quote(
        "What Prometheus sees",
        &format!("curl -s http://{admin}/stats/prometheus | grep ^halftone_requests"),
    )?;
    ctrl_c().await.context("waiting for Ctrl-C")?;
    story.say("\nStopped.")
}
