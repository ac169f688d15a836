//! A rule on the client's operating system.

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
    - name: iphones
      match:
      - clientOs: [ios]
      version: v2
explain: { header: x-halftone-explain }
";

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.5 Safari/605.1.15";

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A rule on the client's operating system",
        "iPhones go to v2. Halftone reads the operating system from User-Agent. Both an iPhone\n\
         and a Mac send \"Mac OS X\" there; Halftone distinguishes them.",
    )?;
    story.quote("Configuration", CONFIG)?;
    stage.configure(CONFIG).await?;

    let clients = [
        ("Safari on an iPhone", IPHONE, "v2, rule:iphones"),
        ("Chrome on Windows", WINDOWS, "v1, principal"),
        ("Safari on a Mac", MAC, "v1, principal"),
    ];
    let mut rows = Vec::new();
    for (client, user_agent, expected) in clients {
        let observed = stage.ask(&[("user-agent", user_agent)]).await?;
        rows.push(Row::text(client, expected, &observed));
    }
    story.observe(rows)
}
