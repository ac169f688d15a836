//! A configuration with mistakes, under traffic.

use anyhow::Result;
use halftone_lab::envoy::Applied;

use crate::stage::{EXPLAIN, Stage};
use crate::story::Story;
use crate::table::Row;

const GOOD: &str = "
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

/// All mistakes here are intended.
const BAD: &str = "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    rules:
    - name: jason
      match:
      - headers: { end-user: { exactly: jason } }
      version: v2
    split:
    - { version: v1, weight: 110 }
    - { version: v2, weight: -10 }
explain: { header: x halftone explain }
";

/// The fields with mistakes.
const MISTAKES: [&str; 3] = [
    "releases[0].canary.rules[0].match[0].headers.end-user.exactly",
    "releases[0].canary.split[1].weight",
    "explain.header",
];

fn repaired() -> String {
    BAD.replace("exactly", "exact")
        .replace("110", "90")
        .replace("-10", "10")
        .replace("x halftone explain", EXPLAIN)
}

/// The number of requests after the rejected update. They come on top of the continuous traffic.
const REQUESTS: u64 = 1_000;

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A bad update is rejected",
        "An update with three mistakes arrives under traffic. Halftone reports all three in\n\
         Envoy's log, rejects the update, and keeps the last good configuration until a\n\
         repaired one arrives.",
    )?;
    story.quote("Configuration in force", GOOD)?;
    story.quote("The update", BAD)?;
    stage.configure(GOOD).await?;
    let traffic = stage.traffic().await?;

    let log_before = stage.envoy.log()?.len();
    let bad = outcome(stage, BAD).await?;
    let log = stage.envoy.log()?;
    let reported = reported(log.get(log_before..).unwrap_or_default());
    story.quote("Envoy's log, without timestamps", &reported.join("\n"))?;

    let mistakes = MISTAKES.map(|place| format!("halftone: {place}: "));
    let found = mistakes.iter().filter(|mistake| {
        reported
            .iter()
            .any(|line| line.starts_with(mistake.as_str()))
    });
    let jason = stage.ask(&[("end-user", "jason")]).await?;
    let others = stage.load().connections(4).run(REQUESTS).await?;
    let by_v1 = others.upstreams.get("v1").copied().unwrap_or_default();
    let mut rows = vec![
        Row::text("the update", "rejected", bad),
        Row::count(
            "  mistakes reported",
            MISTAKES.len() as u64,
            found.count() as u64,
        ),
        Row::count("  halftone_config_rejected", 1, rejected(stage).await?),
        Row::text("  end-user: jason", "v2, rule:jason", &jason),
        Row::count("  others: answers from v1", REQUESTS, by_v1),
    ];

    let good = outcome(stage, &repaired()).await?;
    let report = traffic.stop().await?;
    rows.extend([
        Row::text("the repaired update", "accepted", good),
        Row::none("  halftone_config_rejected", rejected(stage).await?),
        Row::some("continuous traffic: answers", report.answers()),
        Row::none("  requests that failed", report.failed()),
    ]);
    story.observe(rows)
}

/// Whether Halftone accepts `yaml` as an update.
async fn outcome(stage: &Stage, yaml: &str) -> Result<&'static str> {
    Ok(match stage.update(yaml).await? {
        Applied::Accepted => "accepted",
        Applied::Rejected => "rejected",
    })
}

/// The gauge `halftone_config_rejected`.
async fn rejected(stage: &Stage) -> Result<u64> {
    let metrics = stage.envoy.metrics().await?;
    Ok(metrics.sum("halftone_config_rejected", &[]) as u64)
}

/// The lines of Halftone in `log`, without duplicates: each worker may log the same line.
fn reported(log: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in log.lines() {
        let from = line.find("halftone: ").and_then(|at| line.get(at..));
        if let Some(line) = from
            && !lines.contains(&line)
        {
            lines.push(line);
        }
    }
    lines
}
