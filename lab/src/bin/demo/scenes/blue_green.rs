//! A blue-green switch and its rollback.

use anyhow::Result;

use crate::stage::Stage;
use crate::story::Story;
use crate::table::Row;

fn config(active: &str) -> String {
    format!(
        "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  blueGreen:
    active: {active}
    preview:
      version: v2
      match:
      - headers:
          x-preview:
            present: true
explain:
  header: x-halftone-explain
"
    )
}

/// The number of requests in each position of the switch. They come on top of the continuous traffic.
const REQUESTS: u64 = 1_000;

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A blue-green switch and its rollback",
        "All traffic goes to the active version. Testers preview the other one. Changing one\n\
         word switches, and changing it back rolls back. Traffic never stops, and no request\n\
         fails.",
    )?;
    story.quote("Configuration, before the switch", &config("v1"))?;
    stage.configure(&config("v1")).await?;
    let traffic = stage.traffic().await?;

    let preview = stage.ask(&[("x-preview", "yes")]).await?;
    let mut rows = vec![Row::text("x-preview: yes", "v2, preview", &preview)];
    for (position, active, other) in [
        ("active: v1", "v1", "v2"),
        ("switched to active: v2", "v2", "v1"),
        ("rolled back to active: v1", "v1", "v2"),
    ] {
        stage.configure(&config(active)).await?;
        let report = stage.load().connections(4).run(REQUESTS).await?;
        let by = |version| report.upstreams.get(version).copied().unwrap_or_default();
        rows.extend([
            Row::text(
                position,
                &format!("{active}, active"),
                &stage.ask(&[]).await?,
            ),
            Row::count(&format!("  answers from {active}"), REQUESTS, by(active)),
            Row::none(&format!("  answers from {other}"), by(other)),
        ]);
    }

    let report = traffic.stop().await?;
    rows.extend([
        Row::some("continuous traffic: answers", report.answers()),
        Row::none("  requests that failed", report.failed()),
    ]);
    story.observe(rows)
}
