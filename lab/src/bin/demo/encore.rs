//! `KEEP=1`: the stage stays, for whoever wants to play.

use anyhow::{Context, Result};
use tokio::signal::ctrl_c;

use crate::stage::{EXPLAIN, HOST, Ports, Stage};
use crate::story::Story;

/// Fixed, so that a command can be typed again.
pub const PORTS: Ports = Ports {
    http: 18080,
    admin: 18081,
};

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
explain: { header: x-halftone-explain }
";

/// Prints what to try, and waits for Ctrl-C.
pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    stage.configure(CONFIG).await?;
    let get = format!(
        "curl -s -H 'host: {HOST}' http://{}/",
        stage.envoy.address()
    );
    let admin = stage.envoy.admin();

    story.say("\n\nEverything goes on running, until Ctrl-C.")?;
    story.quote("Configuration", CONFIG)?;
    story.quote("The rule", &format!("{get} -H 'end-user: jason'"))?;
    story.quote(
        "The split",
        &format!("for i in $(seq 200); do {get}; done | sort | uniq -c"),
    )?;
    story.quote(
        "Why a request went where it went",
        &format!("{get} -i -H '{EXPLAIN}: 1' | grep x-halftone"),
    )?;
    story.quote(
        "What Prometheus sees",
        &format!("curl -s http://{admin}/stats/prometheus | grep ^halftone_"),
    )?;
    ctrl_c().await.context("waiting for Ctrl-C")?;
    story.say("\nStopped.")
}
