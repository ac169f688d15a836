//! A split by weight, request by request.

use anyhow::Result;

use crate::stage::Stage;
use crate::story::Story;
use crate::table::Row;

const CONFIG: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    split:
    - { version: v1, weight: 90 }
    - { version: v2, weight: 10 }
explain: { header: x-halftone-explain }
";

const REQUESTS: u64 = 20_000;

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A 90/10 split",
        "Each request goes to v2 with a probability of 10 percent. The shares of 20,000 requests\n\
         must be within four standard errors of 90 and 10 percent.",
    )?;
    story.quote("Configuration", CONFIG)?;
    stage.configure(CONFIG).await?;

    let report = stage.load().run(REQUESTS).await?;
    let of = |version| report.upstreams.get(version).copied().unwrap_or_default();
    story.observe(vec![
        Row::share("share of v1", 90.0, of("v1"), REQUESTS),
        Row::share("share of v2", 10.0, of("v2"), REQUESTS),
        Row::none("requests that failed", report.failed()),
    ])
}
