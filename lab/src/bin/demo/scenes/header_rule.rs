//! A rule on a header.

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
    rules:
    - name: jason
      match:
      - headers: { end-user: { exact: jason } }
      version: v2
explain: { header: x-halftone-explain }
";

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A header rule",
        "Requests with `end-user: jason` go to v2, all others to v1. A client cannot choose its\n\
         version by sending the routing header itself.",
    )?;
    story.quote("Configuration", CONFIG)?;
    stage.configure(CONFIG).await?;

    let requests = [
        ("end-user: jason", "v2, rule:jason"),
        ("end-user: alice", "v1, principal"),
        ("x-halftone-version: v2", "v1, principal"),
    ];
    let mut rows = vec![Row::text(
        "(no header)",
        "v1, principal",
        &stage.ask(&[]).await?,
    )];
    for (header, expected) in requests {
        let field = header.split_once(": ").unwrap_or_default();
        rows.push(Row::text(header, expected, &stage.ask(&[field]).await?));
    }
    story.observe(rows)
}
